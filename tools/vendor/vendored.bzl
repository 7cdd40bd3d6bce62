"""Files of a vendor directory, which `//:vendor` writes: repository rules take them instead of downloading.

The environment variable BAZELW_VENDOR names the directory. Digests name its files, as in Bazel's repository
cache; Go modules are below `go`, in the layout of a module proxy.
"""

_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

_HEX_DIGITS = {
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
}

_STEP = ("on a machine with a network, run ./bazelw run //:vendor -- --out=DIR in the same checkout, with --targets of this " +
         "build, and copy DIR to this machine again")

def digest_of(integrity):
    """Decode a digest in npm's format.

    Args:
        integrity: algorithm and base64: sha512-….

    Returns:
        The algorithm and the digest in hex.
    """
    algorithm, _, text = integrity.partition("-")
    values = [_BASE64.find(letter) for letter in text.rstrip("=").elems()]
    values += [0] * (len(values) % 2)
    digits = [("00%x" % (64 * values[at] + values[at + 1]))[-3:] for at in range(0, len(values), 2)]
    return algorithm, "".join(digits)[:_HEX_DIGITS[algorithm]]

def vendor_directory(rctx):
    """Find the vendor directory of this build.

    Args:
        rctx: repository context.

    Returns:
        Its absolute path, or None if files come from the network.
    """
    directory = rctx.os.environ.get("BAZELW_VENDOR", "")
    if directory and not directory.startswith("/"):
        fail("BAZELW_VENDOR={}: is not an absolute path: give the absolute path of the vendor directory".format(directory))
    return directory or None

def is_vendoring(rctx):
    """Return whether `//:vendor` runs this Bazel, and needs files that rules get by other means than Bazel's downloads.

    Args:
        rctx: repository context.
    """
    return rctx.os.environ.get("BAZELW_VENDORING") == "1"

def take_vendored(rctx, output, what, sha256 = "", integrity = ""):
    """Take a file from the vendor directory. Fail if the directory lacks it, or has other bytes.

    Args:
        rctx: repository context.
        output: path to write to.
        what: noun and name of the file, for messages.
        sha256: digest of the file, in hex.
        integrity: or its digest in npm's format.

    Returns:
        Whether there is a vendor directory.
    """
    directory = vendor_directory(rctx)
    if not directory:
        return False
    algorithm, digest = ("sha256", sha256) if sha256 else digest_of(integrity)
    file = "{}/content_addressable/{}/{}/file".format(directory, algorithm, digest)
    if not rctx.path(file).exists:
        fail("BAZELW_VENDOR={}: has no {} ({} {}): {}".format(directory, what, algorithm, digest, _STEP))
    url = "file://" + file.replace("%", "%25").replace(" ", "%20")
    if not rctx.download(url, output, sha256 = sha256, integrity = integrity, allow_fail = True).success:
        fail("BAZELW_VENDOR={}: {} is not the pinned {}; see the warning above: {}".format(directory, file, what, _STEP))
    return True

"""Downloading pinned packages from the Debian archive that the machine uses."""

def _archive_in(text):
    """Finds the archive's address in an apt source list, one-line or deb822.

    Args:
        text: content of the source list.

    Returns:
        The first http(s) address that ends in /debian, or None.
    """
    for line in text.split("\n"):
        if line.strip().startswith("#"):
            continue
        for word in line.split(" "):
            if word.startswith("http") and word.rstrip("/").endswith("/debian"):
                return word.rstrip("/")
    return None

def _mirrors(rctx):
    """Addresses of the archives on this machine.

    Args:
        rctx: repository context.

    Returns:
        dict from archive name to address without a final slash.
    """
    debian = rctx.os.environ.get("DEBIAN_MIRROR")
    if not debian:
        for folder in ["/etc/apt", "/etc/apt/sources.list.d"]:
            path = rctx.path(folder)
            for file in (path.readdir() if path.exists else []):
                if not debian and file.basename.split(".")[-1] in ["list", "sources"]:
                    debian = _archive_in(rctx.read(file))
    if not debian:
        fail("No address of a Debian archive: apt's sources on this machine name none. " +
             "Set the environment variable DEBIAN_MIRROR to the address of one (it ends in /debian).")
    debian = debian.rstrip("/")
    security = rctx.os.environ.get("DEBIAN_SECURITY_MIRROR") or debian + "-security"
    return {"debian": debian, "debian-security": security.rstrip("/")}

def download_packages(rctx, packages, folder):
    """Downloads packages by path and sha256 into a folder of the repository.

    Args:
        rctx: repository context of a rule that has the attribute `renew`.
        packages: package dicts of the lock, see lock.bzl.
        folder: folder to write to, relative to the repository.

    Returns:
        list of file paths relative to the repository, in the order of `packages`.
    """
    mirrors = _mirrors(rctx)
    files = []
    pending = []
    for package in packages:
        file = "{}/{}_{}.deb".format(folder, package["name"], package["architecture"])
        url = "{}/{}".format(mirrors[package["archive"]], package["path"].replace("+", "%2B").replace("~", "%7E"))
        files.append(file)
        pending.append(struct(
            package = package,
            result = rctx.download(url, file, sha256 = package["sha256"], allow_fail = True, block = False),
        ))
    for download in pending:
        if not download.result.wait().success:
            fail(_diagnosis(download, rctx.attr.renew))
    return files

def _diagnosis(download, renew):
    """Says what the reasons of a failed download mean.

    Bazel tells the reason in a warning and not to the rule, which cannot ask again without a checksum either: Bazel
    downloads nothing over plain http without one, and Debian's archives speak plain http.

    Args:
        download: struct with the package of the download.
        renew: how the lock is renewed.

    Returns:
        A message of one line.
    """
    package = download.package
    return ("Debian package {name} {version} ({architecture}) is not to be had as the lock pins it; the warning above has the reason. " +
            "'Checksum was': the archive sent other bytes, truncated or tampered with; retry, try another archive (DEBIAN_MIRROR), " +
            "and do not renew the lock before you know why. 'GET returned 404': the archive has dropped this version for a newer one; " +
            "{renew}. Anything else: the network failed; retry.").format(renew = renew, **package)

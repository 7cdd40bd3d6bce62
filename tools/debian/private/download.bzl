"""Downloads pinned packages, from this machine's archive of Debian or from Debian's snapshot service.

With a vendor directory, they come only from that directory.
"""

load("//tools/vendor:vendored.bzl", "take_vendored", "vendor_directory")

_VARIABLES = {
    "debian": "DEBIAN_MIRROR",
    "debian-security": "DEBIAN_SECURITY_MIRROR",
}

def _find_archives(rctx):
    """Run tools/debian/find_archives, which ./bazelw runs as well.

    Args:
        rctx: repository context.

    Returns:
        dict from the name of a setting in archives.conf to an address without a final slash.
    """
    done = rctx.execute(["/bin/sh", rctx.path(Label("//tools/debian:find_archives"))])
    if done.return_code:
        fail("tools/debian/find_archives failed: {}".format(done.stderr.strip().replace("\n", "; ")))
    return dict([line.split("=", 1) for line in done.stdout.splitlines()])

def urls_of(package, archives, snapshots):
    """List the addresses of a pinned package, in the order in which to try them.

    Args:
        package: package dict of the lock, see lock.bzl.
        archives: addresses by the names in archives.conf.
        snapshots: timestamps of the lock, see `snapshots_of` in lock.bzl.

    Returns:
        list of URLs.
    """
    archive = package["archive"]
    path = package["path"].replace("+", "%2B").replace("~", "%7E")
    urls = ["{}/{}".format(archives[_VARIABLES[archive]], path)]
    if archive in snapshots:
        urls.append("{}/{}/{}/{}".format(archives["DEBIAN_SNAPSHOT"], archive, snapshots[archive], path))
    return urls

def download_packages(rctx, packages, directory):
    """Download packages by path and sha256 into a directory of the repository.

    Args:
        rctx: repository context of a rule that has the attributes `update` and `snapshots`.
        packages: package dicts of the lock, see lock.bzl.
        directory: directory to write to, relative to the repository.

    Returns:
        list of file paths relative to the repository, in the order of `packages`.
    """
    archives = None if vendor_directory(rctx) else _find_archives(rctx)
    files = []
    pending = []
    for package in packages:
        file = "{}/{}_{}.deb".format(directory, package["name"], package["architecture"])
        files.append(file)
        if take_vendored(rctx, file, "Debian package {name} {version} ({architecture})".format(**package), sha256 = package["sha256"]):
            continue
        urls = urls_of(package, archives, rctx.attr.snapshots)
        pending.append(struct(
            package = package,
            urls = urls,
            result = rctx.download(urls, file, sha256 = package["sha256"], allow_fail = True, block = False),
        ))
    for download in pending:
        if not download.result.wait().success:
            fail(_diagnosis(download, rctx.attr.update))
    return files

def _diagnosis(download, update):
    """Describe which addresses failed, and what their answers mean.

    Bazel writes each answer into a warning and does not pass it to the rule. The rule cannot retry without a checksum
    either: Bazel then refuses plain http, which Debian's archives use.

    Args:
        download: struct with the package and the URLs of the download.
        update: how to update the lock.

    Returns:
        A message of one line.
    """
    return ("Cannot download Debian package {name} {version} ({architecture}), which the lock pins. Tried: {urls}; see the " +
            "warnings above. 'GET returned 404': the archive does not have this version; {update}. 'Checksum was': the " +
            "archive sent other bytes; retry or set DEBIAN_MIRROR, and do not update the lock until you know why. " +
            "Anything else: the network failed; retry.").format(
        update = update,
        urls = " and ".join(download.urls),
        **download.package
    )

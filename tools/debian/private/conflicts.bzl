"""Finds paths that two packages of one tree contain."""

def listed_files(md5sums, conffiles):
    """List the files of a package, from the control files by which dpkg verifies them.

    Args:
        md5sums: text of the control file of that name: lines of `DIGEST  PATH`.
        conffiles: text of the control file of that name: lines of `/PATH`, or of `remove-on-upgrade /PATH` for
            files that the package no longer has.

    Returns:
        list of paths: all regular files, and no symlinks, which no control file lists.
    """
    files = [line.partition("  ")[2] for line in md5sums.split("\n") if line]
    return files + [line.removeprefix("/") for line in conffiles.split("\n") if line.startswith("/")]

def find_conflict(owners, package, files, remove):
    """Find a path that an earlier package contains and this one would silently overwrite.

    Args:
        owners: dict from path to package, of the earlier packages. The function adds the paths of this one.
        package: the package.
        files: its paths.
        remove: directories to delete afterwards.

    Returns:
        A message, or None.
    """
    removed = [directory + "/" for directory in remove]
    for file in files:
        owner = owners.setdefault(file, package)
        if owner != package and not [directory for directory in removed if file.startswith(directory)]:
            return "both {} and {} have {}: exclude one of them (`exclude` of the tag in MODULE.bazel)".format(
                owner,
                package,
                file,
            )
    return None

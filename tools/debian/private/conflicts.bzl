"""Tells where two packages of one tree have one path."""

def listed_files(md5sums, conffiles):
    """List the files of a package, from what dpkg verifies them by.

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
    """Find a path that a package before has, which would be overwritten without a word.

    Args:
        owners: dict from path to package, of the packages before; the paths of this one are added.
        package: the package.
        files: its paths.
        remove: directories that are deleted after all.

    Returns:
        A message, or None.
    """
    removed = [directory + "/" for directory in remove]
    for file in files:
        owner = owners.setdefault(file, package)
        if owner != package and not [directory for directory in removed if file.startswith(directory)]:
            return "both {} and {} have {}: leave one of them out (`without` of the tag in MODULE.bazel)".format(
                owner,
                package,
                file,
            )
    return None

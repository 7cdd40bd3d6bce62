"""Providers of packages from the Debian archive."""

DebianPackagesInfo = provider(
    doc = "Debian packages of one architecture, as `.deb` files.",
    fields = {
        "architecture": "Architecture, as in @platforms//cpu: aarch64 or x86_64.",
        "packages": "depset of File: the `.deb` files, in the order of the lock.",
    },
)

ProgramInfo = provider(
    doc = "A program of an unpacked tree. It needs only a kernel and /bin/sh.",
    fields = {
        "files": "depset of File: everything it needs, the launcher included.",
        "program": "File: the launcher, to start by its path.",
    },
)

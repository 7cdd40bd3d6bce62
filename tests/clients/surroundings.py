"""Set up the environment of a published client: programs on its PATH, packages, settings."""

from __future__ import annotations

import os
import pathlib
import shlex

ARCHITECTURE = os.environ.get("ARCHITECTURE", "x86_64")
"""Architecture of the images, and of the machine that the client sees."""

_PROGRAMS = {
    "SANDBOX_QEMU": f"qemu-system-{ARCHITECTURE}",
    "SANDBOX_QEMU_IMG": "qemu-img",
    "SANDBOX_QEMU_STORAGE_DAEMON": "qemu-storage-daemon",
}


def path(variable: str) -> str:
    """Return the absolute path of a file that the test's rule names in an environment variable."""
    return os.path.abspath(os.environ[variable])


def script(file: pathlib.Path, *command: str) -> None:
    """Write a script that runs a program: a launcher finds its tree by its path, so a link would not work."""
    file.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    file.chmod(0o755)


def add_programs(directory: pathlib.Path) -> None:
    """Create `bin` in a directory, with the locked QEMU."""
    (directory / "bin").mkdir()
    for variable, program in _PROGRAMS.items():
        script(directory / "bin" / program, path(variable))


def add_images(directory: pathlib.Path, dist: pathlib.Path) -> None:
    """Create `images` in a directory, with a distribution's files and the replacement of gvproxy-wrapper."""
    images = directory / "images"
    images.mkdir()
    for file in dist.resolve().iterdir():
        (images / file.name).symlink_to(file)
    add_wrapper(images)


def add_wrapper(images: pathlib.Path) -> None:
    """Create the replacement of gvproxy-wrapper in a directory of images."""
    suffix = {"aarch64": "arm64", "x86_64": "amd64"}[ARCHITECTURE]
    script(images / f"gvproxy-wrapper-linux-{suffix}", path("CLIENT_PYTHON"), path("GVPROXY_WRAPPER"), path("GVPROXY"))


def environment(directory: pathlib.Path, hub: str) -> dict[str, str]:
    """Return the environment of a client.

    Args:
        directory: directory with `bin`; the client's home.
        hub: repository of the client's packages.
    """
    packages = [str(path) for path in pathlib.Path("..").resolve().glob(f"*{hub}_*/site-packages")]
    return {
        "ARCHITECTURE": ARCHITECTURE,
        "EXEC_SANDBOX_FORCE_EMULATION": "true",
        "HOME": str(directory),
        "PATH": f"{directory}/bin:/usr/bin:/bin",
        "PYTHONPATH": ":".join([os.path.dirname(path("CLIENT_SCRIPT")), *packages]),
        "TMPDIR": str(directory),
    }

"""Named guests: one command boots a guest, and others use it.

Each has its own directory below `ROOT`, and two locks beside it. The command that booted the guest holds one of them as
long as it runs. The command that uses the guest holds the other one, because the guest's ports take one host at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import stat
import struct
from collections.abc import Generator

from tools.cli import cli
from tools.cli.errors import InputError
from tools.sandbox import machine
from tools.sandbox.commands.images import Image

ROOT = pathlib.Path(f"/tmp/sandbox-{os.getuid()}")
"""Directory of the guests. A socket's path has at most 108 bytes, so it is below /tmp whatever TMPDIR is."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")

# struct flock: type, whence, start, length and process. Locks of an open file require process 0.
_FLOCK = "@hhqqi4x"


class Named(machine.Sockets):
    """A guest that another command has booted.

    Attributes:
        name: its name.
        image: name of its image.
        language: language of the image.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.directory = ROOT / name
        self.architecture, self.image, self.language = (self.directory / "image").read_text().split()

    @property
    def running(self) -> bool:
        """Whether the command that booted it runs."""
        return _is_locked(ROOT / f"{self.name}.lock")


def check_name(name: str) -> None:
    """Check a name.

    Raises:
        UsageError: it cannot be the name of a guest.
    """
    if not _NAME.fullmatch(name):
        raise cli.UsageError(
            f"{name!r} is not a guest's name: use 1 to 32 letters, digits, and after the first one _ . -"
        )


@contextlib.contextmanager
def booting(name: str, image: Image) -> Generator[pathlib.Path]:
    """Yield an empty directory for a new guest, which has the name as long as the context lasts.

    Raises:
        InputError: another guest has the name, or another user owns the directory of guests.
    """
    check_name(name)
    ROOT.mkdir(mode=0o700, exist_ok=True)
    _check_root()
    directory = ROOT / name
    with _lock(ROOT / f"{name}.lock", InputError(f"a guest {name!r} runs", fix="use another --name")):
        # The remains of a killed command.
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
        try:
            (directory / "image").write_text(f"{image.guest.architecture} {image.name} {image.language}\n")
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def running() -> list[Named]:
    """Return the running guests.

    Raises:
        InputError: another user owns the directory of guests.
    """
    guests: list[Named] = []
    if not _check_root():
        return guests
    for lock in sorted(ROOT.glob("*.lock")):
        # It may have ended meanwhile.
        with contextlib.suppress(OSError, ValueError):
            if _NAME.fullmatch(lock.stem) and _is_locked(lock):
                guests.append(Named(lock.stem))
    return guests


@contextlib.contextmanager
def using(name: str) -> Generator[Named]:
    """Yield a running guest, and exclude other users of it.

    Raises:
        InputError: there is no such guest, or another command uses it.
    """
    guest = find(name)
    busy = InputError("another command uses the guest", where=name, fix="wait for it to end")
    with _lock(ROOT / f"{name}.host", busy):
        yield guest


def find(name: str) -> Named:
    """Return a running guest.

    Raises:
        InputError: there is no such guest, or another user owns the directory of guests.
    """
    check_name(name)
    if _check_root():
        with contextlib.suppress(OSError, ValueError):
            if _is_locked(ROOT / f"{name}.lock"):
                return Named(name)
    names = ", ".join(guest.name for guest in running()) or "none"
    raise InputError(f"no guest {name!r} runs; running guests: {names}", fix=f"boot it with boot --name={name}")


def _check_root() -> bool:
    """Return whether the directory of guests exists.

    Another user may have created it in /tmp first: guests in it would belong to that user, who could read and answer
    all requests. Once the function has found that it belongs only to this user, /tmp's sticky bit keeps it in place.

    Raises:
        InputError: it belongs to another user, or other users can enter it.
    """
    try:
        found = ROOT.lstat()
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        fix = "remove it, or have its owner remove it"
        raise InputError("is not a directory that this user alone can enter", where=str(ROOT), fix=fix)
    return True


@contextlib.contextmanager
def _lock(path: pathlib.Path, taken: InputError) -> Generator[None]:
    """Hold a lock on the whole file through this file descriptor. It ends with the process."""
    with open(path, "wb") as file:
        try:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, _whole_file())
        except BlockingIOError:
            raise taken from None
        yield


def _is_locked(path: pathlib.Path) -> bool:
    # F_OFD_GETLK takes no lock, not even for a moment, so it never disturbs a command that takes one.
    with open(path, "rb") as file:
        found = fcntl.fcntl(file, fcntl.F_OFD_GETLK, _whole_file())
    return struct.unpack_from(_FLOCK, found)[0] != fcntl.F_UNLCK


def _whole_file() -> bytes:
    return struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)

"""Guests with a name, which one command boots and others use.

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
"""Where they are. A socket's path has at most 108 bytes, so it is below /tmp whatever TMPDIR says."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")

# struct flock: type, whence, start, length and process, which an open file's locks have to leave 0.
_FLOCK = "@hhqqi4x"


class Named(machine.Sockets):
    """A guest that another command has booted.

    Attributes:
        name: its name.
        image: the image that it was booted from, by name.
        language: what that is made for.
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
        UsageError: it can be no guest's.
    """
    if not _NAME.fullmatch(name):
        raise cli.UsageError(f"{name!r} names no guest: letters, digits, and after the first one _ . - too, at most 32")


@contextlib.contextmanager
def booting(name: str, image: Image) -> Generator[pathlib.Path]:
    """Give an empty directory to boot a guest in, which has the name as long as the context lasts.

    Raises:
        InputError: another guest has it, or the directory of guests belongs to somebody else.
    """
    check_name(name)
    ROOT.mkdir(mode=0o700, exist_ok=True)
    _check_root()
    directory = ROOT / name
    with _lock(ROOT / f"{name}.lock", InputError(f"a guest {name!r} runs", fix="give another --name")):
        # Of one that was killed.
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
        try:
            (directory / "image").write_text(f"{image.guest.architecture} {image.name} {image.language}\n")
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def running() -> list[Named]:
    """Return the guests that run.

    Raises:
        InputError: the directory of guests belongs to somebody else.
    """
    guests: list[Named] = []
    if not _check_root():
        return guests
    for lock in sorted(ROOT.glob("*.lock")):
        # It may be gone meanwhile.
        with contextlib.suppress(OSError, ValueError):
            if _NAME.fullmatch(lock.stem) and _is_locked(lock):
                guests.append(Named(lock.stem))
    return guests


@contextlib.contextmanager
def using(name: str) -> Generator[Named]:
    """Give a guest that runs, to whom nobody else talks meanwhile.

    Raises:
        InputError: there is none, or somebody else talks to it.
    """
    guest = find(name)
    busy = InputError("another command uses the guest", where=name, fix="wait for it to end")
    with _lock(ROOT / f"{name}.host", busy):
        yield guest


def find(name: str) -> Named:
    """Return a guest that runs.

    Raises:
        InputError: there is none, or the directory of guests belongs to somebody else.
    """
    check_name(name)
    if _check_root():
        with contextlib.suppress(OSError, ValueError):
            if _is_locked(ROOT / f"{name}.lock"):
                return Named(name)
    names = ", ".join(guest.name for guest in running()) or "none"
    raise InputError(f"no guest {name!r} runs, of those that do: {names}", fix=f"boot it with boot --name={name}")


def _check_root() -> bool:
    """Return whether the directory of guests exists.

    Another user may have made it in /tmp first: guests in it would be that user's, who could read and answer all that
    is sent to them. Once the directory is found to belong to this user alone, /tmp's sticky bit keeps it in place.

    Raises:
        InputError: it belongs to somebody else, or others can enter it.
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
    """Hold a lock, which ends with the process: on the whole file, and on this opening of it alone."""
    with open(path, "wb") as file:
        try:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, _whole_file())
        except BlockingIOError:
            raise taken from None
        yield


def _is_locked(path: pathlib.Path) -> bool:
    # Asking takes no lock, not even for a moment: a command that takes one meanwhile gets it.
    with open(path, "rb") as file:
        found = fcntl.fcntl(file, fcntl.F_OFD_GETLK, _whole_file())
    return struct.unpack_from(_FLOCK, found)[0] != fcntl.F_UNLCK


def _whole_file() -> bytes:
    return struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)

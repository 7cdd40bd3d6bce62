"""Guests with a name, which one command boots and others use.

Each has a folder of its own below `ROOT`, and two locks beside it: one is held by the command that booted it, as long
as it runs; the other one by who uses it, because its ports take one host at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import stat
from collections.abc import Generator

from tools.cli import cli
from tools.cli.errors import InputError
from tools.sandbox import machine
from tools.sandbox.commands.images import Image

ROOT = pathlib.Path(f"/tmp/sandbox-{os.getuid()}")
"""Where they are. A socket's path has at most 108 bytes, so it is below /tmp whatever TMPDIR says."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


class Named(machine.Sockets):
    """A guest that another command has booted.

    Attributes:
        name: its name.
        image: the image that it was booted from, by name.
        language: what that is made for.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = ROOT / name
        self.architecture, self.image, self.language = (self.folder / "image").read_text().split()

    @property
    def running(self) -> bool:
        """Whether the command that booted it runs."""
        return _is_locked(ROOT / f"{self.name}.lock")


def check_name(name: str) -> None:
    """Checks a name.

    Raises:
        UsageError: it can be no guest's.
    """
    if not _NAME.fullmatch(name):
        raise cli.UsageError(f"{name!r} names no guest: letters, digits, and after the first one _ . - too, at most 32")


@contextlib.contextmanager
def booting(name: str, image: Image) -> Generator[pathlib.Path]:
    """Gives an empty folder to boot a guest in, which has the name as long as the context lasts.

    Raises:
        InputError: another guest has it.
    """
    check_name(name)
    _make_root()
    folder = ROOT / name
    with _lock(ROOT / f"{name}.lock", InputError(f"a guest {name!r} runs", fix="give another --name")):
        # Of one that was killed.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            (folder / "image").write_text(f"{image.guest.architecture} {image.name} {image.language}\n")
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def running() -> list[Named]:
    """Returns the guests that run."""
    guests: list[Named] = []
    for lock in sorted(ROOT.glob("*.lock")):
        # It may be gone meanwhile.
        with contextlib.suppress(OSError, ValueError):
            if _is_locked(lock):
                guests.append(Named(lock.stem))
    return guests


@contextlib.contextmanager
def using(name: str) -> Generator[Named]:
    """Gives a guest that runs, to whom nobody else talks meanwhile.

    Raises:
        InputError: there is none, or somebody else talks to it.
    """
    guest = find(name)
    busy = InputError("another command uses the guest", where=name, fix="wait for it to end")
    with _lock(ROOT / f"{name}.host", busy):
        yield guest


def find(name: str) -> Named:
    """Returns a guest that runs.

    Raises:
        InputError: there is none.
    """
    check_name(name)
    try:
        if _is_locked(ROOT / f"{name}.lock"):
            return Named(name)
    except OSError:
        pass
    names = ", ".join(guest.name for guest in running()) or "none"
    raise InputError(f"no guest {name!r} runs, of those that do: {names}", fix=f"boot it with boot --name={name}")


def _make_root() -> None:
    ROOT.mkdir(mode=0o700, exist_ok=True)
    found = ROOT.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise InputError("it is not a folder of this user alone", where=str(ROOT), fix="remove it")


@contextlib.contextmanager
def _lock(path: pathlib.Path, taken: InputError) -> Generator[None]:
    with open(path, "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise taken from None
        yield


def _is_locked(path: pathlib.Path) -> bool:
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False

"""Named guests: one command at a time boots one, and one command at a time uses it."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Generator
from typing import IO

import pytest

from tools.cli import cli
from tools.cli.errors import InputError
from tools.sandbox import machine
from tools.sandbox.commands import guests, images

_FILE = pathlib.Path("file")
_IMAGE = images.Image("raw_x86_64", "raw", machine.Guest("x86_64", qemu=_FILE, kernel=_FILE, initramfs=None, disk=None))


@pytest.fixture(autouse=True)
def root(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Isolate the tests from the guests of the user."""
    monkeypatch.setattr(guests, "ROOT", tmp_path / "guests")
    return tmp_path / "guests"


def test_guest_is_found_as_long_as_it_runs() -> None:
    with guests.booting("one", _IMAGE) as directory:
        found = guests.find("one")
        assert (found.directory, found.architecture, found.image, found.language) == (
            directory,
            "x86_64",
            "raw_x86_64",
            "raw",
        )
        assert [guest.name for guest in guests.running()] == ["one"]
        assert found.running
    assert not found.running
    assert not directory.exists()
    with pytest.raises(InputError, match="no guest 'one' runs; running guests: none: boot it with boot --name=one"):
        guests.find("one")


def test_name_of_a_running_guest_is_rejected() -> None:
    with guests.booting("one", _IMAGE), pytest.raises(InputError, match="a guest 'one' runs"):
        with guests.booting("one", _IMAGE):
            pass


def test_one_command_at_a_time_uses_a_guest() -> None:
    with guests.booting("one", _IMAGE), guests.using("one"):
        with pytest.raises(InputError, match="another command uses the guest"), guests.using("one"):
            pass


def test_remains_of_a_killed_command_are_ignored(root: pathlib.Path) -> None:
    root.mkdir(mode=0o700)
    (root / "one.lock").touch()
    (root / "one").mkdir()
    (root / "one" / "port0").touch()
    assert guests.running() == []
    with guests.booting("one", _IMAGE) as directory:
        assert [path.name for path in directory.iterdir()] == ["image"]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".a", "a" * 33, "ü", "a b"])
def test_path_as_a_name_is_rejected(name: str) -> None:
    with pytest.raises(cli.UsageError):
        guests.find(name)


@pytest.mark.parametrize("change", ["mode", "owner", "link"])
def test_directory_of_another_user_is_rejected(
    root: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Another user can create it first, with a held lock and answering sockets."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(guests.booting("one", _IMAGE))
        assert guests.find("one").running
        match change:
            case "mode":
                root.chmod(0o777)
            case "owner":
                monkeypatch.setattr(os, "getuid", lambda: root.stat().st_uid + 1)
            case _:
                root.rename(tmp_path / "elsewhere")
                root.symlink_to("elsewhere")
        for use in (
            lambda: guests.find("one"),
            guests.running,
            lambda: stack.enter_context(guests.using("one")),
            lambda: stack.enter_context(guests.booting("two", _IMAGE)),
        ):
            with pytest.raises(InputError, match="guests: is not a directory that this user alone can enter: remove"):
                use()


def test_probing_a_guest_takes_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user can boot a guest at the very moment in which `list` probes it."""
    with guests.booting("one", _IMAGE):
        pass
    booted: list[str] = []

    @contextlib.contextmanager
    def opening(path: pathlib.Path, mode: str) -> Generator[IO[bytes]]:
        with open(path, mode) as file:
            yield file
            if mode == "rb":
                with guests.booting("one", _IMAGE):
                    booted.append("one")

    monkeypatch.setattr(guests, "open", opening, raising=False)
    assert guests.running() == []
    assert booted == ["one"]


def test_probing_finds_no_guests_without_directory(root: pathlib.Path) -> None:
    assert guests.running() == []
    assert not root.exists()

"""The root is made of memory over the disk, of the disk, or of a second disk that the host keeps, as hosts choose."""

from __future__ import annotations

import asyncio
import hashlib
import os
import pathlib
import subprocess

import pytest

from tests.boot import guest, hosts
from tools.sandbox import machine

_CONSOLE = "console=" + machine.ARCHITECTURES[hosts.ARCHITECTURE].console

# The kind of what is mounted at a place.
_KIND = "kind() { awk -v path=$1 '$2 == path { kind = $3 } END { print kind }' /proc/mounts; }\n"

_MODEL = guest.from_environment().machine


def _host(command_line: str, snap: pathlib.Path | None = None) -> hosts.Host:
    """Describes a host that keeps what guests write to a second disk, if there is one."""
    devices: tuple[str, ...] = ()
    if snap:
        drive = f"id=snap,if=none,format=raw,file={snap}"
        devices = ("-drive", drive, "-device", f"virtio-blk-{hosts.suffix(_MODEL)},drive=snap,serial=snap")
    return hosts.Host(_MODEL, command_line=f"{_CONSOLE} panic=-1 {command_line}", devices=devices)


def _end(host: hosts.Host, folder: pathlib.Path) -> str:
    """Boots a guest that cannot succeed; returns its console."""

    async def boot() -> str:
        async with hosts.HostedMachine(host, folder) as running:
            assert await running.wait(hosts.WAIT) == 0
            return running.console()

    return asyncio.run(boot())


def _blank(folder: pathlib.Path) -> pathlib.Path:
    path = folder / "snap.img"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    return path


def _digest(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_root_of_host_that_asks_for_nothing_is_in_memory(folder: pathlib.Path) -> None:
    code = _KIND + (
        "kind /; kind /home/user; kind /tmp; cat /sys/block/vda/ro\n"
        # What the kernel has written to the disk: a memory snapshot of the guest is restored beside a fresh one.
        "set -- $(cat /sys/block/vda/stat); echo $5\n"
        "echo kept > /opt/packages/python/file && cat /opt/packages/python/file\n"
        "head -c 1000000000 /dev/zero > /opt/packages/full 2> /dev/null || echo bounded\n"
    )
    assert hosts.run(_host(""), folder, code).split() == ["overlay", "tmpfs", "tmpfs", "1", "0", "kept", "bounded"]


def test_root_of_older_host_is_on_its_disk(folder: pathlib.Path) -> None:
    code = _KIND + "kind /; kind /home/user; touch ~/file /opt/packages/file; cat /sys/block/vda/ro"
    host = _host("root=/dev/vda rootflags=rw,noatime rootfstype=ext4 rootwait=2")
    assert hosts.run(host, folder, code).split() == ["ext4", "ext4", "0"]


def _check_snap(folder: pathlib.Path, snap: pathlib.Path) -> None:
    """Installs something, and looks for it in two later guests."""
    code = _KIND + "kind /; kind /home/user; echo 42 > /opt/packages/python/file; echo lost > ~/file; sync"
    names = [folder / name for name in ("install", "use", "again")]
    for name in names:
        name.mkdir()
    assert hosts.run(_host("init.rw=1 init.snap=1", snap), names[0], code).split() == ["overlay", "tmpfs"]
    before = _digest(snap)
    code = _KIND + (
        "cat /opt/packages/python/file; kind /; ls ~/file 2> /dev/null; cat /sys/block/vd?/ro; "
        "echo 43 > /opt/packages/python/file; cat /opt/packages/python/file; sync"
    )
    for name in names[1:]:
        assert hosts.run(_host("init.snap=1", snap), name, code).split() == ["42", "overlay", "1", "1", "43"]
    # Other guests read the same file at the same time.
    assert _digest(snap) == before


def test_blank_snap_disk_gets_a_file_system_and_keeps_what_an_installer_writes(folder: pathlib.Path) -> None:
    snap = _blank(folder)
    _check_snap(folder, snap)
    superblock = snap.read_bytes()[1024:2048]
    # The same disk always gets the same identity, and has no journal.
    assert superblock[104:120].hex() == "5eed5eed000040008000000000000000"
    assert not superblock[92] & 4


def test_snap_disk_of_earlier_guest_keeps_what_an_installer_writes(folder: pathlib.Path) -> None:
    snap = _blank(folder)
    mke2fs = pathlib.Path(os.environ["MKE2FS"]).absolute()
    subprocess.run([mke2fs, "-q", "-F", "-t", "ext4", "-O", "^has_journal", snap], check=True)
    _check_snap(folder, snap)


@pytest.mark.parametrize(
    ("content", "command_line", "reason"),
    [
        (None, "init.snap=1 init.rootwait=1", "init.snap=1, but no disk with serial snap after 1 s"),
        (b"", "init.snap=1", "is blank; init.rw=1 creates its file system"),
        (b"precious", "init.rw=1 init.snap=1", "holds something other than ext4"),
    ],
    ids=["missing", "blank", "foreign"],
)
def test_snap_disk_that_is_of_no_use_ends_the_boot(
    folder: pathlib.Path, content: bytes | None, command_line: str, reason: str
) -> None:
    snap = None
    if content is not None:
        snap = _blank(folder)
        with snap.open("r+b") as file:
            file.write(content)
    console = _end(_host(command_line, snap), folder)
    assert "[init] ERROR: " in console and reason in console

"""Test the root file systems that hosts choose: memory over the disk, the disk, or a second disk of the host."""

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

# Prints the type of the file system that is mounted on a path.
_KIND = "kind() { awk -v path=$1 '$2 == path { kind = $3 } END { print kind }' /proc/mounts; }\n"

_MODEL = guest.from_environment().machine


def _host(command_line: str, snap: pathlib.Path | None = None) -> hosts.Host:
    """Describe a host that adds a snap disk if `snap` names one."""
    devices: tuple[str, ...] = ()
    if snap:
        drive = f"id=snap,if=none,format=raw,file={snap}"
        devices = ("-drive", drive, "-device", f"virtio-blk-{hosts.suffix(_MODEL)},drive=snap,serial=snap")
    return hosts.Host(_MODEL, command_line=f"{_CONSOLE} panic=-1 {command_line}", devices=devices)


def _end(host: hosts.Host, directory: pathlib.Path) -> str:
    """Boot a guest that cannot succeed; return its console."""

    async def boot() -> str:
        async with hosts.HostedMachine(host, directory) as running:
            assert await running.wait(hosts.WAIT) == 0
            return running.console()

    return asyncio.run(boot())


def _blank(directory: pathlib.Path) -> pathlib.Path:
    path = directory / "snap.img"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    return path


def _digest(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_root_is_in_memory_by_default(directory: pathlib.Path) -> None:
    code = _KIND + (
        "kind /; kind /home/user; kind /tmp; cat /sys/block/vda/ro\n"
        # Writes to the disk: a restored memory snapshot gets a fresh disk, which would lack them.
        "set -- $(cat /sys/block/vda/stat); echo $5\n"
        "echo kept > /opt/packages/python/file && cat /opt/packages/python/file\n"
        "head -c 1000000000 /dev/zero > /opt/packages/full 2> /dev/null || echo bounded\n"
    )
    assert hosts.run(_host(""), directory, code).split() == ["overlay", "tmpfs", "tmpfs", "1", "0", "kept", "bounded"]


def test_root_of_older_host_is_on_disk(directory: pathlib.Path) -> None:
    code = _KIND + "kind /; kind /home/user; touch ~/file /opt/packages/file; cat /sys/block/vda/ro"
    host = _host("root=/dev/vda rootflags=rw,noatime rootfstype=ext4 rootwait=2")
    assert hosts.run(host, directory, code).split() == ["ext4", "ext4", "0"]


def _check_snap(directory: pathlib.Path, snap: pathlib.Path) -> None:
    """Write a file in one guest, and read it in two later guests."""
    code = _KIND + "kind /; kind /home/user; echo 42 > /opt/packages/python/file; echo lost > ~/file; sync"
    names = [directory / name for name in ("install", "use", "again")]
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
    # Several guests may read the same file at the same time.
    assert _digest(snap) == before


def test_blank_snap_disk_gets_file_system_and_keeps_writes(directory: pathlib.Path) -> None:
    snap = _blank(directory)
    _check_snap(directory, snap)
    superblock = snap.read_bytes()[1024:2048]
    # The file system has a fixed UUID and no journal.
    assert superblock[104:120].hex() == "5eed5eed000040008000000000000000"
    assert not superblock[92] & 4


def test_snap_disk_of_earlier_guest_keeps_writes(directory: pathlib.Path) -> None:
    snap = _blank(directory)
    mke2fs = pathlib.Path(os.environ["MKE2FS"]).absolute()
    subprocess.run([mke2fs, "-q", "-F", "-t", "ext4", "-O", "^has_journal", snap], check=True)
    _check_snap(directory, snap)


@pytest.mark.parametrize(
    ("content", "command_line", "reason"),
    [
        (None, "init.snap=1 init.rootwait=1", "init.snap=1, but no disk with serial snap after 1 s"),
        (b"", "init.snap=1", "is blank; init.rw=1 creates its file system"),
        (b"precious", "init.rw=1 init.snap=1", "holds something other than ext4"),
    ],
    ids=["missing", "blank", "foreign"],
)
def test_unusable_snap_disk_ends_the_boot(
    directory: pathlib.Path, content: bytes | None, command_line: str, reason: str
) -> None:
    snap = None
    if content is not None:
        snap = _blank(directory)
        with snap.open("r+b") as file:
            file.write(content)
    console = _end(_host(command_line, snap), directory)
    assert "[init] ERROR: " in console and reason in console

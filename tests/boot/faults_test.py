"""Test that a boot that cannot succeed ends by itself, with its reason on the console.

The libraries of the packers make the broken disks and initramfs archives.
"""

from __future__ import annotations

import asyncio
import io
import os
import pathlib

import pytest

from tests.boot import guest
from tests.boot.guest import PATIENCE
from tools.fsspec import packed
from tools.fsspec.content import HostFile, Inline
from tools.fsspec.tree import Entry, Kind, Tree
from tools.mkdisk import disk, ext4
from tools.mkinitramfs import initramfs as make_initramfs
from tools.mkinitramfs import newc
from tools.sandbox import errors, machine
from tools.sandbox.agent import Agent

_PANIC = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00006500"


def _console(name: str, **changes: object) -> str:
    """Boot a guest that cannot succeed; return its console, and keep it as an output of the test.

    The tests of //tools/ci_diagnose use the consoles of x86_64 under these names.
    """

    async def boot() -> str:
        async with machine.Machine(guest.from_environment(**changes)) as running:
            await running.wait(PATIENCE)
            return running.console()

    console = asyncio.run(boot())
    if directory := os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR"):
        pathlib.Path(directory, f"{name}.console").write_text(console)
    return console


def _disk(directory: pathlib.Path, agent_path: str | None, mode: int = 0o755) -> pathlib.Path:
    """Make a root disk that contains only an agent."""
    tree = Tree(Entry(path=name, kind=Kind.DIRECTORY, mode=0o755) for name in ("dev", "proc", "sys", "tmp"))
    if agent_path:
        path = os.path.abspath(os.environ[agent_path])
        tree.add(Entry(path="usr/local/bin/guest-agent", kind=Kind.FILE, mode=mode, content=HostFile(path)))
    architecture = os.environ["SANDBOX_ARCHITECTURE"]
    tar, spec = str(directory / "rootfs.tar"), str(directory / "rootfs.spec.json")
    packed.write(tree, architecture, tar, spec, "rootfs.tar", 0)
    programs = ext4.Programs(os.path.abspath(os.environ["MKE2FS"]), os.path.abspath(os.environ["E2FSCK"]))
    output = directory / "disk.qcow2"
    qemu_img = os.path.abspath(os.environ["QEMU_IMG"])
    disk.make(programs, qemu_img, (tar, spec), architecture, str(output), directory, size_mib=32, label="root")
    return output


def _raw_disk(path: pathlib.Path) -> tuple[str, ...]:
    """Return QEMU's arguments for a root disk in raw format."""
    drive = f"id=base,if=none,format=raw,file={path}"
    return "-drive", drive, *guest.from_environment().virtio("blk", drive="base", serial="base")


@pytest.mark.parametrize(
    ("agent_path", "mode", "line"),
    [
        (None, 0, "[init] execv failed: errno=2"),
        ("OTHER_AGENT", 0o755, "[init] execv failed: errno=8"),
        ("AGENT", 0o644, "[init] execv failed: errno=13"),
    ],
    ids=["missing", "wrong-architecture", "not-executable"],
)
def test_agent_that_cannot_be_started(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path, agent_path: str | None, mode: int, line: str
) -> None:
    # The part of the test's name in brackets.
    name = str(request.node.name).partition("[")[2].rstrip("]")  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    console = _console(f"agent-{name}", disk=_disk(tmp_path, agent_path, mode))
    assert line in console
    assert _PANIC in console


def test_agent_starts_from_disk_with_agent_only(tmp_path: pathlib.Path) -> None:
    """This shows that the tests above fail for their stated reason."""

    async def boot() -> str:
        described = guest.from_environment(disk=_disk(tmp_path, "AGENT"))
        async with machine.Machine(described) as running, Agent(running) as agent:
            return (await agent.ping(PATIENCE)).version

    assert asyncio.run(boot())


def test_no_root_disk() -> None:
    console = _console("no-root-disk", command_line="init.rootwait=1")
    assert "[init] ERROR: no root disk after 1 s" in console
    assert "/dev/vda" in console


def test_disk_without_a_file_system(tmp_path: pathlib.Path) -> None:
    raw = tmp_path / "empty.img"
    raw.write_bytes(bytes(1 << 20))
    assert "[init] ERROR: /dev/vda holds neither ext4 nor EROFS" in _console(
        "disk-without-a-file-system", devices=_raw_disk(raw)
    )


def test_corrupt_superblock(tmp_path: pathlib.Path) -> None:
    raw = tmp_path / "corrupt.img"
    data = bytearray(1 << 20)
    # The magic number of ext4 between invalid fields.
    data[1024:2048] = b"\xa5" * 1024
    data[1080:1082] = b"\x53\xef"
    raw.write_bytes(data)
    assert "[init] ERROR: cannot mount /dev/vda: errno=" in _console("corrupt-superblock", devices=_raw_disk(raw))


def test_no_ports(tmp_path: pathlib.Path) -> None:
    console = _console("no-ports", disk=_disk(tmp_path, "AGENT"), ports=(), command_line="init.portwait=1")
    assert "[init] ERROR: no port org.dualeai.cmd after 1 s" in console


def test_one_port_only(tmp_path: pathlib.Path) -> None:
    ports = (machine.COMMAND_PORT,)
    console = _console("one-port-only", disk=_disk(tmp_path, "AGENT"), ports=ports, command_line="init.portwait=1")
    assert "[init] ERROR: no port org.dualeai.event after 1 s" in console


def _kernel_with_modules() -> pathlib.Path:
    """Return Debian's kernel, which needs modules."""
    return pathlib.Path(os.environ["DEBIAN_KERNEL"]).absolute()


def _initramfs(directory: pathlib.Path, plan: bytes) -> pathlib.Path:
    """Create an initramfs with another module plan."""
    # The kernel unpacks all archives in order: a later one replaces files of an earlier one.
    entry = Entry(path="modules/plan", kind=Kind.FILE, mode=0o644, content=Inline(plan))
    second = io.BytesIO()
    newc.write([Entry(path="modules", kind=Kind.DIRECTORY, mode=0o755), entry], second)
    first = pathlib.Path(os.environ["DEBIAN_INITRAMFS"]).read_bytes()
    initramfs = directory / "initramfs"
    initramfs.write_bytes(first + bytes(-len(first) % 4) + second.getvalue())
    return initramfs


def test_missing_module(tmp_path: pathlib.Path) -> None:
    initramfs = _initramfs(tmp_path, b"always nonesuch.ko\nalways virtio_blk.ko\n")
    console = _console(
        "missing-module", initramfs=initramfs, kernel=_kernel_with_modules(), command_line="init.rootwait=1"
    )
    assert "[module] nonesuch.ko: errno=2" in console
    assert "[init] ERROR: no root disk" in console


def test_module_plan_that_is_too_long(tmp_path: pathlib.Path) -> None:
    # The part that fits is a comment: a truncated plan would name no modules.
    initramfs = _initramfs(tmp_path, b"#" + b"x" * 4094 + b"\nalways virtio_blk.ko\n")
    console = _console(
        "module-plan-too-long", initramfs=initramfs, kernel=_kernel_with_modules(), command_line="init.rootwait=1"
    )
    assert "[init] ERROR: /modules/plan has more than 4096 bytes" in console
    assert _PANIC in console


def test_init_alone_with_a_kernel_that_needs_modules(tmp_path: pathlib.Path) -> None:
    initramfs = tmp_path / "initramfs"
    tree = make_initramfs.make_tree(os.environ["TINY_INIT"], os.environ["SANDBOX_ARCHITECTURE"], None, [])
    initramfs.write_bytes(make_initramfs.pack(tree, "zstd"))
    assert initramfs.stat().st_size < 40 << 10
    console = _console(
        "no-module-plan", initramfs=initramfs, kernel=_kernel_with_modules(), command_line="init.rootwait=1"
    )
    assert "[module] the initramfs has no /modules/plan" in console
    assert "[init] ERROR: no root disk" in console


def test_failed_boot_shows_reason_and_console() -> None:
    async def boot() -> None:
        described = guest.from_environment(command_line="init.rootwait=1")
        async with machine.Machine(described) as running, Agent(running) as agent:
            await agent.ping(PATIENCE)

    with pytest.raises(errors.MachineError) as caught:
        asyncio.run(boot())
    message = str(caught.value)
    assert "the machine ended before the agent answered" in message
    assert "[init] ERROR: " in message

"""Test of the solver of modules, of the tree and of the program."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import tarfile
import time
import zlib
from typing import Any, Protocol

import pytest
import zstandard

from tools.cli import cli, cli_testing, errors
from tools.elfcheck import elf_testing
from tools.extract_kernel import extract, kernel_testing
from tools.extract_kernel.kernel_testing import RELEASE
from tools.fsspec import packed
from tools.fsspec.tree import Kind
from tools.mkinitramfs import initramfs, mkinitramfs_main, modules
from tools.packages import deb_testing


class Kernel(Protocol):
    """Write an archive of modules and return its path."""

    def __call__(self, architecture: str = "x86_64", extra: dict[str, str] | None = None) -> str: ...


@pytest.fixture
def kernel(tmp_path: pathlib.Path) -> Kernel:
    """Return a function that makes an archive of modules and returns its path."""

    def make(architecture: str = "x86_64", extra: dict[str, str] | None = None) -> str:
        package = kernel_testing.package(tmp_path / "k.deb", architecture, modules=extra or kernel_testing.MODULES)
        found = extract.extract([package], architecture, str(tmp_path / "data.tar"))
        path = str(tmp_path / f"modules_{architecture}.tar")
        with open(path, "wb") as stream:
            packed.write_tar(found.modules.finish(), stream, 0)
        return path

    return make


def solve(path: str, *wanted: str, architecture: str = "x86_64") -> list[str]:
    pairs = [(group, name) for group, _, name in (item.partition(":") for item in wanted)]
    plan = modules.solve(path, pairs, architecture)
    return [f"{module.group} {module.file}" for module in plan.modules]


def test_dependencies_are_loaded_first(kernel: Kernel) -> None:
    assert solve(kernel(), "always:c") == ["always a.ko", "always b-dash.ko", "always c.ko"]


def test_soft_dependencies_are_loaded_first(kernel: Kernel) -> None:
    assert solve(kernel(), "always:d") == ["always x.ko", "always a.ko", "always d.ko"]


def test_group_does_not_repeat_modules_of_always(kernel: Kernel) -> None:
    wanted = ["net:d", "always:a", "always:b_dash"]
    assert solve(kernel(), *wanted) == ["always a.ko", "always b-dash.ko", "net x.ko", "net d.ko"]


def test_group_needs_no_other_group_but_always(kernel: Kernel) -> None:
    wanted = ["net:b_dash", "balloon:b_dash", "balloon:c"]
    assert solve(kernel(), *wanted) == [
        *("net a.ko", "net b-dash.ko"),
        *("balloon a.ko", "balloon b-dash.ko", "balloon c.ko"),
    ]


def test_too_long_plan_is_rejected() -> None:
    def plan(count: int, size: int) -> modules.Plan:
        module = modules.Module("always", f"{'m' * (size - len('always .ko') - 1)}.ko", b"")
        return modules.Plan(release="6.12", modules=[module] * count, builtin=[])

    heading = len(plan(0, 20).render())
    room = modules.PLAN_LIMIT - heading
    assert len(plan(1, room).render()) == modules.PLAN_LIMIT
    with pytest.raises(modules.ModulesError, match=r"kernel 6\.12: .* 4,097 bytes, .* reads 4,096: pack fewer modules"):
        plan(1, room + 1).render()
    with pytest.raises(modules.ModulesError, match="plan of 200 modules"):
        plan(200, 30).render()


@pytest.mark.parametrize("name", ["b_dash", "b-dash"])
def test_dash_and_underscore_are_equal(kernel: Kernel, name: str) -> None:
    assert solve(kernel(), f"always:{name}") == ["always a.ko", "always b-dash.ko"]


def test_module_is_found_by_alias(kernel: Kernel) -> None:
    assert solve(kernel(), "always:fs-d")[-1] == "always d.ko"


def test_alias_keeps_the_dash_of_ranges(kernel: Kernel) -> None:
    path = kernel(extra={"kernel/a.ko": "alias=usb:v0421p000[0-9]d*", "kernel/b-c.ko": "alias=x-[!a] y"})
    assert solve(path, "always:usb:v0421p0005d0001") == ["always a.ko"]
    assert solve(path, "always:x-b y") == ["always b-c.ko"]
    with pytest.raises(modules.ModulesError, match="has no module x-a y"):
        solve(path, "always:x-a y")


def test_archive_without_builtin_aliases_is_solved(kernel: Kernel, tmp_path: pathlib.Path) -> None:
    with tarfile.open(kernel()) as tar:
        members = [(m, stream.read()) for m in tar if (stream := tar.extractfile(m))]
    old = tmp_path / "old.tar"
    old.write_bytes(deb_testing.tar([pair for pair in members if not pair[0].name.endswith(".builtin.modinfo")]))
    assert solve(str(old), "always:a") == ["always a.ko"]


@pytest.mark.parametrize("name", ["builtin_one", "builtin-one", "crypto-inside"])
def test_builtin_module_is_a_comment_of_the_plan(kernel: Kernel, name: str) -> None:
    plan = modules.solve(kernel(), [("always", name), ("always", "a")], "x86_64")
    assert plan.render() == (
        f"# kernel {RELEASE}: GROUP FILE, in the order of loading\n# always {name} is built in\nalways a.ko\n"
    )


def test_unknown_module_is_rejected_with_the_release(kernel: Kernel) -> None:
    with pytest.raises(modules.ModulesError) as caught:
        solve(kernel(), "net:a", "net:virtio_gone")
    assert str(caught.value) == (
        f"group net: kernel {RELEASE} has no module virtio_gone, neither as a file nor built in: "
        "correct the name, or drop it for this kernel"
    )


def test_post_soft_dependencies_may_be_circular(kernel: Kernel) -> None:
    path = kernel(
        extra={
            "kernel/a.ko": "softdep=post: b",
            "kernel/b.ko.xz": "softdep=pre: a",
            "kernel/c.ko": "softdep=ignored pre: missing a",
        }
    )
    assert solve(path, "always:a") == ["always a.ko", "always b.ko"]
    assert solve(path, "always:c") == ["always a.ko", "always b.ko", "always c.ko"]


def test_modules_are_unpacked(kernel: Kernel) -> None:
    plan = modules.solve(kernel(), [("always", "a")], "x86_64")
    assert plan.modules[0].data == kernel_testing.module("a.ko", "", "x86_64")


def test_module_of_another_architecture_is_rejected(kernel: Kernel) -> None:
    with pytest.raises(errors.InputError, match="EM_AARCH64, not EM_X86_64"):
        solve(kernel("aarch64"), "always:a")


def test_malformed_archive_is_rejected(tmp_path: pathlib.Path, kernel: Kernel) -> None:
    junk = tmp_path / "junk"
    junk.write_bytes(b"\xff" * 1024)
    with pytest.raises(modules.ModulesError, match="is not a tar archive"):
        solve(str(junk), "always:a")
    junk.write_bytes(deb_testing.tar([]))
    with pytest.raises(modules.ModulesError, match="modules of 0 kernels"):
        solve(str(junk), "always:a")
    with tarfile.open(kernel()) as tar:
        members = [(m, stream.read()) for m in tar if (stream := tar.extractfile(m))]
    for name in ("modules.dep", "modules.builtin", "kernel/lib/a.ko.xz"):
        kept = [pair for pair in members if not pair[0].name.endswith("/" + name)]
        junk.write_bytes(deb_testing.tar(kept))
        with pytest.raises(modules.ModulesError, match=r"has no|which it lacks"):
            solve(str(junk), "always:a")


@pytest.fixture
def init(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "tiny-init"
    path.write_bytes(elf_testing.elf("x86_64"))
    return str(path)


def test_tree_has_all_entries(init: str, kernel: Kernel, tmp_path: pathlib.Path) -> None:
    plan = modules.solve(kernel(), [("always", "a")], "x86_64")
    spec = tmp_path / "s.json"
    entry = {"path": "etc/x", "kind": "symlink", "target": "y"}
    spec.write_text(json.dumps({"version": 1, "entries": [entry]}))
    tree = initramfs.make_tree(init, "x86_64", plan, [str(spec)])
    info = {entry.path: (entry.kind, entry.mode, entry.device) for entry in tree}
    assert info["dev/console"] == (Kind.CHAR, 0o600, (5, 1))
    assert info["init"][:2] == (Kind.FILE, 0o755)
    assert info["tmp"][1] == 0o1777
    assert set(info) == {
        *("dev", "dev/console", "etc", "etc/x", "init", "mnt", "modules", "modules/a.ko"),
        *("modules/plan", "proc", "sys", "tmp"),
    }
    assert {(entry.uid, entry.gid) for entry in tree} == {(0, 0)}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (elf_testing.elf("aarch64"), "EM_AARCH64, not EM_X86_64"),
        (b"#!/bin/sh\n", "is not an ELF file"),
    ],
)
def test_unsuitable_init_program_is_rejected(init: str, data: bytes, reason: str) -> None:
    with open(init, "wb") as stream:
        stream.write(data)
    with pytest.raises(errors.InputError, match=reason):
        initramfs.make_tree(init, "x86_64", None, [])


def test_spec_of_another_architecture_is_rejected(init: str, tmp_path: pathlib.Path) -> None:
    spec = tmp_path / "s.json"
    spec.write_text('{"version": 1, "architecture": "aarch64", "entries": []}')
    with pytest.raises(errors.InputError, match="aarch64, but the image of x86_64"):
        initramfs.make_tree(init, "x86_64", None, [str(spec)])


def test_every_compression_is_reproducible() -> None:
    data = b"0123456789" * 200_000
    packed_zstd = initramfs.compress(data, "zstd")
    parameters = zstandard.get_frame_parameters(packed_zstd)
    assert parameters.content_size == len(data)
    assert parameters.window_size <= 8 * 2**20
    assert parameters.has_checksum
    assert zstandard.decompress(packed_zstd) == data
    packed_gzip = initramfs.compress(data, "gzip")
    assert packed_gzip[:10] == b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"
    assert zlib.decompress(packed_gzip, 31) == data
    assert initramfs.compress(data, "none") == data


def run(init: str, kernel_path: str, output: pathlib.Path, **kwargs: Any) -> str:
    values = {
        "architecture": "x86_64",
        "init": init,
        "kernel_modules": kernel_path,
        "module": ["always:c", "net:d", "always:builtin_one"],
        "output": str(output),
        "report": str(output) + ".json",
    }
    cli_testing.call(mkinitramfs_main.main, **(values | kwargs))
    return hashlib.sha256(output.read_bytes()).hexdigest()


def test_program_is_reproducible(
    init: str, kernel: Kernel, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kernel()
    first = run(init, path, tmp_path / "one")
    os.utime(init, (1, 1))
    os.chmod(init, 0o400)
    umask = os.umask(0o077)
    try:
        monkeypatch.setenv("TZ", "Pacific/Kiritimati")
        time.tzset()
        monkeypatch.chdir("/")
        assert run(init, path, tmp_path / "two") == first
    finally:
        os.umask(umask)
        monkeypatch.undo()
        time.tzset()
    report = json.loads((tmp_path / "one.json").read_text())
    assert report["kernel_release"] == RELEASE
    assert report["builtin"] == [{"group": "always", "name": "builtin_one"}]
    assert report["modules"][-1] == {"group": "net", "file": "d.ko"}


def test_missing_firmware_of_a_module_is_reported(
    init: str, kernel: Kernel, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = kernel(extra={"kernel/a.ko": "firmware=x/1.bin|firmware=x/2.bin|firmware=x/3.bin|weakdep=b c"})
    spec = tmp_path / "s.json"
    entry = {"path": "lib/firmware/x/1.bin.xz", "kind": "symlink", "target": "y"}
    spec.write_text(json.dumps({"version": 1, "entries": [entry]}))
    run(init, path, tmp_path / "one", module=["always:a"], spec=[str(spec)])
    report = json.loads((tmp_path / "one.json").read_text())
    assert report["absent_firmware"] == [{"file": "a.ko", "firmware": ["x/2.bin", "x/3.bin"]}]
    assert report["weak_dependencies"] == [{"file": "a.ko", "modules": ["b", "c"]}]
    assert capsys.readouterr().err == (
        "mkinitramfs: a.ko may load firmware that lib/firmware lacks: x/2.bin and 1 more\n"
    )


@pytest.mark.parametrize("value", ["zram", ":zram", "always:", "always:a b"])
def test_bad_module_flag_is_bad_usage(init: str, tmp_path: pathlib.Path, value: str) -> None:
    with pytest.raises(cli.UsageError, match="GROUP:NAME"):
        run(init, "unused", tmp_path / "o", module=[value])


def test_modules_need_a_kernel(init: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(cli.UsageError, match="--module needs --kernel_modules"):
        run(init, "", tmp_path / "o")

"""Test the program that adds guest binaries."""

from __future__ import annotations

import pathlib

import pytest

from tools.cli import cli, cli_testing
from tools.elfcheck import elf_testing, elfcheck
from tools.fsspec import packed
from tools.fsspec.tree import Entry, Kind, Tree
from tools.mkrootfs import guest_binaries_main


def _run(directory: pathlib.Path, *binaries: str) -> tuple[str, str]:
    tar, spec = str(directory / "in.tar"), str(directory / "in.json")
    tree = Tree([Entry(path="usr/local/bin", kind=Kind.DIRECTORY, mode=0o755)])
    packed.write(tree, "x86_64", tar, spec, "in.tar", 0)
    outputs = str(directory / "out.json"), str(directory / "out.tar")
    cli_testing.call(
        guest_binaries_main.main,
        architecture="x86_64",
        rootfs_tar=tar,
        rootfs_spec=spec,
        binary=list(binaries),
        tar=outputs[1],
        spec_output=outputs[0],
    )
    return outputs


def _agent(directory: pathlib.Path, architecture: str = "x86_64") -> str:
    path = directory / "agent"
    path.write_bytes(elf_testing.elf(architecture))
    return str(path)


def test_binaries_are_roots_and_come_last(tmp_path: pathlib.Path) -> None:
    agent = _agent(tmp_path)
    outputs = _run(tmp_path, f"/usr/local/bin/b={agent}", f"usr/local/bin/a={agent}")
    described, entries = packed.load(*outputs)
    assert [entry.path for entry in entries][-2:] == ["usr/local/bin/a", "usr/local/bin/b"]
    assert {(entry.mode, entry.uid, entry.gid) for entry in entries[-2:]} == {(0o755, 0, 0)}
    assert described.items[-1].entry.origin == agent


def test_binary_of_another_architecture_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(elfcheck.ElfError, match="EM_AARCH64, not EM_X86_64"):
        _run(tmp_path, f"usr/local/bin/a={_agent(tmp_path, 'aarch64')}")


@pytest.mark.parametrize("values", [["x"], ["a=b", "a=c"]])
def test_bad_flags_are_refused(tmp_path: pathlib.Path, values: list[str]) -> None:
    with pytest.raises(cli.UsageError):
        _run(tmp_path, *values)

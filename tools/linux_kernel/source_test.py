"""Test the selection of files, and the archive that linux_source writes."""

from __future__ import annotations

import io
import json
import lzma
import pathlib
import tarfile

import pytest
import zstandard

from tools.cli import cli_testing, errors
from tools.linux_kernel import linux_source_main
from tools.linux_kernel.source import Selection
from tools.packages import deb_testing
from tools.packages.deb_testing import directory, member, symlink

_TIME = 1_700_000_000
_TOP = "linux-source-6.12"
_FILES = [
    directory(_TOP),
    member(f"{_TOP}/Makefile", "all:", uid=7, uname="builder"),
    directory(f"{_TOP}/kernel"),
    member(f"{_TOP}/kernel/fork.c", "int fork;"),
    member(f"{_TOP}/kernel/run.sh", "#!", mode=0o775),
    symlink(f"{_TOP}/kernel/link", "fork.c"),
    directory(f"{_TOP}/drivers"),
    directory(f"{_TOP}/drivers/gpu"),
    member(f"{_TOP}/drivers/gpu/Kconfig.debug", "config"),
    member(f"{_TOP}/drivers/gpu/gpu.c", "int gpu;"),
    directory(f"{_TOP}/drivers/virtio"),
    member(f"{_TOP}/drivers/virtio/ring.c", "int ring;"),
]


def _package(path: pathlib.Path, archive: bytes | None = None, name: str = "linux-source-6.12.tar.xz") -> str:
    if archive is None:
        archive = lzma.compress(deb_testing.tar(_FILES))
    members = [directory("./usr"), directory("./usr/src"), member(f"./usr/src/{name}", archive)]
    return deb_testing.deb(
        path / "source.deb", members, name="linux-source-6.12", version="6.12.1-1", architecture="all"
    )


def _pruned(tmp_path: pathlib.Path, package: str, **selection: list[str]) -> dict[str, tarfile.TarInfo]:
    output, report = tmp_path / "source.tar.zst", tmp_path / "report"
    cli_testing.call(linux_source_main.main, package=package, output=str(output), report=str(report), **selection)
    data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(output.read_bytes())).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {info.name: info for info in archive}


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("Makefile", True),
        ("kernel/fork.c", True),
        ("drivers/gpu/gpu.c", False),
        ("drivers/gpu/Kconfig.debug", True),
        ("drivers/gpu/Makefile", True),
        ("drivers/virtio/ring.c", True),
        ("drivers/virtio/test/t.c", False),
        ("driversome/x.c", True),
    ],
)
def test_takes_follows_longest_named_directory(path: str, taken: bool) -> None:
    selection = Selection(exclude={"drivers", "drivers/virtio/test"}, include={"drivers/virtio"})
    assert selection.takes(path) is taken


def test_prune_writes_selection_without_top_directory(tmp_path: pathlib.Path) -> None:
    found = _pruned(tmp_path, _package(tmp_path), exclude=["drivers"], include=["drivers/virtio"])
    assert list(found) == [
        "Makefile",
        "kernel/fork.c",
        "kernel/run.sh",
        "kernel/link",
        "drivers/gpu/Kconfig.debug",
        "drivers/virtio/ring.c",
    ]
    assert found["kernel/run.sh"].mode == 0o755
    assert found["kernel/link"].linkname == "fork.c"
    assert {(info.uid, info.uname, info.mtime) for info in found.values()} == {(0, "", _TIME)}


def test_report_names_package(tmp_path: pathlib.Path) -> None:
    _pruned(tmp_path, _package(tmp_path))
    report = json.loads((tmp_path / "report").read_text())
    assert (report["package"], report["version"], report["architecture"]) == ("linux-source-6.12", "6.12.1-1", "all")
    assert len(report["sha256"]) == 64


def test_prune_rejects_directories_missing_in_source(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.InputError, match="sound: is not in the kernel's source"):
        _pruned(tmp_path, _package(tmp_path), exclude=["drivers", "sound"])
    assert not (tmp_path / "source.tar.zst").exists()


def test_prune_rejects_packages_without_source(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.InputError, match="has 0 archives of the kernel's source"):
        _pruned(tmp_path, _package(tmp_path, name="config.xz"))


@pytest.mark.parametrize("archive", [b"junk", lzma.compress(deb_testing.tar(_FILES))[:-40]])
def test_prune_rejects_damaged_sources(tmp_path: pathlib.Path, archive: bytes) -> None:
    with pytest.raises(errors.InputError, match=r"source\.deb: its source is damaged"):
        _pruned(tmp_path, _package(tmp_path, archive))


def test_prune_rejects_devices_in_source(tmp_path: pathlib.Path) -> None:
    archive = lzma.compress(deb_testing.tar([*_FILES, member(f"{_TOP}/null", type=tarfile.CHRTYPE)]))
    with pytest.raises(errors.InputError, match="null, which is not a file, directory or symbolic link"):
        _pruned(tmp_path, _package(tmp_path, archive))

"""Test that the peers work: apt finds the packages, and an initramfs has the modules."""

from __future__ import annotations

import os
import pathlib

import pytest

from tests.bench.builds import initramfs, python_disk, root
from tests.bench.rows import OWN, Comparison, Context
from tools.cli import errors

_PARTS = {
    name.removeprefix("PART_"): pathlib.Path(path).absolute()
    for name, path in os.environ.items()
    if name.startswith("PART_")
}


@pytest.fixture
def builders(tmp_path: pathlib.Path) -> root.Root:
    return root.Root(tmp_path / "root", _PARTS["builders"], _PARTS["bwrap"])


def test_apt_installs_from_archive(builders: root.Root, tmp_path: pathlib.Path) -> None:
    packages = [pathlib.Path(path) for path in os.environ["PACKAGES"].split()]
    work = tmp_path / "work"
    names = python_disk.archive(work / "archive", packages, whole=False)
    options = "-o Dir::Etc::sourcelist=/work/list -o Dir::State=/work/state -o Dir::Cache=/work/cache"
    options += " -o APT::Sandbox::User=root"
    script = f"""
        mkdir -p state/lists/partial cache/archives/partial
        echo 'deb [trusted=yes] copy:///work/archive ./' > list
        touch status
        apt-get {options} -o Dir::State::status=/work/status -qq update
        apt-get {options} -o Dir::State::status=/work/status -qq --download-only install {names.replace(",", " ")}
        """
    builders.run(script, work)
    assert len(list((work / "cache/archives").glob("*.deb"))) == len(packages)


def test_initramfs_of_all_peers_has_the_modules(builders: root.Root, tmp_path: pathlib.Path) -> None:
    context = Context(runs=1, parts=_PARTS, log=print, directory=tmp_path / "row")
    (tmp_path / "row").mkdir()
    results = {result.name: result for result in initramfs.ROW.measure(context)}
    size = results["size"]
    assert isinstance(size, Comparison)
    assert size.median(OWN) < size.median("initramfs-tools")
    work = tmp_path / "row/work"
    for output in ("own", "cpio.zst", "tools.zst"):
        # initramfs-tools may prepend an uncompressed archive.
        builders.run(f"lsinitramfs {output} > names", work)
        names = (work / "names").read_text().splitlines()
        modules = {pathlib.PurePath(name).name.partition(".")[0] for name in names if ".ko" in name}
        assert {"virtio_blk", "virtio_net", "erofs", "zram"} <= modules, output


def test_script_that_fails_is_an_error_with_its_last_words(builders: root.Root, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.InputError, match="ended with 3: last words"):
        builders.run("echo last words >&2; exit 3", tmp_path)

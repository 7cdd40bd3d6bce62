"""Sizes add up in every view of a disk."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Sequence

import pytest

from tools.mkdist.inventory import File, Inventory
from tools.page.treemap import Tile
from tools.report import contents, report_testing, sizes
from tools.report.sizes import Change


@pytest.fixture(name="disk", scope="module")
def _disk(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    directory: pathlib.Path = report_testing.make(tmp_path_factory.mktemp("report") / "dist")
    return contents.load(directory).disks[report_testing.DISK]


def _all(tiles: Sequence[Tile]) -> Iterator[Tile]:
    for tile in tiles:
        yield tile
        yield from _all(tile.parts)


def test_each_view_has_every_byte(disk: Inventory) -> None:
    whole = sum(file.size for file in disk.files)
    for tiles in (sizes.by_package(disk, None), sizes.by_directory(disk, None)):
        assert sum(tile.size for tile in tiles) == whole
        for tile in _all(tiles):
            assert not tile.parts or sum(part.size for part in tile.parts) == tile.size
            assert tile.before is None
    assert sum(sizes.packages(disk.files).values()) == sum(sizes.directories(disk.files).values()) == whole


def test_packages_have_versions_and_directories(disk: Inventory) -> None:
    tiles = {tile.name: tile for tile in sizes.by_package(disk, None)}
    assert tiles["libc6 1.0"].size == 295_000
    assert {part.name: part.size for part in tiles["libc6 1.0"].parts} == {
        "usr/lib/x86_64-linux-gnu": 290_000,
        "usr/share/doc/libc6": 5_000,
    }
    assert tiles[sizes.OWN].size == 70_000


def test_directories_are_nested_down_to_files(disk: Inventory) -> None:
    (usr,) = sizes.by_directory(disk, None)
    tiles = {tile.name: tile for tile in _all([usr])}
    assert usr.name == "usr/" and tiles["usr/bin/bash"].size == 120_000
    assert (tiles["usr/lib/python3.13/"].size, tiles["usr/lib/python3.13/"].label) == (115_000, "python3.13")
    assert tiles["usr/lib/python3.13/json/"].parts == []


def test_growth_counts_new_changed_and_missing_files() -> None:
    same = File("etc/x", 1, "")
    old = Inventory("disk", {"a": "1", "b": "1"}, [File("usr/a", 10, "a"), File("usr/b", 20, "b"), same])
    new = Inventory("disk", {"a": "2", "c": "1"}, [File("usr/a", 15, "a"), File("usr/c", 40, "c"), same])
    changes = sizes.changes(sizes.packages(old.files), sizes.packages(new.files))
    assert changes == [Change("c", 0, 40), Change("b", 20, 0), Change("a", 10, 15)]
    assert sizes.changes({"usr": 30}, {"usr": 30}, ["usr"]) == [Change("usr", 30, 30)]
    befores = {tile.name: tile.before for tile in sizes.by_package(new, old)}
    assert befores == {"a 2": 10, "c 1": 0, sizes.OWN: 1}
    directories = {tile.name: tile.before for tile in _all(sizes.by_directory(new, old))}
    assert directories == {"usr/": 30, "usr/a": 10, "usr/c": 0, "etc/": 1, "etc/x": 1}

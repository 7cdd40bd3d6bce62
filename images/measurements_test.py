"""The README's table has every disk, with its current size."""

from __future__ import annotations

import os
import pathlib

import pytest

from tools.measure import table

# Developers update the table by hand: a change of the times does not require it.
_TOLERANCE = 0.05

_DISKS = {path.name: path for path in map(pathlib.Path, os.environ["DISKS"].split())}
_TABLE = table.sizes(pathlib.Path(os.environ["README"]).read_text("utf-8"))


def test_table_has_every_disk_and_no_other() -> None:
    assert sorted(_TABLE) == sorted(_DISKS)


@pytest.mark.parametrize("name", sorted(_DISKS))
def test_size_is_up_to_date(name: str) -> None:
    size = _DISKS[name].stat().st_size / 1e6
    assert abs(_TABLE[name] - size) <= _TOLERANCE * size, (
        f"the README says {_TABLE[name]} MB of {name}, which has {size:.1f}: ./bazelw run //images:measurements"
    )

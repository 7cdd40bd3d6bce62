"""Every product stays within its budget of budgets.json; the table of all is printed."""

from __future__ import annotations

import fnmatch
import json
import os
import pathlib

import pytest

_FILES = [pathlib.Path(file) for file in os.environ["FILES"].split()]
_BUDGETS = json.loads(pathlib.Path(os.environ["BUDGETS"]).read_text())["budgets"]


def _budget(file: pathlib.Path) -> dict[str, object]:
    matches = [budget for budget in _BUDGETS if fnmatch.fnmatchcase(file.name, budget["files"])]
    assert len(matches) == 1, f"{file.name} has {len(matches)} budgets in images/budgets.json and must have one"
    return matches[0]


def test_every_budget_has_a_product() -> None:
    unused = [b["files"] for b in _BUDGETS if not any(fnmatch.fnmatchcase(f.name, b["files"]) for f in _FILES)]
    assert not unused, "images/budgets.json has budgets for what is not built"


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{'file':<30} {'bytes':>12} {'budget':>12}  used")
        for file in sorted(_FILES, key=lambda file: file.name):
            size, budget = file.stat().st_size, int(str(_budget(file)["bytes"]))
            print(f"{file.name:<30} {size:>12,} {budget:>12,} {size / budget:>5.0%}")


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.name)
def test_product_is_within_its_budget(file: pathlib.Path) -> None:
    size, budget = file.stat().st_size, int(str(_budget(file)["bytes"]))
    assert size <= budget, (
        f"{file.name} has {size:,} bytes, {size - budget:,} over its budget: leave out what it does not need "
        "(images/base/exclude.bzl), or raise the budget with a reason (images/budgets.json)"
    )

"""Tests medians, ratios and budgets of boots."""

from __future__ import annotations

import json
import pathlib

import pytest

from tests.bench import boots, results
from tests.bench.boots import Cost
from tools.cli import cli, errors


def _result(own: float, floor: float, debian: float) -> results.Result:
    costs = {"own": own, "floor": floor, "debian": debian}
    # The median ignores the first and the last cost.
    return results.Result(
        "x86_64 q35", {case: [Cost(cpu, cpu + 1) for cpu in (0.01, value, 99.0)] for case, value in costs.items()}
    )


_BUDGETS = {"x86_64 q35": results.Budget("x86_64 q35", floor=1.25, debian=0.28)}


def _guest(**changes: object) -> str:
    files = ("debian_initramfs", "debian_kernel", "disk", "floor", "initramfs", "kernel", "qemu")
    return json.dumps(
        {"architecture": "x86_64", "machines": ["microvm", "q35"], **{name: name for name in files}, **changes}
    )


def test_ratio_divides_medians() -> None:
    result = _result(1.2, 1.0, 5.0)
    assert (result.ratio("floor"), result.ratio("debian")) == (1.2, 0.24)


def test_ratios_within_the_budget_pass() -> None:
    results.check([_result(1.2, 1.0, 5.0)], _BUDGETS)


@pytest.mark.parametrize(("own", "case"), [((1.3, 1.0, 5.0), "floor"), ((1.2, 1.0, 4.0), "debian")])
def test_ratio_over_its_budget_is_named(own: tuple[float, float, float], case: str) -> None:
    with pytest.raises(errors.InputError, match=rf"x86_64 q35: .* {case}'s CPU") as caught:
        results.check([_result(*own)], _BUDGETS)
    assert str(caught.value).count("times") == 1


def test_machine_without_a_budget_is_named() -> None:
    with pytest.raises(errors.InputError, match="x86_64 q35 has no budget"):
        results.check([_result(1.0, 1.0, 5.0)], {})


def test_table_has_medians_and_spreads() -> None:
    text = results.table([_result(1.2, 1.0, 5.0)])
    assert "own     1.20 (0.01-99.00)" in text and "2.20 (1.01-100.00)" in text
    assert text.splitlines()[-1].split() == ["x86_64", "q35", "1.20", "0.240"]


def test_document_has_every_boot() -> None:
    document = results.document([_result(1.2, 1.0, 5.0)], {"cpus": 2})
    (each,) = json.loads(json.dumps(document))["machines"]
    assert each["boots"]["own"][1] == {"cpu": 1.2, "wall": 2.2}
    assert document["cpus"] == 2


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2, "budgets": []}', '{"version": 1, "budgets": [{}]}'])
def test_rejects_other_budgets(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "budgets.json"
    path.write_text(text)
    with pytest.raises(errors.InputError, match="no budgets"):
        results.read(path)


def test_machines_have_three_boots() -> None:
    microvm, q35 = boots.parse([_guest()])
    assert [boot.case for boot in q35] == ["own", "floor", "debian"]
    assert {boot.machine for boot in microvm} == {"x86_64 microvm"}
    own, floor, debian = microvm
    assert own.guest.kernel == floor.guest.kernel != debian.guest.kernel
    assert own.guest.model == floor.guest.model
    # Debian's kernel finds no devices on microvm.
    assert debian.guest.model == q35[2].guest.model


@pytest.mark.parametrize(
    "value",
    [
        *("", "[]", "{}"),
        *(_guest(machines=[]), _guest(machines=["virt"]), _guest(architecture="riscv64"), _guest(disk=1)),
    ],
)
def test_rejects_other_guests(value: str) -> None:
    with pytest.raises(cli.UsageError, match="--guest="):
        boots.parse([value])

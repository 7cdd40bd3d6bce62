"""Compare the final configurations with the list of options that must be on or off."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import pytest

from tools.linux_kernel import configuration

_OPTIONS: dict[str, Any] = json.loads(pathlib.Path(os.environ["OPTIONS"]).read_text("utf-8"))
_ARCHITECTURES = ("aarch64", "x86_64")


def _final(architecture: str) -> dict[str, str]:
    return configuration.parse(pathlib.Path(os.environ[f"CONFIG_{architecture}"]).read_text("utf-8"))


def _listed(architecture: str) -> dict[str, str]:
    """Return the required value of each option on the list."""
    wanted: dict[str, str] = {}
    for part in (_OPTIONS["common"], _OPTIONS[architecture]):
        wanted |= dict.fromkeys(part["on"], "y") | dict.fromkeys(part["off"], "n")
        wanted |= {name: item["value"] for name, item in part.get("values", {}).items()}
    return wanted


@pytest.mark.parametrize("architecture", _ARCHITECTURES)
def test_final_configuration_has_the_listed_values(architecture: str) -> None:
    final = _final(architecture)
    found = {name: final.get(name, "n") for name in _listed(architecture)}
    assert found == _listed(architecture)


@pytest.mark.parametrize("architecture", _ARCHITECTURES)
def test_every_mitigation_is_listed(architecture: str) -> None:
    listed = _listed(architecture)
    on = [name for name, value in _final(architecture).items() if name.startswith("MITIGAT") and value == "y"]
    assert on
    assert [name for name in on if name not in listed] == []


def test_final_configuration_has_mitigations_of_debians_kernel() -> None:
    debian = configuration.parse(pathlib.Path(os.environ["DEBIAN_x86_64"]).read_text("utf-8"))
    final = _final("x86_64")
    # VMSCAPE concerns hosts, which have KVM.
    wanted = {name for name in debian if name.startswith("MITIGATION_")} - {"MITIGATION_VMSCAPE"}
    assert len(wanted) > 20
    assert {name for name in wanted if final.get(name) != "y"} == set()


def test_every_option_has_a_reason() -> None:
    for part in _OPTIONS.values():
        reasons = [
            *part["on"].values(),
            *part["off"].values(),
            *(item["reason"] for item in part.get("values", {}).values()),
        ]
        assert all(isinstance(reason, str) and reason for reason in reasons)


@pytest.mark.parametrize("architecture", _ARCHITECTURES)
def test_no_option_is_listed_twice(architecture: str) -> None:
    names = [
        name
        for part in (_OPTIONS["common"], _OPTIONS[architecture])
        for group in ("on", "off", "values")
        for name in part.get(group, {})
    ]
    assert len(names) == len(set(names))

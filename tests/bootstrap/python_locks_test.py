"""Test that the locks of Python packages match their requirements.txt."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

from tools.pip import requirements_file


@pytest.mark.parametrize("requirements", os.environ["REQUIREMENTS"].split())
def test_lock_has_every_pin(requirements: str) -> None:
    pins = {pin.name: pin for pin in requirements_file.parse(pathlib.Path(requirements).read_text(), requirements)}
    lock = json.loads(pathlib.Path(requirements.replace(".txt", ".lock.json")).read_text())
    for wheels in lock["wheels"].values():
        assert [wheel["name"] for wheel in wheels] == sorted(pins), "update it: ./bazelw run //:lock"
        for wheel in wheels:
            assert wheel["version"] == pins[wheel["name"]].version
            assert wheel["sha256"] in pins[wheel["name"]].sha256

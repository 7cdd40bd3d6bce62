"""The page has every size, digest and stage, stands alone, and shows any text as text."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re

import pytest

from tools.page.page_testing import Reader, check_alone
from tools.report import contents, report, report_testing
from tools.report.contents import Distribution
from tools.report.report import Report
from tools.report.report_testing import BOOTS, DISK, HOSTILE


@pytest.fixture(name="now", scope="module")
def _now(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    return contents.load(report_testing.make(tmp_path_factory.mktemp("report") / "dist"))


@pytest.fixture(name="earlier", scope="module")
def _earlier(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    changed = {"usr/bin/bash": 100_000, "usr/lib/python3.13/os.py": 41_000}
    return contents.load(report_testing.make(tmp_path_factory.mktemp("report") / "dist", "0.9", changed))


def _read(page: Report) -> Reader:
    return Reader(report.render(page))


def _text(reader: Reader) -> str:
    return re.sub(r"\s+", " ", reader.text)


def test_page_stands_alone_and_shows_hostile_text(now: Distribution) -> None:
    reader = _read(Report(now, None, BOOTS, [("command", HOSTILE)]))
    check_alone(reader)
    # The command and the console; the directory is in both maps.
    assert reader.text.count(HOSTILE) == 2 and "usr/share/<img src=http:--example.org-x" in reader.text
    assert [tag for tag, _ in reader.elements if tag == "script"] == ["script"]


def test_page_has_artefacts_with_sizes_and_digests(now: Distribution) -> None:
    text = _text(_read(Report(now, None, {}, [])))
    for artefact in now.artefacts:
        assert artefact.name in text and artefact.sha256 in text
    assert "kernel of x86_64 6.12.1-own" in text
    assert "growth" not in text and "Boots" not in text


def test_page_shows_the_boot_of_the_median_time(now: Distribution) -> None:
    text = _text(_read(Report(now, None, BOOTS, [])))
    assert f"{DISK} 0.90 0.80 to 1.20 100.0 700.0 0.5 99.5" in text
    assert "python x86_64: kernel 0.700 s" in text
    assert "[guest-agent] ready" in text


def test_long_console_is_cut(now: Distribution) -> None:
    boot = dataclasses.replace(BOOTS[DISK][0], console="x" * 1_000_000)
    text = report.render(Report(now, None, {DISK: [boot]}, []))
    assert "x" * 20_000 in text and "x" * 20_001 not in text
    assert "The first 20,000 of 1,000,000 characters." in text


def test_page_shows_growth(now: Distribution, earlier: Distribution) -> None:
    text = _text(_read(Report(now, earlier, {}, [])))
    assert "bash 0.9 1.0 150 kB 170 kB +20.0 kB" in text
    assert "python3.13 0.9 1.0 716 kB 715 kB −1.00 kB" in text
    # The same size, in another version.
    assert "libc6 0.9 1.0 295 kB 295 kB ±0" in text
    assert "usr/bin 700 kB 720 kB +20.0 kB" in text
    assert f"{DISK} 3.00 kB ±0" in text and "vmlinuz-x86_64 6 B same bytes" in text
    assert "bash 1.0: 170 kB, 13.6%, +20.0 kB" in text


def test_page_against_the_same_distribution_has_no_growth(now: Distribution) -> None:
    text = _text(_read(Report(now, now, {}, [])))
    assert "The same sizes." in text and "usr/bin 720 kB" not in text


def test_page_names_new_and_missing_artefacts_and_disks(now: Distribution) -> None:
    earlier = Distribution({}, [contents.Artefact("old", 2000, "cd")], {})
    text = _text(_read(Report(now, earlier, {}, [])))
    assert "vmlinuz-x86_64 6 B new" in text and "old gone, −2.00 kB" in text
    assert "The earlier distribution has no such disk." in text


def test_distribution_without_sizes_is_named(now: Distribution, tmp_path: pathlib.Path) -> None:
    made = report_testing.make(tmp_path / "dist")
    path = made / "python-base-x86_64.spdx.json"
    document = json.loads(path.read_text())
    for file in document["files"]:
        del file["comment"]
    path.write_text(json.dumps(document))
    without = contents.load(made)
    assert "A bill of materials records no sizes" in _text(_read(Report(now, without, {}, [])))
    assert "treeitem" not in report.render(Report(without, None, {}, []))

"""The report on the images themselves, with their boots, works in a real browser."""

from __future__ import annotations

import json
import math
import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from tests.browser.browser import Browser

_DIST = pathlib.Path(os.environ["DIST"]).absolute()
_DISKS = sorted(path.name for path in _DIST.glob("*.qcow2"))

# Largest page, which a browser has to load at once.
_MOST = 8 << 20


@pytest.fixture(name="browser", scope="module")
def _browser() -> Iterator[Browser]:
    with Browser.start() as started:
        started.size(1280, 900)
        yield started


@pytest.fixture(name="page", scope="module")
def _page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of one boot of each disk, against the same distribution."""
    out = tmp_path_factory.mktemp("report") / "out"
    command = [os.environ["REPORT"], *json.loads(os.environ["ARGUMENTS"])]
    subprocess.run([*command, f"--out={out}", f"--against={_DIST}", "--boots=1"], check=True)
    return (out / "report.html").read_text("utf-8")


def test_report_names_every_artefact(browser: Browser, page: str) -> None:
    browser.show(page)
    text = browser.evaluate("document.body.textContent")
    files = json.loads((_DIST / "manifest.json").read_text("utf-8"))["files"]
    assert files and all(file["name"] in text and file["sha256"] in text for file in files)
    assert text.count("same bytes") == len(files)
    assert (browser.requests(), browser.complaints()) == ([browser.address], [])
    assert len(page.encode()) < _MOST


def test_report_has_the_boot_of_each_disk(browser: Browser, page: str) -> None:
    browser.show(page)
    head, *rows = browser.evaluate(
        "[...document.querySelector('#boots').parentElement.querySelectorAll('#boots ~ .wide:has(td)')][0]"
        " .querySelector('table').innerText.trim().split('\\n').map(line => line.split('\\t'))"
    )
    stages = ["kernel", "mounts", "modules", "ports", "disk", "root", "switch", "agent"]
    assert head == ["disk", "seconds", "all boots", *(f"{name}, ms" for name in ("QEMU", *stages))]
    assert [row[0] for row in rows] == _DISKS
    for row in rows:
        took = [float(cell) for cell in row[3:]]
        # Rounded numbers.
        assert math.isclose(sum(took) / 1000, float(row[1]), abs_tol=0.02)
        assert took[1] > 0


@pytest.mark.parametrize("disk", _DISKS)
def test_maps_of_a_disk_open_by_keyboard(browser: Browser, page: str, disk: str) -> None:
    browser.show(page)
    browser.evaluate("document.querySelectorAll('details').forEach(each => each.open = false)")
    summaries = "[...document.querySelectorAll('#disks ~ details > summary')]"
    browser.evaluate(f"{summaries}.find(each => each.textContent.startsWith({disk!r})).focus()")
    browser.press("Enter")
    for view in ("package", "directory"):
        browser.press("Tab")
        assert browser.evaluate("document.activeElement.closest('svg').ariaLabel") == f"{disk} by {view}"
        browser.press("ArrowDown")
        assert browser.evaluate("document.activeElement.ariaLevel") == "2"
        shown = browser.evaluate("document.activeElement.closest('.treemap').querySelector('output').textContent")
        assert " MB, " in shown and shown.endswith("±0")
        assert browser.evaluate("document.activeElement.closest('svg').querySelectorAll('.tile').length") > 20

"""The pages of the benchmarks and of the report work in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bench import document
from tests.bench import page as bench_page
from tests.bench.document import Measured
from tests.bench.rows import OWN, Comparison, Curve, Row
from tests.browser.browser import Browser
from tools.page import treemap
from tools.report import contents, report, report_testing
from tools.report.report import Report
from tools.report.report_testing import BOOTS, HOSTILE

_PAGES = ("bench", "report")

# The title of the focused tile, and the text below its map.
_FOCUSED = "document.activeElement.querySelector(':scope > title')?.textContent"
_SHOWN = "document.querySelector('.treemap output').textContent"


@pytest.fixture(name="browser", scope="module")
def _browser() -> Iterator[Browser]:
    with Browser.start() as started:
        started.size(1280, 900)
        yield started


def _bench() -> str:
    row = Row(number=6, name="launch", title=HOSTILE, peers={"floor": HOSTILE}, parts=(), measure=lambda _: ())
    comparison = Comparison("x86_64, CPU", "s", {OWN: [1.0, 1.5, 1.25], "floor": [1.0, 1.0, 1.0]}, {"floor": 1.1})
    curve = Curve("until all answer", "guests", "s", {1.0: [1.0, 1.1], 4.0: [3.9, 4.1], 16.0: [15.0, 17.0]}, 1.1)
    found = document.document([Measured(row, [comparison, curve], 61.4, "")], {}, {"command": HOSTILE}, 7)
    return bench_page.render(found)


@pytest.fixture(name="pages", scope="module")
def _pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("report")
    now = contents.load(report_testing.make(directory / "now"))
    earlier = contents.load(report_testing.make(directory / "earlier", "0.9", {"usr/bin/bash": 100_000}))
    return {"bench": _bench(), "report": report.render(Report(now, earlier, BOOTS, [("command", HOSTILE)]))}


@pytest.mark.parametrize("name", _PAGES)
def test_page_renders_without_requests_and_errors(browser: Browser, pages: dict[str, str], name: str) -> None:
    browser.show(pages[name])
    assert browser.evaluate("document.querySelectorAll('svg').length") >= 3
    for drawn in ("svg", "table", "h2"):
        box = browser.evaluate(f"document.querySelector('{drawn}').getBoundingClientRect().toJSON()")
        assert box["width"] > 100 and box["height"] > 10
    # Hostile text is text, and the browser has nothing to complain about, such as a style that the policy blocks.
    assert browser.evaluate("document.querySelectorAll('img').length") == 0
    assert HOSTILE in browser.evaluate("document.body.textContent")
    assert (browser.requests(), browser.complaints()) == ([browser.address], [])


def test_policy_blocks_scripts_and_requests_of_injected_elements(browser: Browser, pages: dict[str, str]) -> None:
    injected = f"{HOSTILE}<script>document.title = 'injected'</script><link rel=stylesheet href=http://example.org/x>"
    browser.show(pages["report"].replace("<h1>", f"{injected}<h1>"))
    assert browser.evaluate("document.querySelectorAll('img').length") == 1
    assert browser.evaluate("document.title") == "Images"
    assert browser.blocked() and set(browser.requests()) - set(browser.blocked()) == {browser.address}
    assert any("Content Security Policy" in complaint for complaint in browser.complaints())


@pytest.mark.parametrize("name", _PAGES)
def test_page_follows_the_colour_scheme(browser: Browser, pages: dict[str, str], name: str) -> None:
    seen: dict[str, tuple[int, ...]] = {}
    for scheme in ("light", "dark"):
        browser.colours(scheme)
        browser.show(pages[name])
        seen[scheme] = _rgb(browser, "document.body", "backgroundColor")
        for text in ("document.body", "document.querySelector('svg text')", "document.querySelector('td')"):
            kind = "fill" if "svg" in text else "color"
            assert _contrast(seen[scheme], _rgb(browser, text, kind)) > 4.5, (scheme, text)
    browser.colours("light")
    assert sum(seen["light"]) > 700 and sum(seen["dark"]) < 100


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_labels_of_tiles_are_readable(browser: Browser, pages: dict[str, str], scheme: str) -> None:
    browser.colours(scheme)
    browser.show(pages["report"])
    tiles = "[...document.querySelectorAll('.tile > rect')]"
    kinds = browser.evaluate(f"[...new Set({tiles}.map(tile => tile.className.baseVal))]")
    assert len(kinds) > 3 and {"grew"} < set(kinds)
    for kind in kinds:
        tile = _rgb(browser, f"document.querySelector('.tile > rect.{kind}')", "fill")
        assert _contrast(tile, _rgb(browser, "document.querySelector('.tile text')", "fill")) > 4.5, kind
    browser.colours("light")


def test_keyboard_reaches_every_part_of_the_report(browser: Browser, pages: dict[str, str]) -> None:
    browser.show(pages["report"])
    stops: list[str] = []
    for _ in range(20):
        browser.press("Tab")
        stop = browser.evaluate(
            "document.activeElement.matches('.tile') ? document.activeElement.closest('svg').ariaLabel"
            " : document.activeElement.textContent"
        )
        if stop in stops or browser.evaluate("document.activeElement === document.body"):
            break
        stops.append(stop)
    # Consoles, disks, maps, tables: a map is one stop.
    assert [stop.partition(":")[0] for stop in stops] == [
        f"Console of {report_testing.DISK}",
        report_testing.DISK,
        f"{report_testing.DISK} by package",
        f"{report_testing.DISK} by directory",
        "Table of the packages",
    ]


def test_keyboard_moves_through_the_treemap_and_shows_sizes(browser: Browser, pages: dict[str, str]) -> None:
    browser.show(pages["report"])
    browser.evaluate("document.querySelector('summary:has(~ .treemap)').focus()")
    browser.press("Tab")
    seen = [browser.evaluate(_FOCUSED)]
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown", "ArrowRight", "ArrowUp", "End", "Home"):
        browser.press(key)
        seen.append(browser.evaluate(_FOCUSED))
        assert browser.evaluate(_SHOWN) == seen[-1]
    assert [text.partition(",")[0] for text in seen] == [
        "python3.13 1.0: 715 kB",
        "libc6 1.0: 295 kB",
        "bash 1.0: 170 kB",
        "libc6 1.0: 295 kB",
        "usr/lib/x86_64-linux-gnu: 290 kB",
        "usr/share/doc/libc6: 5.00 kB",
        "libc6 1.0: 295 kB",
        "(image): 70.0 kB",
        "python3.13 1.0: 715 kB",
    ]
    assert "+20.0 kB" in seen[2]
    # The focus is visible, stays at the ends, and comes back to the tile that it left.
    width = browser.evaluate("getComputedStyle(document.activeElement.querySelector(':scope > rect')).strokeWidth")
    assert width == "4px"
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight"):
        browser.press(key)
    assert browser.evaluate(_FOCUSED).startswith("libc6")
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.closest('svg').ariaLabel").endswith("by directory")
    assert browser.evaluate(_FOCUSED).startswith("usr/: ")
    assert browser.evaluate(_SHOWN) == ""
    browser.press("Tab", shift=True)
    assert browser.evaluate(_FOCUSED).startswith("libc6")


def test_pointer_shows_sizes(browser: Browser, pages: dict[str, str]) -> None:
    browser.show(pages["report"])
    assert browser.evaluate(_SHOWN) == ""
    for wanted in ("bash 1.0: 170 kB", "libc6 1.0: 295 kB", "usr/lib/x86_64-linux-gnu: 290 kB"):
        place = browser.evaluate(
            "(() => { const map = document.querySelector('.treemap'); map.scrollIntoView();"
            f" const tile = [...map.querySelectorAll('.tile')].find(t => t.textContent.trim().startsWith({wanted!r}));"
            " const box = tile.querySelector(':scope > rect').getBoundingClientRect();"
            # Nothing else covers the label of a tile.
            " return [box.x + box.width / 2, box.y + 8]; })()"
        )
        browser.point(*place)
        assert browser.evaluate(_SHOWN).startswith(wanted)
    browser.point(1, 1)
    assert browser.evaluate(_SHOWN) == ""


@pytest.mark.parametrize("width", [360, 1280])
def test_page_fits_the_window(browser: Browser, pages: dict[str, str], width: int) -> None:
    browser.size(width, 900)
    for page in pages.values():
        browser.show(page)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
    browser.size(1280, 900)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_picture_of_a_map_has_the_colours_of_its_tiles(browser: Browser, pages: dict[str, str], scheme: str) -> None:
    browser.colours(scheme)
    browser.show(pages["report"])
    # Parts cover the tiles that have some.
    tiles = browser.evaluate(
        "Object.entries(Object.groupBy([...document.querySelector('.treemap').querySelectorAll('.tile')]"
        ".filter(tile => !tile.querySelector('g')).map(tile => tile.querySelector('rect')),"
        " rect => getComputedStyle(rect).fill))"
        ".map(([fill, rects]) => [fill, rects.map(r => r.width.baseVal.value * r.height.baseVal.value)])"
    )
    box = browser.evaluate("document.querySelector('.treemap svg').getBoundingClientRect().toJSON()")
    seen = browser.count_colours(browser.picture(box))
    browser.colours("light")
    assert len(tiles) >= 4
    for fill, areas in tiles:
        share = sum(areas) / (treemap.WIDTH * treemap.HEIGHT)
        # Labels and edges take some of a tile; other tiles may have its colour, too.
        assert seen[fill] / sum(seen.values()) > 0.7 * share, fill


def _rgb(browser: Browser, element: str, kind: str) -> tuple[int, ...]:
    text = browser.evaluate(f"getComputedStyle({element}).{kind}")
    return tuple(int(part) for part in text.removeprefix("rgb(").removesuffix(")").split(","))


def _contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Return the contrast of two colours as in the guidelines for accessible pages (WCAG)."""

    def luminance(colour: tuple[int, ...]) -> float:
        parts = [value / 255 for value in colour]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)

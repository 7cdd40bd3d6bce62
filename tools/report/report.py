"""The report: one HTML page on the images."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from tools.measure.boots import Boot
from tools.mkdist.inventory import Inventory
from tools.page import numbers, page, plots, treemap
from tools.page.page import Cell, escape
from tools.report import sizes
from tools.report.contents import Distribution

# Most characters of a console on the page: a guest can print without end.
_CONSOLE = 20_000


@dataclasses.dataclass(frozen=True)
class Report:
    """The content of the page.

    Attributes:
        now: the distribution.
        earlier: an earlier one to compare with, or None.
        boots: boots of each disk, by its name; none for disks that were not booted.
        facts: name and value of the facts above everything else: command, date, machine.
    """

    now: Distribution
    earlier: Distribution | None
    boots: Mapping[str, Sequence[Boot]]
    facts: Sequence[tuple[str, str]]


def render(report: Report) -> str:
    """Return the page."""
    return page.render(
        "Images",
        [
            "<h1>Images</h1>",
            *_head(report),
            *_artefacts(report),
            *_boots(report.boots),
            *_growth(report),
            *_disks(report),
        ],
        script=True,
    )


def _head(report: Report) -> Iterator[str]:
    releases = [(f"kernel of {name}", release) for name, release in report.now.releases.items() if release]
    yield from page.definitions([*report.facts, *releases])


# ---- Artefacts ----


def _artefacts(report: Report) -> Iterator[str]:
    before = {artefact.name: artefact for artefact in report.earlier.artefacts} if report.earlier else {}
    rows: list[list[Cell]] = []
    for artefact in report.now.artefacts:
        row = [Cell(artefact.name), Cell(numbers.size(artefact.size), "number")]
        if report.earlier:
            old = before.pop(artefact.name, None)
            same = "same bytes" if old and old.sha256 == artefact.sha256 else None
            row.append(Cell(same or (numbers.growth(old.size, artefact.size) if old else "new"), "number"))
        rows.append([*row, Cell(artefact.sha256, "digest")])
    rows += [
        [Cell(old.name), Cell("", "number"), Cell(f"gone, {numbers.growth(old.size, 0)}", "number"), Cell("")]
        for old in before.values()
    ]
    head = [Cell("file"), Cell("size", "number"), *([Cell("growth", "number")] if report.earlier else [])]
    yield '<h2 id="artefacts">Artefacts</h2>'
    yield from page.table([*head, Cell("sha256")], rows)


# ---- Boots ----


def _boots(boots: Mapping[str, Sequence[Boot]]) -> Iterator[str]:
    # The boot in the middle: unlike means of the stages, it happened.
    shown = {name: sorted(several, key=lambda boot: boot.seconds)[len(several) // 2] for name, several in boots.items()}
    if not shown:
        return
    yield '<h2 id="boots">Boots</h2>'
    yield (
        '<p class="soft">From the start of QEMU to the first answer of the agent, by the stages of the boot ledger. '
        "QEMU: until the clock of the kernel starts. Agent: from the start of the agent to its answer. "
        "A disk's boot of the median time is shown.</p>"
    )
    yield plots.stacks({_short(name): boot.stages for name, boot in shown.items()}, "s")
    stages = list(dict.fromkeys(stage for boot in shown.values() for stage, _ in boot.stages))
    rows: list[list[Cell]] = []
    for name, boot in shown.items():
        took = dict(boot.stages)
        every = [each.seconds for each in boots[name]]
        times = [f"{took[stage] * 1000:.1f}" if stage in took else "" for stage in stages]
        all_of_them = f"{min(every):.2f} to {max(every):.2f}" if len(every) > 1 else ""
        cells = [f"{boot.seconds:.2f}", all_of_them, *times]
        rows.append([Cell(name), *(Cell(cell, "number") for cell in cells)])
    head = ["seconds", "all boots", *(f"{stage}, ms" for stage in stages)]
    yield from page.table([Cell("disk"), *(Cell(name, "number") for name in head)], rows)
    for name, boot in shown.items():
        yield f"<details><summary>Console of {escape(name)}</summary>"
        yield page.preformatted(boot.console[:_CONSOLE])
        if len(boot.console) > _CONSOLE:
            yield f'<p class="soft">The first {_CONSOLE:,} of {len(boot.console):,} characters.</p>'
        yield "</details>"


def _short(name: str) -> str:
    return name.removesuffix(".qcow2").replace("-base-", " ")


# ---- Growth ----


def _growth(report: Report) -> Iterator[str]:
    if not report.earlier:
        return
    yield '<h2 id="growth">Growth</h2>'
    yield '<p class="soft">Sizes of the files on the disks; the images themselves are compressed.</p>'
    for name, disk in report.now.disks.items():
        yield f"<h3>{escape(name)}</h3>"
        old = report.earlier.disks.get(name)
        if old is None:
            yield "<p>The earlier distribution has no such disk.</p>"
        elif not old.files or not disk.files:
            yield "<p>A bill of materials records no sizes: it was published before they did.</p>"
        else:
            yield from _changes(old, disk)


def _changes(old: Inventory, disk: Inventory) -> Iterator[str]:
    upgraded = [
        name for name in old.versions.keys() & disk.versions.keys() if old.versions[name] != disk.versions[name]
    ]
    packages = sizes.changes(sizes.packages(old.files), sizes.packages(disk.files), upgraded)
    directories = sizes.changes(sizes.directories(old.files), sizes.directories(disk.files))
    if not packages and not directories:
        yield "<p>The same sizes.</p>"
        return
    rows = [
        [
            Cell(change.name),
            Cell(old.versions.get(change.name, "")),
            Cell(disk.versions.get(change.name, "")),
            *_numbers(change),
        ]
        for change in packages
    ]
    if rows:
        head = [Cell("package"), Cell("earlier version"), Cell("version"), *_NUMBERS]
        yield from page.table(head, rows)
    if directories:
        rows = [[Cell(change.name), *_numbers(change)] for change in directories]
        yield from page.table([Cell("directory"), *_NUMBERS], rows)


_NUMBERS = (Cell("earlier", "number"), Cell("now", "number"), Cell("growth", "number"))


def _numbers(change: sizes.Change) -> list[Cell]:
    texts = numbers.size(change.before), numbers.size(change.after), numbers.growth(change.before, change.after)
    return [Cell(text, "number") for text in texts]


# ---- Disks ----


def _disks(report: Report) -> Iterator[str]:
    yield '<h2 id="disks">Disks</h2>'
    yield (
        '<p class="soft">The area of a tile is its size on the disk, before compression. The pointer or the keyboard '
        "shows it as a number: Tab enters a map, left and right move to the next tile, down goes into a tile, and up "
        "out of it.</p>"
    )
    if report.earlier:
        yield (
            '<p class="soft"><svg viewBox="0 0 720 16" role="img" aria-label="colours">'
            '<g class="tile"><rect x="0" y="2" width="12" height="12" class="grew"/><text x="18" y="12">grew</text></g>'
            '<g class="tile"><rect x="80" y="2" width="12" height="12" class="shrank"/>'
            '<text x="98" y="12">became smaller</text></g></svg></p>'
        )
    image_sizes = {artefact.name: artefact.size for artefact in report.now.artefacts}
    for index, (name, disk) in enumerate(report.now.disks.items()):
        whole = sum(file.size for file in disk.files)
        yield f"<details{'' if index else ' open'}><summary>{escape(name)}: {numbers.size(whole)} of files, "
        yield f"{numbers.size(image_sizes[name])} compressed</summary>"
        old = report.earlier.disks.get(name) if report.earlier else None
        if old and not old.files:
            old = None
        yield "<h3>By package</h3>"
        yield from treemap.draw(f"{name} by package", sizes.by_package(disk, old))
        yield "<h3>By directory</h3>"
        yield from treemap.draw(f"{name} by directory", sizes.by_directory(disk, old))
        yield "<details><summary>Table of the packages</summary>"
        yield from _packages(disk, whole)
        yield "</details></details>"


def _packages(disk: Inventory, whole: int) -> Iterator[str]:
    ordered = sorted(sizes.packages(disk.files).items(), key=lambda item: (-item[1], item[0]))
    rows = [
        [
            Cell(name),
            Cell(disk.versions.get(name, "")),
            Cell(numbers.size(size), "number"),
            Cell(f"{size / whole:.1%}" if whole else "", "number"),
        ]
        for name, size in ordered
    ]
    yield from page.table([Cell("package"), Cell("version"), Cell("size", "number"), Cell("part", "number")], rows)

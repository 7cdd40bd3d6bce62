"""A small distribution for tests, written by the same code as real ones, with names that attack the page."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind
from tools.measure.boots import Boot
from tools.mkdist import dist, ownership, sbom

HOSTILE = "<img src=http://example.org/x onerror=alert(1)>&\"'"
"""A file name or a line of a guest that attacks a page."""

DISK = "python-base-x86_64.qcow2"

_SIZES = {
    ("python3.13", "usr/lib/python3.13"): {"os.py": 40_000, "ast.py": 60_000},
    ("python3.13", "usr/lib/python3.13/json"): {"decoder.py": 15_000},
    ("python3.13", "usr/bin"): {"python3.13": 600_000},
    ("libc6", "usr/lib/x86_64-linux-gnu"): {"libc.so.6": 200_000, "libm.so.6": 90_000},
    ("libc6", "usr/share/doc/libc6"): {"copyright": 5_000},
    ("bash", "usr/bin"): {"bash": 120_000},
    ("bash", "usr/share/" + HOSTILE.replace("/", "-")): {"x": 50_000},
    ("", "usr/local/bin"): {"guest-agent": 70_000},
}

BOOTS = {
    DISK: [
        Boot(
            seconds,
            [("QEMU", 0.1), ("kernel", seconds - 0.2), ("mounts", 0.0005), ("agent", 0.0995)],
            None,
            f"[init] started\n{HOSTILE}\n[guest-agent] ready\n",
            "tcg",
        )
        for seconds in (0.8, 1.2, 0.9)
    ]
}


def make(directory: pathlib.Path, version: str = "1.0", changed: Mapping[str, int] | None = None) -> pathlib.Path:
    """Write a distribution into a new directory, and return the directory.

    Args:
        directory: the directory to create.
        version: version of all packages.
        changed: size of a file, by its path, in place of the default.
    """
    directory.mkdir()
    names = sorted({package for package, _ in _SIZES if package})
    packages = {name: ownership.Package("deb", name, version, "amd64", "", "ab" * 32) for name in names}
    entries = [
        Entry(
            path=f"{above}/{name}",
            kind=Kind.FILE,
            mode=0o644,
            content=Inline(bytes((changed or {}).get(f"{above}/{name}", size))),
            origin=str(packages[package]) if package else "//images/base:base",
        )
        for (package, above), files in _SIZES.items()
        for name, size in files.items()
    ]
    report = ownership.Report("x86_64", list(packages.values()), [])
    inputs = directory.with_name(directory.name + ".inputs")
    inputs.mkdir()
    disk, document = inputs / DISK, inputs / DISK.replace(".qcow2", ".spdx.json")
    disk.write_bytes(version.encode() * 1000)
    document.write_text(sbom.render(DISK, str(disk), entries, ownership.assign(entries, report), report))
    kernel = inputs / "vmlinuz-x86_64"
    kernel.write_bytes(b"kernel")
    guest = dist.Guest("x86_64", "6.12.1-own", [])
    dist.make([str(disk), str(document), str(kernel)], [guest], directory)
    return directory

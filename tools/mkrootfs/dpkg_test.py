"""Compare unpacked packages with dpkg's result."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence

import hypothesis
import pytest
from hypothesis import strategies

from tools.cli import errors
from tools.fsspec import content, paths
from tools.fsspec.tree import Kind
from tools.mkrootfs import rootfs
from tools.packages import deb_testing as make

hypothesis.settings.register_profile("dpkg", deadline=None, max_examples=30, database=None, derandomize=True)
hypothesis.settings.load_profile("dpkg")

Member = tuple[tarfile.TarInfo, bytes]
Listing = dict[str, tuple[str, ...]]
"""Of each path its kind, mode, target or content, and the names that are hard links to it."""

PROGRAMS = ("dpkg", "dpkg-deb", "dpkg-split", "tar")
DIRECTORIES = ("opt", "usr", "usr/bin", "usr/lib", "usr/share")
BASE = [make.directory("./"), *(make.directory(f"./{directory}") for directory in DIRECTORIES)]


@pytest.fixture(scope="module")
def programs() -> pathlib.Path:
    """Return a directory of programs that is dpkg's whole PATH."""
    directory = pathlib.Path(os.environ["TEST_TMPDIR"]) / "bin"
    directory.mkdir()
    for name in PROGRAMS:
        launcher = pathlib.Path(os.environ[name.upper().replace("-", "_")]).absolute()
        (directory / name).write_text(f'#!/bin/sh\nexec "{launcher}" "$@"\n')
        (directory / name).chmod(0o755)
    for name in ("rm", "sh"):
        (directory / name).symlink_to(pathlib.Path(os.environ["BUSYBOX"]).absolute())
    return directory


def control(name: str, fields: str = "") -> str:
    return f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: x <x@y>\nDescription: x\n{fields}"


def unpack(programs: pathlib.Path, work: pathlib.Path, debs: Sequence[str]) -> Listing | None:
    """Return dpkg's result for packages in a root with merged /usr, or None if it rejects one."""
    root = work / "root"
    for directory in ("info", "updates"):
        (root / "var/lib/dpkg" / directory).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    for name in ("bin", "lib"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    flags = ["--force-not-root", "--force-bad-path", "--force-script-chrootless", "--force-unsafe-io"]
    # The machine's own configuration may exclude files.
    flags += [f"--root={root}", f"--log={work}/log", "--path-include=*", "--abort-after=1"]
    done = subprocess.run(
        [programs / "dpkg", *flags, "--unpack", *debs],
        env={"PATH": str(programs), "LC_ALL": "C", "HOME": str(work)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        assert b"(--unpack):" in done.stderr, done.stderr
        return None
    return listed(root)


def listed(root: pathlib.Path) -> Listing:
    found: Listing = {}
    inodes: dict[int, list[str]] = {}
    for directory, directories, files in os.walk(os.fsencode(root)):
        for name in directories + files:
            file = os.path.join(directory, name)
            path = os.path.relpath(file, os.fsencode(root)).decode("utf-8", "surrogateescape")
            status = os.lstat(file)
            mode = f"{stat.S_IMODE(status.st_mode):o}"
            if stat.S_ISLNK(status.st_mode):
                found[path] = ("symlink", os.readlink(file).decode("utf-8", "surrogateescape"))
            elif stat.S_ISDIR(status.st_mode):
                found[path] = ("directory", mode)
            else:
                inodes.setdefault(status.st_ino, []).append(path)
                found[path] = ("file", mode, pathlib.Path(os.fsdecode(file)).read_text("latin-1"))
    for names in inodes.values():
        for name in names:
            found[name] += tuple(sorted(names))
    return own(found)


def own(found: Listing) -> Listing:
    known = {"bin", "lib", "var", *DIRECTORIES}
    return {path: found[path] for path in sorted(found) if path not in known and not path.startswith("var/")}


def assembled(work: pathlib.Path, debs: Sequence[str]) -> Listing:
    request = rootfs.Request(architecture="x86_64", packages=debs, dangling=["**"])
    tree, _ = rootfs.assemble(request, str(work))
    found: Listing = {}
    links: dict[str, list[str]] = {}
    for entry in tree.finish():
        mode = f"{entry.mode:o}"
        if entry.kind is Kind.SYMLINK:
            found[entry.path] = ("symlink", entry.target)
        elif entry.kind is Kind.DIRECTORY:
            found[entry.path] = ("directory", mode)
        else:
            first = entry.target or entry.path
            links.setdefault(first, []).append(entry.path)
            text = content.read(entry.content).decode() if entry.content else found[first][2]
            found[entry.path] = ("file", mode, text)
    for names in links.values():
        for name in names:
            found[name] += tuple(sorted(names, key=paths.encode))
    return own(found)


def packed(work: pathlib.Path, packages: Sequence[tuple[str, Sequence[Member]]]) -> list[str]:
    """Write packages, a base first: pairs of further fields and members."""
    debs = [make.deb(work / "base.deb", BASE[1:], control=control("base", "Essential: yes\n"), compression=".gz")]
    for number, (fields, members) in enumerate(packages):
        text = control("abc"[number], fields)
        debs.append(make.deb(work / f"{number}.deb", members, control=text, compression=".gz"))
    return debs


def same(programs: pathlib.Path, packages: Sequence[tuple[str, Sequence[Member]]]) -> Listing | None:
    """Check that a result is dpkg's, and return it, or None if both reject the packages."""
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        debs = packed(work, packages)
        expected = unpack(programs, work, debs)
        if expected is None:
            with pytest.raises(errors.InputError):
                assembled(work, debs)
        else:
            assert assembled(work, debs) == expected
        return expected


m, d, sl, hl = make.member, make.directory, make.symlink, make.hardlink


def latin(name: str) -> Member:
    info, data = m(name, "x")
    info.name = name.encode("latin-1").decode("utf-8", "surrogateescape")
    return info, data


ACCEPTED: dict[str, list[tuple[str, list[Member]]]] = {
    "modes of a directory that differ": [("", [d("./opt/x", 0o700)]), ("", [d("./opt/x"), m("./opt/x/f", "1")])],
    "file twice": [("", [m("./opt/x", "1", mode=0o600), m("./opt/x", "2")])],
    "file twice with a hard link between": [("", [m("./opt/x", "1"), hl("./opt/y", "./opt/x"), m("./opt/x", "2")])],
    "directory twice": [("", [d("./opt/x", 0o700), d("./opt/x/", 0o755)])],
    "symlink twice": [("", [sl("./opt/x", "a"), sl("./opt/x", "b")])],
    "file and symlink": [("", [sl("./opt/x", "a"), m("./opt/x", "1"), m("./opt/y", "1"), sl("./opt/y", "a")])],
    "empty directory and file": [("", [d("./opt/x"), m("./opt/x", "1")])],
    "directory and symlink": [("", [d("./opt/x"), sl("./opt/x", "y"), sl("./opt/y", "gone"), d("./opt/y", 0o700)])],
    "names of all forms": [("", [m("./opt//a", "1"), m("/opt/b", "2"), m("opt/./c", "3"), m("././opt/d/", "4")])],
    "names that are not UTF-8": [("", [latin("./opt/é"), sl("./opt/l", "J\udcf6rg")])],
    "symlink where a directory is": [
        ("", [d("./opt/r"), d("./opt/x"), m("./opt/x/f", "1")]),
        ("", [sl("./opt/x", "r")]),
    ],
    "directory where a symlink to one is": [
        ("", [d("./opt/r"), sl("./opt/x", "r")]),
        ("", [d("./opt/x", 0o700), m("./opt/x/f", "1"), hl("./opt/x/g", "./opt/x/f")]),
    ],
    "two symlinks to one directory": [("", [d("./opt/r"), sl("./opt/x", "r")]), ("", [sl("./opt/x", "../opt/r")])],
    "below a merged directory": [("", [d("./lib/x"), m("./lib/x/f", "1")]), ("", [d("./usr/lib/x", 0o700)])],
    "hard link to another package's file": [("", [m("./opt/x", "1")]), ("", [hl("./opt/y", "./opt/x")])],
    "replaces": [("", [m("./opt/x", "1"), hl("./opt/y", "./opt/x")]), ("Replaces: A (<< 2)\n", [m("./opt/x", "2")])],
    "replaced by an earlier one": [
        ("Replaces: zz, b (= 1.0)\n", [m("./opt/x", "1")]),
        ("", [m("./opt/x", "2"), hl("./opt/y", "./opt/x")]),
    ],
    "each replaces the other": [("Replaces: b\n", [m("./opt/x", "1")]), ("Replaces: a\n", [m("./opt/x", "2")])],
    "replaces a symlink": [("", [sl("./opt/x", "y")]), ("Replaces: a\n", [m("./opt/x", "2")])],
    "replaces a file by a directory": [("", [m("./opt/x")]), ("Replaces: a\n", [d("./opt/x"), m("./opt/x/f", "1")])],
    "replaces an empty directory": [("", [d("./opt/x")]), ("Replaces: a\n", [m("./opt/x", "1")])],
    "replaces one of two": [
        ("", [m("./opt/x")]),
        ("Replaces: a\n", [m("./opt/x", "2")]),
        ("Replaces: b\n", [m("./opt/x")]),
    ],
}

REFUSED: dict[str, list[tuple[str, list[Member]]]] = {
    "same file": [("", [m("./opt/x", "1")]), ("", [m("./opt/x", "1")])],
    "same dangling symlink": [("", [sl("./opt/x", "y")]), ("", [sl("./opt/x", "y")])],
    "file and directory": [("", [m("./opt/x", "1")]), ("", [d("./opt/x")])],
    "directory and file": [("", [d("./opt/x")]), ("", [m("./opt/x", "1")])],
    "file and directory of one package": [("", [m("./opt/x", "1"), d("./opt/x")])],
    "below a file": [("", [m("./opt/x", "1")]), ("", [m("./opt/x/y", "1")])],
    "below a dangling symlink": [("", [sl("./opt/x", "y")]), ("", [m("./opt/x/f", "1")])],
    "below a symlink of the same package": [("", [d("./opt/r"), sl("./opt/x", "r"), m("./opt/x/f", "1")])],
    "symlink and directory": [("", [sl("./opt/x", "y")]), ("", [d("./opt/x")])],
    "both sides of merged /usr": [("", [m("./lib/x", "1"), m("./usr/lib/x", "2")])],
    "replaces another version": [("", [m("./opt/x", "1")]), ("Replaces: a (<< 1.0)\n", [m("./opt/x", "2")])],
    "replaces what is only provided": [("Provides: v\n", [m("./opt/x")]), ("Replaces: v\n", [m("./opt/x")])],
    "replaces one, and another has it now": [
        ("", [m("./opt/x")]),
        ("Replaces: a\n", [m("./opt/x", "2")]),
        ("Replaces: a\n", [m("./opt/x")]),
    ],
    "hard link to nothing": [("", [hl("./opt/x", "./opt/y")])],
    "hard link to a symlink": [("", [sl("./opt/x", "y"), hl("./opt/z", "./opt/x")])],
    "name with a newline": [("", [m("./opt/a\nb")])],
}


@pytest.mark.parametrize("packages", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_packages_are_unpacked_like_by_dpkg(programs: pathlib.Path, packages: list[tuple[str, list[Member]]]) -> None:
    assert same(programs, packages) is not None


@pytest.mark.parametrize("packages", REFUSED.values(), ids=REFUSED.keys())
def test_packages_that_dpkg_rejects_are_rejected(
    programs: pathlib.Path, packages: list[tuple[str, list[Member]]]
) -> None:
    assert same(programs, packages) is None


# dpkg silently overwrites a path that two packages spell differently; the packer reports a conflict.
_PATHS = strategies.sampled_from(["./opt/x", "./opt/y", "./lib/x", "./opt/x/z", "./opt/y/z"])
_TARGETS = strategies.sampled_from(["x", "y", "/opt/y", "gone"])
_FILES = strategies.sampled_from(["./opt/x", "./opt/y"])
# dpkg gives a file the mode of its last hard link's member. Archives have the file's mode there, and so do these.
_MEMBERS = strategies.one_of(
    strategies.builds(m, _PATHS, strategies.sampled_from(["1", "2"])),
    strategies.builds(d, _PATHS, strategies.sampled_from([0o700, 0o755])),
    strategies.builds(sl, _PATHS, _TARGETS),
    strategies.builds(hl, _PATHS, _FILES),
)
_PACKAGES = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(["", "Replaces: a\n", "Replaces: b\n"]), strategies.lists(_MEMBERS, max_size=4)
    ),
    min_size=1,
    max_size=3,
)


@hypothesis.given(_PACKAGES)
def test_random_packages_are_unpacked_like_by_dpkg(
    programs: pathlib.Path, packages: list[tuple[str, list[Member]]]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        debs = packed(work, packages)
        expected = unpack(programs, work, debs)
        if expected is not None:
            assert assembled(work, debs) == expected

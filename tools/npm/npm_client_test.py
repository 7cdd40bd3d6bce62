"""npm packages are unpacked like by npm's own client, the reference."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
import tarfile
from typing import Any

import pytest

from tools.fsspec import content
from tools.npm import package, package_testing
from tools.packages.tarball import PackageError

_SCRIPT = b"#!/usr/bin/env node\nconsole.log(1)\n"
_PREFIX = "usr/local"

# Files and fields of package.json, by name of the package.
_PACKAGES: dict[str, tuple[dict[str, bytes], dict[str, Any]]] = {
    "plain": ({"index.js": b"1", "lib/a b/@x~1/\u00fc.js": b"2"}, {"license": "MIT"}),
    "JSONStream": ({"cli.js": _SCRIPT}, {"bin": "./cli.js"}),
    "@team/scoped": ({"cli.js": _SCRIPT}, {"bin": "cli.js"}),
    "crlf": ({"cli.js": _SCRIPT.replace(b"\n", b"\r\n"), "other.js": b"#!x\r\n"}, {"bin": "cli.js"}),
    "names": (
        {"a/cli.js": _SCRIPT},
        {"bin": {"@team/n1": "a/cli.js", "c:n2": "./b/../a/./cli.js", "d\\n3": "../../a/cli.js", "_n 4": "a\\cli.js"}},
    ),
    "listed": ({"a/listed.js": _SCRIPT}, {"bin": ["a/listed.js"]}),
    "none": ({"bin/unused": _SCRIPT}, {"bin": "", "scripts": {"install": "false"}}),
    "directory": ({"bin/d1": _SCRIPT, "bin/.hidden": _SCRIPT, "d2.js": b""}, {"directories": {"bin": "./bin"}}),
    "both": ({"bin/unused": _SCRIPT, "cli.js": _SCRIPT}, {"directories": {"bin": "bin"}, "bin": {"b1": "cli.js"}}),
    "dots": ({"./a.js": b"1", "b/./c.js": b"2", "d//e.js": b"3"}, {}),
    "bundle": (
        {"node_modules/x/package.json": b'{"name": "x", "version": "1.0.0"}', "node_modules/x/x.js": b"x"},
        {"dependencies": {"x": "1"}, "bundleDependencies": ["x"]},
    ),
    "platform": ({}, {"os": ["darwin", "linux"], "cpu": ["!ia32"], "libc": "glibc"}),
    "anywhere": ({}, {"os": ["any"], "cpu": ["any"]}),
}


@pytest.fixture(name="client", scope="module")
def _client(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Unpack npm's client."""
    directory = tmp_path_factory.mktemp("client")
    with tarfile.open(os.environ["NPM_ARCHIVE"]) as archive:
        archive.extractall(directory, filter="data")
    return directory / "package/bin/npm-cli.js"


def _install(client: pathlib.Path, work: pathlib.Path, archives: list[str]) -> subprocess.CompletedProcess[str]:
    """Install packages for all users below `work`, for Linux on x86_64 with glibc, on any host."""
    return subprocess.run(
        [
            os.path.abspath(os.environ["NODE"]),
            str(client),
            *("install", "--global", "--offline", "--ignore-scripts", "--no-audit", "--no-fund"),
            *("--os=linux", "--cpu=x64", "--libc=glibc"),
            *(f"--prefix={work / _PREFIX}", f"--cache={work / 'cache'}", f"--userconfig={work / 'npmrc'}"),
            *archives,
        ],
        cwd=work,
        env={"HOME": str(work)},
        capture_output=True,
        text=True,
        check=False,
    )


def _installed(work: pathlib.Path) -> dict[str, str | tuple[bool, bytes]]:
    found: dict[str, str | tuple[bool, bytes]] = {}
    for path in (work / _PREFIX).rglob("*"):
        name = str(path.relative_to(work))
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file() and path.name != ".package-lock.json":
            found[name] = bool(path.stat().st_mode & stat.S_IXUSR), path.read_bytes()
    return found


def _made(archive: str, work: pathlib.Path) -> dict[str, str | tuple[bool, bytes]]:
    tar = str(work / "package.tar")
    return {
        entry.path: (bool(entry.mode & stat.S_IXUSR), content.read(entry.content)) if entry.content else entry.target
        for entry in package.unpack(package.read(archive, tar), tar)
    }


def test_packages_are_installed_like_by_npm(client: pathlib.Path, tmp_path: pathlib.Path) -> None:
    archives = [
        package_testing.package(
            tmp_path / f"{number}.tgz",
            files,
            directory="package" if number % 2 else "other",
            links={"package/link": "package.json"},
            is_ended=bool(number % 3),
            name=name,
            **fields,
        )
        for number, (name, (files, fields)) in enumerate(_PACKAGES.items())
    ]
    done = _install(client, tmp_path, archives)
    assert done.returncode == 0, done.stderr
    made: dict[str, str | tuple[bool, bytes]] = {}
    for archive in archives:
        made |= _made(archive, tmp_path)
    assert made == _installed(tmp_path)


@pytest.mark.parametrize("fields", [{"os": ["darwin"]}, {"libc": ["musl"]}, {"cpu": ["!x64", "!arm64"]}])
def test_package_that_npm_rejects_is_rejected(
    client: pathlib.Path, tmp_path: pathlib.Path, fields: dict[str, Any]
) -> None:
    archive = package_testing.package(tmp_path / "p.tgz", **fields)
    done = _install(client, tmp_path, [archive])
    assert "EBADPLATFORM" in done.stderr
    with pytest.raises(PackageError, match=f"is for {next(iter(fields))}"):
        package.read(archive, str(tmp_path / "tar"))

"""Two clean builds in different surroundings make the same bytes."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

import pytest

from tests.nested import nested
from tests.reproducible import compare

_TARGETS = "//images:all"
_PACKAGES = ["agents", "images"]

# Reports and parts that no other target asks for.
_GROUPS = "--output_groups=+config,+modules,+order,+builtin,+release,+elf_report,+packages_report,+modules_report"

# It owns nothing on the machine.
_NOBODY = 65534

_FIRST = nested.Surroundings(
    umask=0o022,
    variables={"TZ": "UTC", "LANG": "C", "LC_ALL": "C", "USER": "alice", "LOGNAME": "alice"},
    seed=1,
)
_SECOND = nested.Surroundings(
    umask=0o077,
    variables={
        "TZ": "Pacific/Kiritimati",
        "LANG": "tr_TR.UTF-8",
        "LC_ALL": "tr_TR.UTF-8",
        "USER": "bob",
        "LOGNAME": "bob",
        "SOURCE_DATE_EPOCH": "1234567890",
        "PYTHONHASHSEED": "7",
        "CFLAGS": "-DNOISE",
        "RUSTFLAGS": "-Copt-level=0",
        "MKE2FS_CONFIG": "/nonexistent",
    },
    seed=2,
    user=_NOBODY,
)

# What time it is for all programs of actions that are linked against a C library. The kernel's clock is the machine's.
_YEAR = "2031"
_CLOCK = {"FAKETIME": f"@{_YEAR}-05-06 07:08:09", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@pytest.fixture()
def folder() -> Iterator[pathlib.Path]:
    # Any user reaches it, and it is there in the sandbox of actions, whose /tmp is their own.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as made:
        path = pathlib.Path(made)
        path.chmod(0o755)
        yield path


def _clock(folder: pathlib.Path) -> list[str]:
    """Returns flags that give actions another time."""
    library = folder / "libfaketime.so"
    shutil.copyfile(os.environ["LIBFAKETIME"], library)
    library.chmod(0o755)
    variables = _CLOCK | {"LD_PRELOAD": str(library)}
    return [
        f"--{flag}={name}={value}" for flag in ("action_env", "host_action_env") for name, value in variables.items()
    ]


def _year_of_actions(bazel: nested.Nested, flags: list[str]) -> str:
    """Asks an action what time it is."""
    package = bazel.workspace / "clock/BUILD.bazel"
    package.parent.mkdir()
    package.write_text("""genrule(name = "clock", outs = ["year"], cmd = "printf '%(%Y)T' -1 > $@")\n""")
    package.parent.chmod(0o755)
    package.chmod(0o644)
    bazel.run("build", *flags, "//clock")
    return (bazel.workspace / "bazel-bin/clock/year").read_text()


def _build(bazel: nested.Nested, jobs: int, flags: list[str]) -> dict[str, pathlib.Path]:
    try:
        # Repositories are made by the machine's time, which certificates are checked against.
        bazel.run("build", "--nobuild", _TARGETS)
        # The number of actions at once orders them, and what finishes first must not matter.
        bazel.run("build", _GROUPS, f"--jobs={jobs}", *flags, _TARGETS)
        assert (_year_of_actions(bazel, flags) == _YEAR) == bool(flags)
        return compare.outputs(bazel.output_base / "execroot/_main/bazel-out", _PACKAGES)
    finally:
        bazel.close()


def test_two_builds_make_the_same(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    os.environ |= {name: str(pathlib.Path(os.environ[name]).resolve()) for name in ("DEBUGFS", "QEMU_IMG")}
    downloads = nested.seed_downloads(folder)
    for path in [downloads, *downloads.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    # Both copies are made before the first build: who edits meanwhile does not make them differ.
    one = nested.Nested(folder / "one", "workspace", _FIRST, downloads)
    two = nested.Nested(folder / "two", "some/deeper/folder", _SECOND, downloads)
    first, second = _build(one, 1, []), _build(two, 2, _clock(folder))
    assert sum(name.endswith(".qcow2") for name in first) >= 2
    found = compare.differences(first, second, tmp_path)
    print(f"compared {len(first)} files, {sum(path.stat().st_size for path in first.values())} bytes")
    assert not found, "\n".join(["the builds differ:", *found])

"""Two clean builds in different surroundings make the same bytes."""

import os
import pathlib

from tests.nested import nested
from tests.reproducible import compare

_TARGETS = "//images:all"
_PACKAGES = ["agents", "images"]

# Reports and parts that no other target asks for.
_GROUPS = "--output_groups=+config,+modules,+order,+builtin,+release,+elf_report,+packages_report,+modules_report"

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
)


def _build(bazel: nested.Nested, jobs: int) -> dict[str, pathlib.Path]:
    try:
        # The number of actions at once orders them, and what finishes first must not matter.
        bazel.run("build", _GROUPS, f"--jobs={jobs}", _TARGETS)
        return compare.outputs(bazel.output_base / "execroot/_main/bazel-out", _PACKAGES)
    finally:
        bazel.close()


def test_two_builds_make_the_same(tmp_path: pathlib.Path) -> None:
    os.environ |= {name: str(pathlib.Path(os.environ[name]).resolve()) for name in ("DEBUGFS", "QEMU_IMG")}
    downloads = nested.seed_downloads(tmp_path)
    # Both copies are made before the first build: who edits meanwhile does not make them differ.
    one = nested.Nested(tmp_path / "one", "workspace", _FIRST, downloads)
    two = nested.Nested(tmp_path / "two", "some/deeper/folder", _SECOND, downloads)
    first, second = _build(one, 1), _build(two, 2)
    assert sum(name.endswith(".qcow2") for name in first) >= 2
    found = compare.differences(first, second, tmp_path)
    print(f"compared {len(first)} files, {sum(path.stat().st_size for path in first.values())} bytes")
    assert not found, "\n".join(["the builds differ:", *found])

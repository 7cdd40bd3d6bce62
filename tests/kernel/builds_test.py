"""Test that two builds of a kernel in different environments, without a shared cache, make the same bytes."""

from __future__ import annotations

import os
import pathlib

from tests.nested import nested
from tests.reproducible import compare

_KERNELS = os.environ["KERNELS"].split()
_GROUPS = "--output_groups=+config,+vmlinux,+system_map,+builtin,+release,+report"
_PACKAGES = ["images", "tests/kernel"]

_SURROUNDINGS = {
    "one": nested.Surroundings(umask=0o022, variables={"TZ": "UTC", "LC_ALL": "C"}, seed=1),
    # The user `nobody` owns no files of the machine.
    "some/deeper/directory": nested.Surroundings(
        umask=0o077,
        variables={
            "TZ": "Pacific/Kiritimati",
            "LC_ALL": "tr_TR.UTF-8",
            "KBUILD_BUILD_USER": "bob",
            "KCFLAGS": "-DNOISE",
            "MAKEFLAGS": "-k",
        },
        seed=2,
        user=65534,
    ),
}


def _build(
    directory: pathlib.Path, name: str, surroundings: nested.Surroundings, downloads: pathlib.Path
) -> dict[str, pathlib.Path]:
    bazel = nested.Nested(directory / name.partition("/")[0], name, surroundings, downloads)
    try:
        bazel.run("build", _GROUPS, *_KERNELS)
        return compare.outputs(bazel.output_base / "execroot/_main/bazel-out", _PACKAGES)
    finally:
        bazel.close()


def test_two_builds_have_same_bytes(tmp_path: pathlib.Path) -> None:
    downloads = nested.seed_downloads(tmp_path)
    first, second = (_build(tmp_path, name, surroundings, downloads) for name, surroundings in _SURROUNDINGS.items())
    for suffix in (".config", ".vmlinux", ".System.map", ".json"):
        assert sum(name.endswith(suffix) for name in first) >= len(_KERNELS), suffix
    for name, path in sorted(first.items()):
        print(f"{nested.digest(path)}  {name}")
    found = compare.differences(first, second, tmp_path)
    assert not found, "\n".join(["the builds differ:", *found])

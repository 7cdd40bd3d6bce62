"""Test that two clean builds in different environments make the same bytes."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator

import pytest

from tests.nested import nested
from tests.reproducible import compare

_ALL = ("//images:all",)

# Every kind of action except the kernel's, for one architecture. The comparison with a first build is for CI, which has
# no time for all images.
_SOME = (
    *nested.ONE_OF_EACH,
    "//images:initramfs_x86_64",
    "//images:provenance_qcow2_python_x86_64",
    "//images:qcow2_python_x86_64",
    "//images:sbom_python_x86_64",
)
_PACKAGES = ["agents", "images"]
_KERNELS = ("//images:vmlinuz_aarch64", "//images:vmlinuz_x86_64")

# Includes reports and parts that no other target requests.
_REPORTS = "--config=reports"

# The user `nobody` owns no files of the machine.
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

# The time for all dynamic programs of actions. The kernel's clock stays that of the machine.
_YEAR = "2031"
_CLOCK = {"FAKETIME": f"@{_YEAR}-05-06 07:08:09", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

# A file system that lists a directory by age, unlike those of disks, which list it by hashes of names. It exists in the
# sandbox of actions, which have a private /tmp.
_MEMORY = "/dev/shm"

# Writes the year, the user and the order of a directory. Actions have only the shell's builtins, and the shell sorts
# patterns.
_QUESTION = """\
genrule(
    name = "question",
    srcs = glob(["files/*"]),
    outs = ["year", "user", "order"],
    cmd = "printf '%(%Y)T' -1 > $(location year); printf $$UID > $(location user); " +
          "compgen -f question/files/ > $(location order)",
)
"""


@dataclasses.dataclass(frozen=True)
class _Built:
    """The result of a build.

    Attributes:
        files: outputs by their path.
        year: the year that its actions saw.
        user: user ID of its actions.
        order: order in which its actions saw a directory.
    """

    files: dict[str, pathlib.Path]
    year: str
    user: int
    order: list[str]


@pytest.fixture()
def sandboxes() -> Iterator[pathlib.Path]:
    """Yield a directory for the second build's sandboxes."""
    with tempfile.TemporaryDirectory(dir=_MEMORY) as made:
        yield pathlib.Path(made)


def _clock(directory: pathlib.Path) -> list[str]:
    """Return flags that give actions another time."""
    library = directory / "libfaketime.so"
    shutil.copyfile(os.environ["LIBFAKETIME"], library)
    variables = _CLOCK | {"LD_PRELOAD": str(library)}
    return [
        f"--{flag}={name}={value}" for flag in ("action_env", "host_action_env") for name, value in variables.items()
    ]


def _ask_an_action(bazel: nested.Nested, flags: list[str]) -> pathlib.Path:
    """Run an action that looks at its environment, and return the directory of the answers."""
    package = bazel.workspace / "question"
    files = {package / "files" / name: "" for name in "qwertyuiopasdfgh"} | {package / "BUILD.bazel": _QUESTION}
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    bazel.run("build", *flags, "//question")
    return bazel.workspace / "bazel-bin/question"


def _fetch(bazel: nested.Nested, targets: Iterable[str]) -> None:
    # Repository rules need the machine's time to check certificates.
    bazel.run("build", "--nobuild", *targets)


def _build(bazel: nested.Nested, targets: Iterable[str], jobs: int, flags: list[str]) -> _Built:
    try:
        _fetch(bazel, targets)
        # The number of jobs changes the order of actions, which must not matter.
        bazel.run("build", _REPORTS, f"--jobs={jobs}", *flags, *targets)
        answers = _ask_an_action(bazel, flags)
        return _Built(
            files=compare.outputs(bazel.output_base / "execroot/_main/bazel-out", _PACKAGES),
            year=(answers / "year").read_text(),
            user=int((answers / "user").read_text()),
            order=(answers / "order").read_text().split(),
        )
    finally:
        bazel.close()


def _first(bazel: nested.Nested) -> _Built:
    return _build(bazel, _ALL, 1, [])


def _second(bazel: nested.Nested, targets: Iterable[str], directory: pathlib.Path, sandboxes: pathlib.Path) -> _Built:
    built = _build(bazel, targets, 2, [f"--sandbox_base={sandboxes}", *_clock(directory)])
    assert built.year == _YEAR
    assert built.user == _NOBODY
    assert sum(name.endswith(".qcow2") for name in built.files) >= 2
    return built


def _compare(first: dict[str, pathlib.Path], second: dict[str, pathlib.Path], work: pathlib.Path) -> None:
    found = compare.differences(first, second, work)
    print(f"compared {len(second)} files, {sum(path.stat().st_size for path in second.values())} bytes")
    assert not found, "\n".join(["the builds differ:", *found])


@pytest.fixture()
def downloads(tmp_path: pathlib.Path) -> pathlib.Path | None:
    """Return a repository cache with the existing downloads."""
    os.environ |= {name: str(pathlib.Path(os.environ[name]).resolve()) for name in ("DEBUGFS", "QEMU_IMG")}
    return nested.seed_downloads(tmp_path)


@pytest.mark.skipif("FIRST_BUILD" not in os.environ, reason="no first build is given")
def test_build_has_same_bytes_as_workspace(
    downloads: pathlib.Path | None, sandboxes: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    kernels = nested.kernel_cache(tmp_path)
    two = nested.Nested(tmp_path / "two", "some/deeper/directory", _SECOND, downloads, kernels=kernels)
    second = _second(two, _SOME, tmp_path, sandboxes).files
    first = compare.outputs(pathlib.Path(os.environ["FIRST_BUILD"]), _PACKAGES)
    # The workspace's build has other targets, too.
    _compare({name: path for name, path in first.items() if name in second}, second, tmp_path)


@pytest.mark.skipif("FIRST_BUILD" in os.environ, reason="the first build is given")
def test_two_builds_have_same_bytes(
    downloads: pathlib.Path | None, sandboxes: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    # //tests/kernel builds kernels twice.
    kernels = nested.kernel_cache(tmp_path)
    # Copy twice before the first build, so that edits during the test make no difference.
    one = nested.Nested(tmp_path / "one", "workspace", _FIRST, downloads, kernels=kernels)
    two = nested.Nested(tmp_path / "two", "some/deeper/directory", _SECOND, downloads, kernels=kernels)
    # The second build finds the downloads of the first one.
    _fetch(one, _ALL)
    one.run("build", *_KERNELS)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        # A single build would often use one core only: repositories, analysis, and one job.
        builds = [pool.submit(_first, one), pool.submit(_second, two, _ALL, tmp_path, sandboxes)]
        # Report the first failure.
        for build in concurrent.futures.as_completed(builds):
            build.result()
    first, second = (build.result() for build in builds)
    assert first.year != _YEAR
    assert first.user != _NOBODY
    assert sorted(first.order) == sorted(second.order)
    assert first.order != second.order, f"{tmp_path} and {_MEMORY} list files in one order, which proves nothing"
    _compare(first.files, second.files, tmp_path)

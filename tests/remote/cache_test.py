"""Clean clones share a remote cache: all of it, none of it, a lying one, a full one, a dying one, a read-only one."""

from __future__ import annotations

import collections
import concurrent.futures
import pathlib
import re
import subprocess
import time
from collections.abc import Iterable, Iterator

import pytest

from tests.nested import nested
from tests.remote import server

_ALL = ("//images:all",)

# What is built again without a cache's help.
_SOME = tuple(nested.ONE_OF_EACH)

_CACHED = "remote cache hit"

# Bytes of a disk that is full when a part of the build is on it.
_SMALL = 30 << 20

# Smaller blobs are messages of the protocol too, which nothing but the server itself could vouch for.
_OUTPUT_MIN = 4096


class Clone:
    """A copy of the workspace that builds with a cache."""

    def __init__(self, bazel: nested.Nested) -> None:
        self.bazel = bazel
        self._log = bazel.output_base.with_name("execution.json")

    def fetch(self) -> None:
        """Makes the repositories, and no output."""
        self.bazel.run("build", "--nobuild", *_ALL)

    def build(self, cache: server.Server, *flags: str, targets: Iterable[str] = _ALL) -> collections.Counter[str]:
        """Builds, and returns the number of actions by what ran them."""
        self.bazel.run("build", *self._flags(cache), *flags, *targets)
        return nested.runners(self._log)

    def test(self, cache: server.Server, *flags: str, target: str) -> None:
        """Runs a test."""
        self.bazel.run("test", *self._flags(cache), *flags, target)

    def try_to_build(
        self, cache: server.Server, *flags: str, targets: Iterable[str] = _ALL
    ) -> subprocess.CompletedProcess[str]:
        """Builds, and returns how it went."""
        return self.bazel.run("build", *self._flags(cache), *flags, *targets, check=False)

    def start(self, cache: server.Server, *, targets: Iterable[str]) -> subprocess.Popen[str]:
        """Starts a build and does not wait."""
        return self.bazel.start("build", *self._flags(cache), *targets)

    def clean(self) -> None:
        """Forgets all outputs, and keeps the repositories."""
        self.bazel.run("clean")

    def images(self) -> dict[str, pathlib.Path]:
        """Returns the products that are there."""
        folder = self.bazel.workspace / "bazel-bin/images"
        names = ("vmlinuz-*", "initramfs-*", "*.qcow2", "guest-agent-linux-*", "tiny-init-*")
        return {path.name: path for name in names for path in folder.glob(name) if path.name.count(".") <= 1}

    def digests(self) -> dict[str, str]:
        """Returns the products' digests."""
        return {name: nested.digest(path) for name, path in self.images().items()}

    def _flags(self, cache: server.Server) -> list[str]:
        return ["--config=remote-cache", f"--remote_cache={cache.address}", f"--execution_log_json_file={self._log}"]


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return nested.seed_downloads(tmp_path_factory.mktemp("downloads"))


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory, downloads: pathlib.Path) -> Iterator[list[Clone]]:
    folder = tmp_path_factory.mktemp("clones")
    made = [
        Clone(nested.Nested(folder / "one", "workspace", nested.Surroundings(seed=1), downloads)),
        Clone(nested.Nested(folder / "two", "other/folder", nested.Surroundings(seed=2, umask=0o077), downloads)),
    ]
    yield made
    for clone in made:
        clone.bazel.close()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Server]:
    made = server.Server(tmp_path_factory.mktemp("server"))
    yield made
    made.kill()


@pytest.fixture(scope="module")
def wanted(clones: list[Clone], cache: server.Server) -> dict[str, str]:
    """Builds in the first clone, which fills the cache; returns the digests."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        # Most of the second clone's time is that of its repositories, which no cache has.
        fetched = pool.submit(clones[1].fetch)
        counted = clones[0].build(cache)
        fetched.result()
    blobs = cache.blobs()
    print(f"first clone: {dict(counted)}, {len(blobs)} blobs of {sum(map(_size, blobs))} bytes in the cache")
    # The rules make some actions twice, for the build's machine and for the guest of its architecture.
    assert counted["linux-sandbox"] > counted[_CACHED]
    digests = clones[0].digests()
    assert len(digests) >= 10, digests
    return digests


def _check_some(clone: Clone, wanted: dict[str, str]) -> None:
    """Checks what was built again."""
    digests = clone.digests()
    names = nested.ONE_OF_EACH.values()
    assert {name: digests[name] for name in names} == {name: wanted[name] for name in names}


def _size(path: pathlib.Path) -> int:
    return path.stat().st_size


def test_the_second_clone_executes_nothing(clones: list[Clone], cache: server.Server, wanted: dict[str, str]) -> None:
    counted = clones[1].build(cache)
    print(f"second clone: {dict(counted)}")
    assert set(counted) == {_CACHED}
    assert clones[1].digests() == wanted


def test_nothing_is_downloaded_that_nobody_asked_for(
    clones: list[Clone], cache: server.Server, wanted: dict[str, str]
) -> None:
    clones[1].clean()
    disk = ["//images:qcow2_python_x86_64"]
    counted = clones[1].build(cache, targets=disk)
    assert set(counted) == {_CACHED}
    images = clones[1].images()
    print(f"for one disk: {sum(map(_size, images.values()))} bytes")
    assert list(images) == ["python-base-x86_64.qcow2"]
    tars = list((clones[1].bazel.workspace / "bazel-bin/images").glob("*.tar"))
    assert not tars, "the root file system is an intermediate, of which only the digest is needed"
    clones[1].clean()
    assert set(clones[1].build(cache, "--remote_download_minimal", targets=disk)) == {_CACHED}
    assert not clones[1].images()


def test_boot_tests_download_only_what_they_boot(
    clones: list[Clone], cache: server.Server, wanted: dict[str, str]
) -> None:
    clones[1].clean()
    clones[1].test(cache, "--remote_download_minimal", "--test_filter=test_pong", target="//tests/boot:raw_x86_64")
    outputs = clones[1].bazel.output_base / "execroot/_main/bazel-out"
    # Runfiles are links, and the lists of them are made here.
    files = {
        path.name: _size(path)
        for path in outputs.rglob("*")
        if path.is_file() and not path.is_symlink() and "manifest" not in path.name.lower()
    }
    large = {name: size for name, size in files.items() if size >= _OUTPUT_MIN * 16}
    print(f"for a boot test: {sum(files.values())} bytes in {len(files)} files, of which large: {large}")
    assert set(large) == {"raw-base-x86_64.qcow2", "vmlinuz-x86_64"}


def test_one_that_refuses_writes_is_read(clones: list[Clone], cache: server.Server, wanted: dict[str, str]) -> None:
    before = len(cache.blobs())
    flags = ["--remote_instance_name=read-only", "--noremote_upload_local_results"]
    clones[1].clean()
    assert set(clones[1].build(cache, *flags, targets=_SOME)) == {_CACHED}
    _check_some(clones[1], wanted)
    # Something new, that the cache has not: it is built here, and stays here.
    new = clones[1].bazel.workspace / "new/BUILD.bazel"
    new.parent.mkdir()
    new.write_text('genrule(name = "new", outs = ["new.txt"], cmd = "echo new > $@")\n')
    assert clones[1].build(cache, flags[0], targets=["//new"]) == {"linux-sandbox": 1}
    assert len(cache.blobs()) == before


def test_one_that_lies_is_not_believed(clones: list[Clone], cache: server.Server, wanted: dict[str, str]) -> None:
    changed = 0
    for blob in cache.blobs():
        if blob.stat().st_size >= _OUTPUT_MIN:
            data = bytearray(blob.read_bytes())
            data[len(data) // 2] ^= 0xFF
            blob.chmod(0o644)
            blob.write_bytes(data)
            changed += 1
    assert changed > 10
    clones[1].clean()
    # A wrong input of an action that has to run here ends the build; asking again for the same bytes would not help.
    done = clones[1].try_to_build(cache, "--experimental_remote_cache_eviction_retries=0")
    print(f"with {changed} wrong blobs the build ended with {done.returncode}")
    assert re.search("Expected digest '.*' does not match received digest", done.stderr), done.stderr[-4000:]
    assert clones[1].digests().items() <= wanted.items()
    # What docs/remote.md says to do. Without the first, Bazel has in mind that it may still fetch what it was promised.
    clones[1].clean()
    counted = clones[1].build(cache, "--noremote_accept_cached", targets=_SOME)
    assert set(counted) == {"linux-sandbox"}
    _check_some(clones[1], wanted)


def test_one_that_is_full_costs_time_only(
    clones: list[Clone], wanted: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    full = server.Server(tmp_path_factory.mktemp("full"), size=_SMALL)
    try:
        clones[1].clean()
        done = clones[1].try_to_build(full, targets=_SOME)
    finally:
        full.kill()
    assert "No space left on device" in full.log(), "it was never full"
    assert done.returncode == 0, done.stderr[-4000:]
    # It is said, so that nobody wonders why builds are slow.
    assert "WARNING: Remote Cache:" in done.stderr
    _check_some(clones[1], wanted)


def test_one_that_dies_costs_time_only(
    clones: list[Clone], wanted: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    dying = server.Server(tmp_path_factory.mktemp("dying"))
    clones[1].clean()
    process = clones[1].start(dying, targets=_SOME)
    end = time.monotonic() + 3600
    while len(dying.blobs()) < 20 and process.poll() is None:
        assert time.monotonic() < end, "nothing was ever uploaded"
        time.sleep(0.2)
    running = process.poll() is None
    dying.kill()
    _, messages = process.communicate()
    assert running, "the build was over before the cache died"
    assert process.returncode == 0, messages[-4000:]
    _check_some(clones[1], wanted)

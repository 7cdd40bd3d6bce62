"""Test clean clones with a shared remote cache: complete, read-only, corrupt, full and dying."""

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

# Targets that the test builds again without a cache.
_SOME = tuple(nested.ONE_OF_EACH)

_CACHED = "remote cache hit"

# Bytes of a disk that a part of the build fills.
_SMALL = 30 << 20

# Smaller blobs may be messages of the protocol, whose content only the server can check.
_OUTPUT_MIN = 4096


class Clone:
    """A copy of the workspace that builds with a cache."""

    def __init__(self, bazel: nested.Nested) -> None:
        self.bazel = bazel
        self._log = bazel.output_base.with_name("execution.json")

    def fetch(self) -> None:
        """Make the repositories without building."""
        self.bazel.run("build", "--nobuild", *_ALL)

    def build(self, cache: server.Server, *flags: str, targets: Iterable[str] = _ALL) -> collections.Counter[str]:
        """Build, and return the number of actions by runner."""
        self.bazel.run("build", *self._flags(cache), *flags, *targets)
        return nested.runners(self._log)

    def test(self, cache: server.Server, *flags: str, target: str) -> None:
        """Run a test."""
        self.bazel.run("test", *self._flags(cache), *flags, target)

    def try_to_build(
        self, cache: server.Server, *flags: str, targets: Iterable[str] = _ALL
    ) -> subprocess.CompletedProcess[str]:
        """Build, and return the result."""
        return self.bazel.run("build", *self._flags(cache), *flags, *targets, check=False)

    def start(self, cache: server.Server, *, targets: Iterable[str]) -> subprocess.Popen[str]:
        """Start a build without waiting for it."""
        return self.bazel.start("build", *self._flags(cache), *targets)

    def clean(self) -> None:
        """Remove all outputs, but not the repositories."""
        self.bazel.run("clean")

    def images(self) -> dict[str, pathlib.Path]:
        """Return the existing products."""
        directory = self.bazel.workspace / "bazel-bin/images"
        names = ("vmlinuz-*", "initramfs-*", "*.qcow2", "guest-agent-linux-*", "tiny-init-*")
        return {path.name: path for name in names for path in directory.glob(name) if path.name.count(".") <= 1}

    def digests(self) -> dict[str, str]:
        """Return the products' digests."""
        return {name: nested.digest(path) for name, path in self.images().items()}

    def _flags(self, cache: server.Server) -> list[str]:
        return ["--config=remote-cache", f"--remote_cache={cache.address}", f"--execution_log_json_file={self._log}"]


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return nested.seed_downloads(tmp_path_factory.mktemp("downloads"))


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory, downloads: pathlib.Path) -> Iterator[list[Clone]]:
    directory = tmp_path_factory.mktemp("clones")
    made = [
        Clone(nested.Nested(directory / "one", "workspace", nested.Surroundings(seed=1), downloads)),
        Clone(nested.Nested(directory / "two", "other/directory", nested.Surroundings(seed=2, umask=0o077), downloads)),
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
    """Build in the first clone, which fills the cache; return the digests."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        # The second clone spends most of its time on repositories, which are not in the cache.
        fetched = pool.submit(clones[1].fetch)
        counted = clones[0].build(cache)
        fetched.result()
    blobs = cache.blobs()
    print(f"first clone: {dict(counted)}, {len(blobs)} blobs of {sum(map(_size, blobs))} bytes in the cache")
    # Some actions exist twice, for the execution platform and for the guest of the same architecture.
    assert counted["linux-sandbox"] > counted[_CACHED]
    digests = clones[0].digests()
    assert len(digests) >= 10, digests
    return digests


def _check_some(clone: Clone, wanted: dict[str, str]) -> None:
    """Check the outputs of the targets that were built again."""
    digests = clone.digests()
    names = nested.ONE_OF_EACH.values()
    assert {name: digests[name] for name in names} == {name: wanted[name] for name in names}


def _size(path: pathlib.Path) -> int:
    return path.stat().st_size


def test_second_clone_executes_no_action(clones: list[Clone], cache: server.Server, wanted: dict[str, str]) -> None:
    counted = clones[1].build(cache)
    print(f"second clone: {dict(counted)}")
    assert set(counted) == {_CACHED}
    assert clones[1].digests() == wanted


def test_build_downloads_only_requested_outputs(
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


def test_boot_test_downloads_only_its_guest(clones: list[Clone], cache: server.Server, wanted: dict[str, str]) -> None:
    clones[1].clean()
    clones[1].test(cache, "--remote_download_minimal", "--test_filter=test_pong", target="//tests/boot:raw_x86_64")
    outputs = clones[1].bazel.output_base / "execroot/_main/bazel-out"
    # Bazel creates runfiles and their manifests locally.
    files = {
        path.name: _size(path)
        for path in outputs.rglob("*")
        if path.is_file() and not path.is_symlink() and "manifest" not in path.name.lower()
    }
    large = {name: size for name, size in files.items() if size >= _OUTPUT_MIN * 16}
    print(f"for a boot test: {sum(files.values())} bytes in {len(files)} files, of which large: {large}")
    assert set(large) == {"raw-base-x86_64.qcow2", "vmlinuz-x86_64"}


def test_read_only_cache_is_read(clones: list[Clone], cache: server.Server, wanted: dict[str, str]) -> None:
    before = len(cache.blobs())
    flags = ["--remote_instance_name=read-only", "--noremote_upload_local_results"]
    clones[1].clean()
    assert set(clones[1].build(cache, *flags, targets=_SOME)) == {_CACHED}
    _check_some(clones[1], wanted)
    # The cache lacks a new output: Bazel builds it locally and does not upload it.
    new = clones[1].bazel.workspace / "new/BUILD.bazel"
    new.parent.mkdir()
    new.write_text('genrule(name = "new", outs = ["new.txt"], cmd = "echo new > $@")\n')
    assert clones[1].build(cache, flags[0], targets=["//new"]) == {"linux-sandbox": 1}
    assert len(cache.blobs()) == before


def test_corrupt_cache_never_spoils_outputs(clones: list[Clone], cache: server.Server, wanted: dict[str, str]) -> None:
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
    # A corrupt input of a local action fails the build; another download would give the same bytes.
    done = clones[1].try_to_build(cache, "--experimental_remote_cache_eviction_retries=0")
    print(f"with {changed} wrong blobs the build ended with {done.returncode}")
    assert re.search("Expected digest '.*' does not match received digest", done.stderr), done.stderr[-4000:]
    assert clones[1].digests().items() <= wanted.items()
    # The remedy of docs/remote.md. Without `clean`, Bazel would still try to download outputs of the cache.
    clones[1].clean()
    counted = clones[1].build(cache, "--noremote_accept_cached", targets=_SOME)
    assert set(counted) == {"linux-sandbox"}
    _check_some(clones[1], wanted)


def test_full_cache_does_not_fail_builds(
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
    # A warning explains slow builds.
    assert "WARNING: Remote Cache:" in done.stderr
    _check_some(clones[1], wanted)


def test_dying_cache_does_not_fail_builds(
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

"""Test the vendor directory: files that are written, kept, replaced, rejected and found broken."""

from __future__ import annotations

import hashlib
import json
import pathlib

import pytest

from tools.cli import cli_testing, errors
from tools.vendor import vendor, vendor_main, workspace_log

_DEB = "http://name:secret@a.example/debian/pool/d/demo_1%2Bb_amd64.deb"
_NPM = "https://n.example/demo/-/demo-1.tgz"
_CRATE = "file:///home/x/.cargo/registry/cache/index-1/demo-1.crate"


class Run:
    """A cache, what was downloaded into it, and the directory that is made of both."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.out = directory / "out"
        self.out.mkdir()
        self.cache = directory / "cache"
        self.go = directory / "download"
        self.downloads: list[workspace_log.Download] = []

    def add(self, data: bytes, *urls: str, algorithm: str = "sha256") -> str:
        """Download a file; return its path in the cache and in the directory."""
        digest = hashlib.new(algorithm, data).hexdigest()
        path = f"content_addressable/{algorithm}/{digest}/file"
        (self.cache / path).parent.mkdir(parents=True, exist_ok=True)
        (self.cache / path).write_bytes(data)
        self.downloads.append(workspace_log.Download(algorithm, digest, urls, "repository @@demo"))
        return path

    def add_go(self, path: str, data: bytes) -> None:
        """Put a file into go's module cache."""
        (self.go / path).parent.mkdir(parents=True, exist_ok=True)
        (self.go / path).write_bytes(data)

    def write(self) -> list[vendor.File]:
        """Write the directory."""
        return vendor.write(self.out, self.downloads, self.cache, [self.go], {"targets": ["//x"]})

    def paths(self) -> set[str]:
        """Return all files of the directory but the manifest."""
        return {
            path.relative_to(self.out).as_posix()
            for path in self.out.rglob("*")
            if path.is_file() and path.name != vendor.MANIFEST
        }


@pytest.fixture()
def run(tmp_path: pathlib.Path) -> Run:
    return Run(tmp_path)


def test_directory_has_files_by_digest_and_a_manifest(run: Run):
    deb = run.add(b"deb", _DEB, "http://s.example/demo_1%2Bb_amd64.deb")
    npm = run.add(b"npm", _NPM, algorithm="sha512")
    crate = run.add(b"crate", _CRATE)
    # Two repositories have one file.
    run.add(b"deb", "http://a.example/demo_1%2Bb_amd64.deb")
    run.add_go("example.org/x/@v/v1.zip", b"zip")
    run.add_go("example.org/x/@v/v1.lock", b"")
    run.add_go("sumdb/sum.example/latest.info", b"")
    run.write()
    assert run.paths() == {deb, npm, crate, "go/example.org/x/@v/v1.zip"}
    assert (run.out / deb).read_bytes() == b"deb"
    manifest = json.loads((run.out / "manifest.json").read_text())
    assert manifest["targets"] == ["//x"]
    by_kind = {file["kind"]: file for file in manifest["files"]}
    assert by_kind["debian"] == {
        "kind": "debian",
        "name": "demo_1+b_amd64.deb",
        "path": deb,
        "sha256": hashlib.sha256(b"deb").hexdigest(),
        "size": 3,
        "urls": [
            "http://a.example/debian/pool/d/demo_1%2Bb_amd64.deb",
            "http://a.example/demo_1%2Bb_amd64.deb",
            "http://s.example/demo_1%2Bb_amd64.deb",
        ],
    }
    assert by_kind["npm"]["sha256"] == hashlib.sha256(b"npm").hexdigest()
    # Where this machine's cargo keeps it is nobody else's affair.
    assert (by_kind["crate"]["name"], by_kind["crate"]["urls"]) == ("demo-1.crate", [])
    assert by_kind["go"]["name"] == "example.org/x@v1.zip"


def test_second_run_keeps_what_is_whole_and_removes_what_nothing_needs(run: Run):
    kept, gone = run.add(b"kept", _DEB), run.add(b"gone", _NPM)
    run.add_go("example.org/x/@v/v1.zip", b"zip")
    run.write()
    inode = (run.out / kept).stat().st_ino
    del run.downloads[1]
    run.go = run.go.parent / "none"
    run.write()
    assert run.paths() == {kept}
    assert (run.out / kept).stat().st_ino == inode
    assert not (run.out / gone).parent.exists()
    assert not (run.out / "go").exists()


@pytest.mark.parametrize("spoiled", [b"", b"ot", b"other"])
def test_second_run_replaces_files_with_other_bytes(run: Run, spoiled: bytes):
    path = run.add(b"whole", _DEB)
    run.add_go("example.org/x/@v/v1.zip", b"whole")
    run.write()
    for file in (path, "go/example.org/x/@v/v1.zip"):
        (run.out / file).write_bytes(spoiled)
    run.write()
    assert {(run.out / file).read_bytes() for file in run.paths()} == {b"whole"}


def test_restored_files_are_whole_ones_that_the_cache_lacks(run: Run, tmp_path: pathlib.Path):
    whole, broken, known = (run.add(data, _DEB) for data in (b"whole", b"broken", b"known"))
    run.write()
    (run.out / broken).write_bytes(b"other")
    cache = tmp_path / "empty"
    (cache / known).parent.mkdir(parents=True)
    (cache / known).write_bytes(b"the cache's own affair")
    assert vendor.restore(run.out, cache) == 1
    assert (cache / whole).read_bytes() == b"whole"
    assert not (cache / broken).exists()
    assert (cache / known).read_bytes() == b"the cache's own affair"
    assert vendor.restore(tmp_path / "missing", cache) == 0


def test_download_that_the_cache_lacks_is_named(run: Run):
    path = run.add(b"deb", _DEB)
    (run.cache / path).unlink()
    with pytest.raises(vendor.VendorError, match=r"lacks demo_1\+b_amd64\.deb"):
        run.write()
    # A directory without a manifest is not finished.
    assert not (run.out / vendor.MANIFEST).exists()


def test_cache_with_other_bytes_is_refused(run: Run):
    path = run.add(b"deb", _DEB)
    (run.cache / path).write_bytes(b"other")
    with pytest.raises(vendor.VendorError, match=r"has other bytes than demo_1\+b_amd64\.deb"):
        run.write()
    assert run.paths() == set()


def test_directory_of_something_else_is_refused(tmp_path: pathlib.Path):
    vendor.check_replaceable(tmp_path)
    vendor.check_replaceable(tmp_path / "new")
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(vendor.VendorError, match=r"contains 'thesis\.txt'"):
        vendor.check_replaceable(tmp_path)
    with pytest.raises(vendor.VendorError, match="is not a directory"):
        vendor.check_replaceable(tmp_path / "thesis.txt")
    with pytest.raises(vendor.VendorError, match="its parent does not exist"):
        vendor.check_replaceable(tmp_path / "no/where")


def _check(run: Run) -> None:
    cli_testing.call(vendor_main.main, out=str(run.out), check="true")


def test_check_of_a_whole_directory_is_silent(run: Run, capsys: pytest.CaptureFixture[str]):
    run.add(b"deb", _DEB)
    run.write()
    _check(run)
    assert capsys.readouterr().out == ""


def test_check_names_missing_and_broken_files(run: Run, capsys: pytest.CaptureFixture[str]):
    missing, broken = run.add(b"missing", _DEB), run.add(b"broken", _NPM)
    run.write()
    (run.out / missing).unlink()
    # Of the same size.
    (run.out / broken).write_bytes(b"spoilt")
    with pytest.raises(errors.InputError, match="2 of its files are missing or broken"):
        _check(run)
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(
        [
            f"{run.out / missing}: is missing: debian demo_1+b_amd64.deb",
            f"{run.out / broken}: has other bytes than npm demo-1.tgz",
        ]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "has no manifest.json"),
        ("{", "is not a manifest of a vendor directory"),
        ('{"version": 1, "files": [{"path": "x"}]}', "is not a manifest of a vendor directory"),
        ('{"version": 2, "files": []}', "is of version 2, not 1"),
    ],
)
def test_check_without_a_manifest_is_refused(run: Run, text: str | None, message: str):
    if text is not None:
        (run.out / vendor.MANIFEST).write_text(text)
    with pytest.raises(vendor.VendorError, match=message):
        _check(run)

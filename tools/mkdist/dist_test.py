"""The directory of the products, its manifest, and its publication for hosts."""

from __future__ import annotations

import hashlib
import json
import pathlib

import pytest

from tools.mkdist import dist, publish

_GUEST = dist.Guest("x86_64", "6.1-cloud", [{"group": "always", "file": "virtio_blk.ko"}])


def _files(directory: pathlib.Path, **contents: str) -> list[str]:
    directory.mkdir(exist_ok=True)
    for name, content in contents.items():
        (directory / name).write_text(content)
    return [str(directory / name) for name in contents]


@pytest.fixture()
def made(tmp_path: pathlib.Path) -> pathlib.Path:
    directory = tmp_path / "dist"
    directory.mkdir()
    dist.make(_files(tmp_path / "in", b="two", a="one"), [_GUEST], directory)
    return directory


def test_manifest_has_names_sizes_and_digests(made: pathlib.Path) -> None:
    manifest = json.loads((made / "manifest.json").read_text())
    assert manifest["files"] == [
        {"name": "a", "size": 3, "sha256": hashlib.sha256(b"one").hexdigest()},
        {"name": "b", "size": 3, "sha256": hashlib.sha256(b"two").hexdigest()},
    ]
    guest = {"kernel_release": "6.1-cloud", "kernel": None, "modules": list(_GUEST.modules)}
    assert manifest["guests"] == {"x86_64": guest}


def _kernel(tmp_path: pathlib.Path, release: str, report: str | None) -> tuple[str, str | None]:
    (tmp_path / "release").write_text(release + "\n")
    if report is None:
        return str(tmp_path / "release"), None
    (tmp_path / "report").write_text(report)
    return str(tmp_path / "release"), str(tmp_path / "report")


def test_manifest_names_the_inputs_of_a_kernel(tmp_path: pathlib.Path) -> None:
    made_of = {
        "source": {"version": "6.12.1-1"},
        "config_sha256": "ab",
        "patches": [{"name": "own.patch", "sha256": "cd"}],
    }
    report = json.dumps(made_of | {"architecture": "x86_64", "kernel_release": "6.12"})
    guest = dist.add_kernel(dist.Guest("x86_64", None, []), *_kernel(tmp_path, "6.12", report))
    directory = tmp_path / "dist"
    directory.mkdir()
    dist.make([], [guest], directory)
    manifest = json.loads((directory / "manifest.json").read_text())
    assert manifest["guests"]["x86_64"] == {"kernel_release": "6.12", "kernel": made_of, "modules": []}


def test_kernel_of_another_release_than_the_modules_is_rejected(tmp_path: pathlib.Path) -> None:
    assert dist.add_kernel(_GUEST, *_kernel(tmp_path, "6.1-cloud", None)) == _GUEST
    with pytest.raises(dist.DistError, match="is release 6.2, but the initramfs of x86_64 has modules of 6.1-cloud"):
        dist.add_kernel(_GUEST, *_kernel(tmp_path, "6.2", None))


def test_malformed_kernel_report_is_rejected(tmp_path: pathlib.Path) -> None:
    with pytest.raises(dist.DistError, match="report: is not a report of a kernel"):
        dist.add_kernel(_GUEST, *_kernel(tmp_path, "6.1-cloud", "{}"))


def test_two_files_with_one_name_are_rejected(tmp_path: pathlib.Path) -> None:
    files = _files(tmp_path / "one", a="") + _files(tmp_path / "two", a="")
    with pytest.raises(dist.DistError, match="a: is the name of two files"):
        dist.make(files, [], tmp_path)


def test_renamed_file_has_its_new_name_everywhere(tmp_path: pathlib.Path) -> None:
    directory = tmp_path / "dist"
    directory.mkdir()
    dist.make(_files(tmp_path / "in", a="one", b="two"), [], directory, {"a": "c-1"})
    assert sorted(path.name for path in directory.iterdir()) == ["b", "c-1", "manifest.json"]
    assert (directory / "c-1").read_text() == "one"
    manifest = json.loads((directory / "manifest.json").read_text())
    assert [item["name"] for item in manifest["files"]] == ["b", "c-1"]


def test_rename_to_the_name_of_another_file_is_rejected(tmp_path: pathlib.Path) -> None:
    with pytest.raises(dist.DistError, match="b: is the name of two files"):
        dist.make(_files(tmp_path / "in", a="", b=""), [], tmp_path, {"a": "b"})


def test_rename_of_a_missing_file_is_rejected(tmp_path: pathlib.Path) -> None:
    with pytest.raises(dist.DistError, match="b: cannot be renamed: it is not among the files"):
        dist.make(_files(tmp_path / "in", a=""), [], tmp_path, {"b": "c"})


def test_file_named_like_the_manifest_is_rejected(tmp_path: pathlib.Path) -> None:
    files = _files(tmp_path / "one", **{"manifest.json": ""})
    with pytest.raises(dist.DistError, match="is the name of two files"):
        dist.make(files, [], tmp_path)


def test_malformed_initramfs_report_is_rejected(tmp_path: pathlib.Path) -> None:
    (file,) = _files(tmp_path / "in", report="[]")
    with pytest.raises(dist.DistError, match="not a report of an initramfs"):
        dist.load_guest(file)


def test_published_directory_is_a_copy(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    publish.publish(made, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "b", "manifest.json"]
    assert (tmp_path / "out/a").read_text() == "one"


def test_earlier_publication_is_replaced_whole(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    publish.publish(made, out)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    dist.make(_files(tmp_path / "in", c="three"), [_GUEST], fresh)
    publish.publish(fresh, out)
    assert sorted(path.name for path in out.iterdir()) == ["c", "manifest.json"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_damaged_distribution_leaves_the_earlier_one(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    publish.publish(made, out)
    (made / "b").write_text("other")
    with pytest.raises(dist.DistError, match="b: differs from the manifest"):
        publish.publish(made, out)
    assert (out / "b").read_text() == "two"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


_WEB_APP = json.dumps({"name": "app", "manifest_version": 3, "version": "1", "icons": []})


@pytest.mark.parametrize(
    "files",
    [
        {"letter": "dear"},
        {"manifest.json": _WEB_APP, "index.html": "<html>"},
        {"manifest.json": _WEB_APP},
        {"manifest.json": "{", "index.html": "<html>"},
        {"manifest.json": "[" * 100_000},
        {"manifest.json": '{"version": 1, "files": [1], "guests": {}}'},
        {"manifest.json": '{"version": 1, "files": [], "guests": []}'},
    ],
    ids=["no manifest", "web app", "web app alone", "broken", "nested", "no files", "no guests"],
)
def test_other_directory_is_kept(made: pathlib.Path, tmp_path: pathlib.Path, files: dict[str, str]) -> None:
    _files(tmp_path / "home", **files)
    with pytest.raises(dist.DistError, match=r"home: is not an earlier distribution: .*manifest.json"):
        publish.publish(made, tmp_path / "home")
    assert {path.name: path.read_text() for path in (tmp_path / "home").iterdir()} == files


@pytest.mark.parametrize("kind", ["file", "directory", "link", "directory of a listed name"])
def test_distribution_with_other_files_is_kept(made: pathlib.Path, tmp_path: pathlib.Path, kind: str) -> None:
    out = tmp_path / "out"
    publish.publish(made, out)
    match kind:
        case "file":
            (out / "more").write_text("mine")
        case "directory":
            (out / "more").mkdir()
        case "link":
            (out / "more").symlink_to("a")
        case _:
            (out / "a").unlink()
            (out / "a").mkdir()
    before = sorted(path.name for path in out.iterdir())
    with pytest.raises(dist.DistError, match=r"out: contains '(more|a)', which its manifest.json does not list"):
        publish.publish(made, out)
    assert sorted(path.name for path in out.iterdir()) == before


def test_file_that_appears_during_the_copy_is_kept(
    made: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    publish.publish(made, out)
    copy = dist.copy

    def slow(source: pathlib.Path, target: pathlib.Path) -> dict[str, object]:
        (out / "more").write_text("mine")
        return copy(source, target)

    monkeypatch.setattr(dist, "copy", slow)
    with pytest.raises(dist.DistError, match="contains 'more'"):
        publish.publish(made, out)
    assert (out / "more").read_text() == "mine"


def test_manifest_with_a_path_outside_is_rejected(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["files"][0]["name"] = "../in/a"
    (made / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(dist.DistError, match="outside of its directory"):
        publish.publish(made, tmp_path / "out")

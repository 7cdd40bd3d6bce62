"""Test of root filesystems: results, errors, reproducibility."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import tarfile
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tools.cli import cli, cli_testing, errors
from tools.elfcheck import elf_testing, elfcheck
from tools.fsspec import content, packed
from tools.fsspec.tree import Entry, Kind, Tree
from tools.mkrootfs import exclusions, libraries, machine_code, merged_usr, mkrootfs_main, rootfs
from tools.npm import package_testing
from tools.packages import deb_testing as make
from tools.wheels import wheel_testing

STACK = (elf_testing.PT_GNU_STACK, 6, b"")
CODE = (elf_testing.PT_LOAD, 5, b"code")


Image = Callable[..., Tree]
Member = tuple[tarfile.TarInfo, bytes]
Run = Callable[..., list[str]]


@pytest.fixture
def image(tmp_path: pathlib.Path) -> Image:
    """Return a function that assembles packages (dicts of deb_testing.deb's arguments)."""

    def assemble(*packages: Mapping[str, Any], **kwargs: Any) -> Tree:
        files: list[str] = []
        for number, arguments in enumerate(packages):
            named: dict[str, Any] = {"name": f"pkg{number}", **arguments}
            files.append(make.deb(tmp_path / f"{number}.deb", **named))
        values: dict[str, Any] = {"architecture": "x86_64", "packages": files, **kwargs}
        return rootfs.assemble(rootfs.Request(**values), str(tmp_path))[0]

    return assemble


def package(*members: Member, **kwargs: Any) -> dict[str, Any]:
    return {"members": members, **kwargs}


def shown(tree: Tree) -> dict[str, str]:
    return {entry.path: entry.target or str(entry.kind) for entry in tree.finish()}


def test_packages_are_merged_below_usr(image: Image) -> None:
    tree = image(
        package(
            make.directory("./bin"),
            make.member("./bin/tool", "x", mode=0o755),
            make.symlink("./lib64", "usr/lib64"),
            make.member("./usr/lib64/ld.so", "x"),
            make.hardlink("./sbin/tool", "./bin/tool"),
            make.symlink("./lib/a.so", "../etc/a"),
            make.symlink("./lib/x/b.so", "../../bin/tool"),
            make.symlink("./lib/c.so", "/opt/c"),
            make.symlink("./lib/d.so", "d.so.1"),
        ),
        dangling=["usr/lib/*.so"],
    )
    assert shown(tree) == {
        "bin": "usr/bin",
        "lib": "usr/lib",
        "lib64": "usr/lib64",
        "sbin": "usr/sbin",
        "usr": "directory",
        "usr/bin": "directory",
        "usr/bin/tool": "file",
        "usr/lib": "directory",
        "usr/lib/a.so": "../../etc/a",
        "usr/lib/c.so": "/opt/c",
        "usr/lib/d.so": "d.so.1",
        "usr/lib/x": "directory",
        "usr/lib/x/b.so": "../../bin/tool",
        "usr/lib64": "directory",
        "usr/lib64/ld.so": "file",
        "usr/sbin": "directory",
        "usr/sbin/tool": "usr/bin/tool",
        "var": "directory",
        "var/lib": "directory",
        "var/lib/dpkg": "directory",
        "var/lib/dpkg/status.d": "directory",
        "var/lib/dpkg/status.d/pkg0": "file",
    }


@pytest.mark.parametrize("member", [make.symlink("./lib", "opt/lib"), make.member("./bin", "x")], ids=["link", "file"])
def test_package_cannot_replace_a_merged_directory(image: Image, member: Member) -> None:
    with pytest.raises(merged_usr.MergedUsrError, match=r"pkg0 1\.0-1 \(amd64\): has /"):
        image(package(member))


def test_conflicting_packages_are_both_named(image: Image) -> None:
    with pytest.raises(errors.InputError) as caught:
        image(package(make.member("./bin/x", "a")), package(make.member("./usr/bin/x", "b")))
    assert "usr/bin/x" in str(caught.value)
    assert "pkg0 1.0-1" in str(caught.value) and "pkg1 1.0-1" in str(caught.value)


def test_setuid_bits_are_dropped_unless_allowed(image: Image) -> None:
    members = package(
        make.member("./usr/bin/su", "x", mode=0o4755),
        make.member("./usr/bin/wall", "x", mode=0o2755),
        make.directory("./var/mail", 0o2775, gid=8),
    )
    modes = {entry.path: entry.mode for entry in image(members, setuid=["/usr/bin/su"])}
    assert modes["usr/bin/su"] == 0o4755
    assert modes["usr/bin/wall"] == 0o755
    assert modes["var/mail"] == 0o2775
    with pytest.raises(rootfs.RootfsError, match="no package has the setuid file usr/bin/gone"):
        image(members, setuid=["usr/bin/gone"])


def test_exclusions_apply_in_order(image: Image) -> None:
    tree = image(
        package(
            make.directory("./usr/share/doc"),
            make.directory("./usr/share/doc/p"),
            make.member("./usr/share/doc/p/README", "x"),
            make.member("./usr/share/doc/p/copyright", "x"),
            make.member("./usr/lib/first", "text", mode=0o755),
            make.hardlink("./usr/lib/second", "./usr/lib/first"),
            make.hardlink("./usr/lib/third", "./usr/lib/first"),
        ),
        exclude=[
            "usr/share/doc/**",
            "!usr/share/doc/*/copyright",
            "usr/lib/first",
        ],
    )
    found = shown(tree)
    assert "usr/share/doc/p/copyright" in found
    assert "usr/share/doc/p/README" not in found
    assert "usr/lib/first" not in found
    assert (found["usr/lib/second"], found["usr/lib/third"]) == ("file", "usr/lib/second")
    second = tree.get("usr/lib/second")
    assert second and second.content and content.read(second.content) == b"text"


@pytest.mark.parametrize(
    ("glob", "matching", "other"),
    [
        ("a/*", ["a/b"], ["a", "a/b/c", "b/a/b"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "ab/c"]),
        ("**/*.py[co]", ["x/y.py[co]"], ["x/y.pyc"]),
        ("a?c", ["abc"], ["a/c", "ac"]),
        ("**.h", ["a/b.h", "b.h"], ["b.hh"]),
    ],
)
def test_glob_matches_paths(glob: str, matching: list[str], other: list[str]) -> None:
    pattern = exclusions.translate(glob)
    assert all(pattern.fullmatch(path) for path in matching)
    assert not any(pattern.fullmatch(path) for path in other)


@pytest.mark.parametrize("pattern", ["", "!", "/x", "!/x", "p:/x", "!@a/p:/x"])
def test_exclusion_without_a_relative_path_is_rejected(pattern: str) -> None:
    with pytest.raises(exclusions.ExclusionError, match="empty or absolute pattern"):
        exclusions.Exclusions([pattern])


def test_package_of_another_architecture_is_rejected(image: Image) -> None:
    with pytest.raises(rootfs.RootfsError) as caught:
        image(package(architecture="arm64"))
    assert "is of architecture arm64, but the image of amd64 (x86_64)" in str(caught.value)


def test_elf_file_of_another_architecture_is_rejected(image: Image) -> None:
    program = make.member("./usr/bin/x", elf_testing.elf("aarch64"))
    with pytest.raises(machine_code.MachineCodeError) as caught:
        image(package(program))
    assert "pkg0 1.0-1 (amd64): usr/bin/x: is of machine EM_AARCH64, not EM_X86_64" in str(caught.value)
    assert "allow_foreign_code" in str(caught.value)
    assert "usr/bin/x" in image(package(program), foreign=["usr/bin/*"])


def test_elf_file_in_a_package_of_every_architecture_is_rejected(image: Image) -> None:
    program = make.member("./usr/bin/x", elf_testing.elf("x86_64"))
    with pytest.raises(machine_code.MachineCodeError, match="package of every architecture"):
        image(package(program, architecture="all"))


def test_duplicate_package_is_rejected(image: Image) -> None:
    with pytest.raises(rootfs.RootfsError, match="package p0 is given twice"):
        image(package(name="p0"), package(name="p0", version="2"))


def test_control_stanzas_are_in_the_image(image: Image) -> None:
    entry = image(package(name="tool")).get("var/lib/dpkg/status.d/tool")
    assert entry and entry.content
    text = content.read(entry.content).decode()
    assert text.startswith("Package: tool\nVersion: 1.0-1\n") and text.endswith(" of packages\n")


def needing(library: str, interpreter: bytes = b"") -> bytes:
    segments: list[tuple[int, int, bytes]] = [CODE, STACK]
    if interpreter:
        segments.append((elf_testing.PT_INTERP, 4, interpreter + b"\0"))
        return elf_testing.elf(segments=segments)
    name = b"\0" + library.encode() + b"\0"
    return elf_testing.dynamic((elf_testing.DT_NEEDED, 1), strings=name)


def test_missing_library_is_rejected(image: Image) -> None:
    program = package(make.member("./usr/bin/x", needing("libz.so.1"), mode=0o755))
    with pytest.raises(rootfs.RootfsError) as caught:
        image(program)
    assert "usr/bin/x (pkg0 1.0-1 (amd64)) needs libz.so.1" in str(caught.value)
    image(program, missing=["usr/bin/*"])
    link = make.symlink("./lib/x86_64-linux-gnu/libz.so.1", "libz.so.1.3")
    with pytest.raises(rootfs.RootfsError, match=r"libz\.so\.1"):
        image(program, package(link))
    file = make.member("./usr/lib/x86_64-linux-gnu/libz.so.1.3", "x")
    assert "usr/bin/x" in image(program, package(link, file))


def test_missing_loader_is_rejected(image: Image) -> None:
    program = package(make.member("./usr/bin/x", needing("", b"/lib64/ld.so")))
    with pytest.raises(rootfs.RootfsError, match="needs /lib64/ld.so"):
        image(program)
    image(program, package(make.member("./usr/lib64/ld.so", "x")))


def test_libraries_are_found_by_search_path() -> None:
    info = elfcheck.ElfInfo("EM_X86_64", "ET_DYN", needed=("liba",), search=("$ORIGIN/../x",))
    tree = Tree(
        [
            Entry(path="opt/x/liba", kind=Kind.FILE, content=content.Inline(b"")),
            Entry(path="opt/loop", kind=Kind.SYMLINK, mode=0o777, target="loop"),
        ]
    )
    assert list(libraries.missing(tree, {"opt/y/prog": info}, "t")) == [("opt/y/prog", "liba")]
    tree.add(Entry(path="opt/y/prog", kind=Kind.FILE, content=content.Inline(b"")))
    assert not list(libraries.missing(tree, {"opt/y/prog": info}, "t"))
    assert libraries.resolve(tree, "/opt/loop") is None
    assert libraries.resolve(tree, "/opt/../../opt/x/./liba") == "opt/x/liba"
    assert libraries.resolve(tree, "/opt/gone/../x/liba") is None
    assert libraries.resolve(tree, "/opt/x/liba/../liba") is None
    assert libraries.resolve(tree, "/opt/x") is None


def write(path: pathlib.Path, data: str | bytes) -> str:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


def test_specs_replace_only_if_declared(image: Image, tmp_path: pathlib.Path) -> None:
    entry = {"path": "etc/issue", "kind": "file", "mode": "0600", "text": "mine"}
    spec = tmp_path / "s.json"
    issue = package(make.member("./etc/issue", "theirs"))
    write(spec, json.dumps({"version": 1, "origin": "//s", "entries": [entry]}))
    with pytest.raises(errors.InputError, match=r"pkg0 1\.0-1 \(amd64\) and file of //s"):
        image(issue, specs=[str(spec)])
    write(spec, json.dumps({"version": 1, "entries": [entry | {"replace": True}]}))
    found = image(issue, specs=[str(spec)]).get("etc/issue")
    assert found and found.mode == 0o600


def test_replaced_program_needs_no_libraries(image: Image, tmp_path: pathlib.Path) -> None:
    program = package(make.member("./usr/bin/x", needing("libz.so.1"), mode=0o755))
    entry = {"path": "usr/bin/x", "kind": "file", "mode": "0755", "text": "#!/bin/sh\n", "replace": True}
    spec = write(tmp_path / "s.json", json.dumps({"version": 1, "entries": [entry]}))
    assert "usr/bin/x" in image(program, specs=[spec])
    # Another replaced file does not affect the program.
    other = write(tmp_path / "o.json", json.dumps({"version": 1, "entries": [entry | {"path": "usr/bin/y"}]}))
    with pytest.raises(rootfs.RootfsError, match=r"needs libz\.so\.1"):
        image(program, package(make.member("./usr/bin/y", "y")), specs=[other])


def test_link_to_a_reserved_path_is_accepted_and_its_directory_is_created(image: Image) -> None:
    tree = image(
        package(make.symlink("./usr/bin/agent", "../local/bin/guest-agent")), reserved=["/usr/local/bin/guest-agent"]
    )
    assert shown(tree)["usr/bin/agent"] == "../local/bin/guest-agent"
    assert "usr/local/bin" in tree
    assert "usr/local/bin/guest-agent" not in tree


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            {"path": "usr/agent", "kind": "file", "mode": "0755", "text": "x", "replace": True},
            "replaces a guest binary",
        ),
        ({"path": "usr/again", "kind": "hardlink", "target": "usr/agent"}, "links to a guest binary"),
    ],
)
def test_spec_of_a_reserved_path_is_rejected(
    image: Image, tmp_path: pathlib.Path, entry: Mapping[str, Any], words: str
) -> None:
    spec = write(tmp_path / "s.json", json.dumps({"version": 1, "entries": [entry]}))
    with pytest.raises(rootfs.RootfsError, match=words):
        image(specs=[spec], reserved=["usr/agent"])


def test_package_of_a_reserved_path_is_rejected(image: Image) -> None:
    with pytest.raises(errors.InputError, match="usr/agent"):
        image(package(make.member("./usr/agent", "x")), reserved=["usr/agent"])


def test_wheels_are_unpacked(image: Image, tmp_path: pathlib.Path) -> None:
    files = {"thing.py": b"x = 1\n", "thing-1.0.data/scripts/tool": elf_testing.elf("x86_64")}
    tags = ("py3-none-manylinux_2_17_x86_64",)
    path = wheel_testing.wheel(tmp_path / "a.whl", files, tags=tags)
    tree = image(wheels={path: "/usr/lib/py"}, exclude=["usr/lib/py/*.dist-info/WHEEL"])
    assert {"usr/lib/py/thing.py", "usr/local/bin/tool"} <= set(shown(tree))
    assert "usr/lib/py/thing-1.0.dist-info/WHEEL" not in tree
    with pytest.raises(rootfs.RootfsError, match="thing: is of architecture x86_64, but the image of aarch64"):
        image(wheels={path: "usr/lib/py"}, architecture="aarch64")
    with pytest.raises(rootfs.RootfsError, match="package thing is given twice"):
        image(wheels={path: "usr/lib/py", wheel_testing.wheel(tmp_path / "b.whl"): "usr/lib/py"})


@pytest.mark.parametrize(
    ("tag", "machine", "message"),
    [("any", "aarch64", "EM_AARCH64, not EM_X86_64"), ("linux_x86_64", "aarch64", "EM_AARCH64, not EM_X86_64")],
)
def test_wheel_with_machine_code_of_another_architecture_is_rejected(
    image: Image, tmp_path: pathlib.Path, tag: str, machine: str, message: str
) -> None:
    files = {"thing/native.so": elf_testing.elf(machine)}
    path = wheel_testing.wheel(tmp_path / "a.whl", files, tags=(f"py3-none-{tag}",))
    with pytest.raises(errors.InputError, match=message):
        image(wheels={path: "usr/lib/py"})


def test_npm_packages_are_unpacked(image: Image, tmp_path: pathlib.Path) -> None:
    path = package_testing.package(tmp_path / "a.tgz", {"cli.js": b"x", "README.md": b"x"}, bin="cli.js", cpu=["x64"])
    found = shown(image(npm_packages=[path], exclude=["**/README.md"]))
    assert found["usr/local/bin/thing"] == "../lib/node_modules/thing/cli.js"
    assert "usr/local/lib/node_modules/thing/README.md" not in found
    with pytest.raises(rootfs.RootfsError, match="thing: is of architecture x86_64, but the image of aarch64"):
        image(npm_packages=[path], architecture="aarch64")
    with pytest.raises(rootfs.RootfsError, match="package thing is given twice"):
        image(npm_packages=[path, package_testing.package(tmp_path / "b.tgz")])


@pytest.mark.parametrize(
    ("cpu", "machine", "message"),
    [([], "aarch64", "EM_AARCH64, not EM_X86_64"), (["x64"], "aarch64", "EM_AARCH64, not EM_X86_64")],
)
def test_npm_package_with_machine_code_of_another_architecture_is_rejected(
    image: Image, tmp_path: pathlib.Path, cpu: list[str], machine: str, message: str
) -> None:
    path = package_testing.package(tmp_path / "a.tgz", {"native.node": elf_testing.elf(machine)}, cpu=cpu)
    with pytest.raises(errors.InputError, match=message):
        image(npm_packages=[path])


def test_matching_files_are_concatenated(image: Image) -> None:
    certificates = package(
        make.member("./usr/share/ca/b.crt", "b\n"),
        make.member("./usr/share/ca/a.crt", "a"),
        make.member("./usr/share/ca/README", "no"),
    )
    tree = image(certificates, concatenations={"/etc/ssl/all.crt": "usr/share/ca/*.crt"})
    entry = tree.get("etc/ssl/all.crt")
    assert entry and entry.content and content.read(entry.content) == b"a\nb\n"
    with pytest.raises(rootfs.RootfsError, match="no file matches"):
        image(certificates, concatenations={"etc/x": "usr/share/none/*"})


def test_concatenation_contains_excluded_files(image: Image) -> None:
    certificates = package(make.member("./usr/share/ca/a.crt", "a\n"), make.member("./usr/share/ca/b.crt", "b\n"))
    rules = ["usr/share/ca/a.crt"]
    tree = image(certificates, exclude=rules, concatenations={"etc/all.crt": "usr/share/ca/*.crt"})
    entry = tree.get("etc/all.crt")
    assert entry and entry.content and content.read(entry.content) == b"a\nb\n"
    assert tree.get("usr/share/ca/a.crt") is None


def test_missing_file_to_strip_is_an_error(image: Image) -> None:
    with pytest.raises(errors.InputError, match="no file to strip matches usr/bin/none"):
        image(package(make.member("./usr/bin/tool", "x")), strip=["usr/bin/none"])


@pytest.fixture
def run(tmp_path: pathlib.Path) -> Run:
    """Return a function that runs the program and returns its outputs' hashes."""
    deb = make.deb(
        tmp_path / "p.deb",
        [make.directory("./etc", uid=0), make.member("./etc/ő", "x", uid=33), make.directory("./empty")],
        name="p1",
    )

    def call(directory: pathlib.Path, **kwargs: Any) -> list[str]:
        directory.mkdir(exist_ok=True)
        paths = {"tar": directory / "r.tar", "spec_output": directory / "r.json"}
        paths["packages_report"] = directory / "p.json"
        values = {
            "architecture": "x86_64",
            "package": [deb],
            "reserve": ["/usr/local/bin/agent"],
            **{key: str(path) for key, path in paths.items()},
        }
        cli_testing.call(mkrootfs_main.main, **(values | kwargs))
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths.values()]

    return call


def test_program_is_reproducible(run: Run, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(tmp_path / "one")
    umask = os.umask(0o077)
    try:
        monkeypatch.setenv("TZ", "Pacific/Kiritimati")
        time.tzset()
        monkeypatch.chdir("/")
        assert run(tmp_path / "two") == first
    finally:
        os.umask(umask)
        monkeypatch.undo()
        time.tzset()
    _, entries = packed.load(str(tmp_path / "one/r.json"), str(tmp_path / "one/r.tar"))
    owners = {entry.path: entry.uid for entry in entries}
    assert owners["etc/ő"] == 33 and "empty" in owners
    report = json.loads((tmp_path / "one/p.json").read_text())
    (package,) = report["packages"]
    assert len(package.pop("sha256")) == 64
    assert package == {"type": "deb", "name": "p1", "version": "1.0-1", "architecture": "amd64", "licence": ""}
    assert report["binaries"] == ["usr/local/bin/agent"]
    assert sorted(entry.name for entry in (tmp_path / "one").iterdir()) == [
        "p.json",
        "r.json",
        "r.tar",
    ]


@pytest.mark.parametrize("value", [["x"], ["a=b", "a=c"]])
def test_bad_flags_are_rejected(run: Run, tmp_path: pathlib.Path, value: Any) -> None:
    with pytest.raises(cli.UsageError):
        run(tmp_path / "o", concatenate=value)

"""Test of npm packages and wheels in a tree: machine code for several systems, dependencies, files in common."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tools.cli import errors
from tools.elfcheck import elf_testing, foreign_testing
from tools.fsspec import content
from tools.fsspec.tree import Entry, Kind, Tree
from tools.mkrootfs import installers, rootfs, variants
from tools.npm import package_testing
from tools.wheels import wheel_testing

_MODULES = "usr/local/lib/node_modules"
_LIBRARY = "usr/local/lib/python3.13/dist-packages"
_OWN = elf_testing.elf("x86_64")
_ARM = elf_testing.elf("aarch64")
_MACH_O = foreign_testing.mach_o(0x0100000C)
_PE = foreign_testing.pe(0x8664)

Npm = Callable[..., Tree]
Wheels = Callable[..., Tree]
Package = tuple[Mapping[str, bytes], Mapping[str, Any]]


def _needing(library: str, **options: Any) -> bytes:
    name = b"\0" + library.encode() + b"\0"
    return elf_testing.dynamic((elf_testing.DT_NEEDED, 1), strings=name, **options)


@pytest.fixture(name="npm")
def _npm(tmp_path: pathlib.Path) -> Npm:
    """Return a function that assembles npm packages (files and fields of package.json of each)."""

    def assemble(*packages: Package, **options: Any) -> Tree:
        paths: list[str] = []
        for number, (files, fields) in enumerate(packages):
            named: dict[str, Any] = {"name": f"p{number}", **fields}
            paths.append(package_testing.package(tmp_path / f"{number}.tgz", files, **named))
        values: dict[str, Any] = {"architecture": "x86_64", "npm_packages": paths, **options}
        return rootfs.assemble(rootfs.Request(**values), str(tmp_path))[0]

    return assemble


@pytest.fixture(name="wheels")
def _wheels(tmp_path: pathlib.Path) -> Wheels:
    """Return a function that assembles wheels (files of each)."""

    def assemble(*packages: Mapping[str, bytes], **options: Any) -> Tree:
        paths = [
            wheel_testing.wheel(tmp_path / f"{number}.whl", files, name=f"w{number}")
            for number, files in enumerate(packages)
        ]
        values: dict[str, Any] = {"architecture": "x86_64", "wheels": dict.fromkeys(paths, _LIBRARY), **options}
        return rootfs.assemble(rootfs.Request(**values), str(tmp_path))[0]

    return assemble


def _below(tree: Tree, directory: str) -> list[str]:
    prefix = f"{directory}/"
    return [entry.path.removeprefix(prefix) for entry in tree if entry.content and entry.path.startswith(prefix)]


def test_prebuilt_modules_of_the_image_are_kept(npm: Npm, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        "prebuilds/linux-x64/node.glibc.node": _OWN,
        "prebuilds/linux-x64/node.musl.node": _needing("libc.musl-x86_64.so.1"),
        "prebuilds/linux-arm64/node.node": _ARM,
        "prebuilds/linux-riscv64/node.node": elf_testing.elf("riscv"),
        "prebuilds/android-x64/node.node": _needing("libc.so"),
        "prebuilds/freebsd-x64/node.node": _OWN[:7] + b"\x09" + _OWN[8:],
        "prebuilds/darwin-arm64/node.node": _MACH_O,
        "prebuilds/darwin-x64+arm64/node.node": foreign_testing.universal(7, 12),
        "prebuilds/darwin-x64/cut.node": _MACH_O[:4],
        "prebuilds/win32-x64/node.node": _PE,
        "prebuilds/any.wasm": b"\0asm",
    }
    found = _below(npm((files, {})), f"{_MODULES}/p0")
    assert found == ["package.json", "prebuilds/any.wasm", "prebuilds/linux-x64/node.glibc.node"]
    (said,) = capsys.readouterr().err.splitlines()
    assert said == (
        f"mkrootfs: p0 1.0.0 (npm, any): excluded machine code for other systems: {_MODULES}/p0/prebuilds/"
        "freebsd-x64/node.node, an ELF file of FreeBSD, and 8 more"
    )
    arm = _below(npm(({"x64.node": _OWN, "arm64.node": _ARM}, {}), architecture="aarch64"), f"{_MODULES}/p0")
    assert arm == ["arm64.node", "package.json"]


@pytest.mark.parametrize("data", [_ARM, _needing("libc.musl-x86_64.so.1"), elf_testing.elf("riscv")])
def test_machine_code_only_for_other_machines_is_rejected(npm: Npm, wheels: Wheels, data: bytes) -> None:
    with pytest.raises(variants.VariantError, match="the package has none for x86_64 with glibc"):
        npm(({"a.node": data}, {}))
    with pytest.raises(variants.VariantError, match="the package has none for x86_64 with glibc"):
        wheels({"a.so": data})
    tree = npm(({"a.node": data}, {}), exclude=["**.node"])
    assert _below(tree, f"{_MODULES}/p0") == ["package.json"]


def test_each_bundled_package_needs_machine_code(npm: Npm) -> None:
    files = {
        "node_modules/a/own.node": _OWN,
        "node_modules/a/arm.node": _ARM,
        "node_modules/@s/b/arm.node": _ARM,
    }
    with pytest.raises(variants.VariantError, match=r"node_modules/@s/b/arm\.node"):
        npm((files, {}))


def test_machine_code_only_for_other_systems_is_excluded(npm: Npm, wheels: Wheels) -> None:
    assert _below(npm(({"notify.exe": _PE, "notify": _MACH_O, "a.js": b""}, {})), f"{_MODULES}/p0") == [
        "a.js",
        "package.json",
    ]
    tree = wheels({"w0/launcher.exe": _PE, "w0/attach.dylib": _MACH_O, "w0/attach_linux.so": _OWN})
    assert _below(tree, f"{_LIBRARY}/w0") == ["attach_linux.so"]


def test_program_for_another_system_is_rejected(npm: Npm) -> None:
    with pytest.raises(variants.VariantError, match=r"usr/local/bin/x: is a program, .*a Mach-O file of macOS"):
        npm(({"bin/x": _MACH_O}, {"bin": {"x": "bin/x"}}))


def test_code_for_other_processors_is_kept() -> None:
    graphics = bytearray(_OWN)
    graphics[18] = 224
    entry = Entry(path="kernel.hsaco", kind=Kind.FILE, content=content.Inline(bytes(graphics)))
    assert variants.choose([entry], "x86_64", "package").entries == [entry]


def test_links_of_an_archive_are_excluded_and_logged(
    npm: Npm, capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path
) -> None:
    path = package_testing.package(tmp_path / "l.tgz", {}, links={"package/link": "package.json"})
    rootfs.assemble(rootfs.Request(architecture="x86_64", npm_packages=[path]), str(tmp_path))
    assert "excluded entries that npm does not unpack either: package/link\n" in capsys.readouterr().err


def test_scripts_that_do_not_run_are_logged(npm: Npm, capsys: pytest.CaptureFixture[str]) -> None:
    bundled = b'{"scripts": {"test": "x", "install": "node-gyp rebuild"}}'
    npm(({"node_modules/a/package.json": bundled}, {"scripts": {"postinstall": "x", "prepare": "x"}}), ({}, {}))
    (said,) = capsys.readouterr().err.splitlines()
    assert said == "mkrootfs: p0 1.0.0 (npm, any): did not run scripts that npm runs: postinstall, and 1 more"


_BUNDLED = {
    "node_modules/a/package.json": b'{"dependencies": {"b": "1"}, "peerDependencies": {"c": "1"}}',
    "node_modules/b/package.json": b"{}",
}


@pytest.mark.parametrize(
    ("files", "fields", "missing"),
    [
        ({}, {"dependencies": {"left-pad": "^1"}}, "p0/package.json (p0 1.0.0 (npm, any)) needs left-pad"),
        ({}, {"peerDependencies": {"@s/x": "^1"}}, "needs @s/x"),
        (_BUNDLED, {"dependencies": {"a": "1"}}, "p0/node_modules/a/package.json (p0 1.0.0 (npm, any)) needs c"),
        ({"node_modules/a/index.js": b""}, {"dependencies": {"a": "1", "z": "1", "y": "1"}}, "needs y, which"),
    ],
)
def test_missing_dependency_is_rejected(
    npm: Npm, files: Mapping[str, bytes], fields: Mapping[str, Any], missing: str
) -> None:
    with pytest.raises(installers.DependencyError) as caught:
        npm((files, fields))
    assert missing in str(caught.value)
    assert "which no npm package of the image contains" in str(caught.value)


_COMPLETE: list[tuple[list[Package], dict[str, Any]]] = [
    ([({}, {"optionalDependencies": {"x": "1"}, "dependencies": {"x": "1"}})], {}),
    ([({}, {"peerDependencies": {"x": "1"}, "peerDependenciesMeta": {"x": {"optional": True}}})], {}),
    ([({}, {"devDependencies": {"x": "1"}})], {}),
    ([({"node_modules/x/index.js": b""}, {"dependencies": {"x": "1"}})], {}),
    ([({}, {"dependencies": {"p1": "1"}}), ({}, {})], {}),
    ([({}, {"name": "@s/p", "dependencies": {"@s/q": "1"}}), ({}, {"name": "@s/q"})], {}),
    ([({**_BUNDLED, "node_modules/c/x.js": b""}, {"dependencies": {"a": "1"}})], {}),
    ([({"lib/node_modules/a/package.json": b"no JSON"}, {})], {}),
    ([({}, {"dependencies": {"x": "1"}})], {"missing": ["**/p0/package.json"]}),
    ([({}, {"dependencies": {"x": "1"}})], {"exclude": ["**/p0/package.json"]}),
]


@pytest.mark.parametrize(("packages", "options"), _COMPLETE)
def test_present_or_optional_dependency_is_accepted(
    npm: Npm, packages: Sequence[Package], options: Mapping[str, Any]
) -> None:
    npm(*packages, **options)


def test_equal_file_of_two_wheels_is_accepted(wheels: Wheels) -> None:
    tree = wheels({"ns/__init__.py": b"", "ns/a.py": b"a"}, {"ns/__init__.py": b"", "ns/b.py": b"b"})
    assert _below(tree, f"{_LIBRARY}/ns") == ["__init__.py", "a.py", "b.py"]
    with pytest.raises(errors.InputError, match=r"w0 1\.0 \(wheel, any\) and file of w1 1\.0"):
        wheels({"ns/__init__.py": b"1"}, {"ns/__init__.py": b"2"})


def test_kept_files_keep_their_bytes(wheels: Wheels) -> None:
    entry = wheels({"w0/a.so": _OWN, "w0/b.so": _ARM}).get(f"{_LIBRARY}/w0/a.so")
    assert entry and entry.content and content.read(entry.content) == _OWN

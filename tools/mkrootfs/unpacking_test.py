"""Test of packages together: conflicts, the remedies in errors, and dangling links.

dpkg_test.py compares the rest with dpkg.
"""

from __future__ import annotations

import pathlib
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from tools.cli import errors
from tools.elfcheck import elf_testing, foreign_testing
from tools.fsspec import content
from tools.fsspec.content import Inline
from tools.fsspec.tree import Entry, Kind, Tree
from tools.mkrootfs import links, rootfs
from tools.packages import deb_testing as make

Member = tuple[tarfile.TarInfo, bytes]
Image = Callable[..., Tree]


@pytest.fixture
def image(tmp_path: pathlib.Path) -> Image:
    """Return a function that assembles packages: lists of members, by `NAME` or `NAME ARCHITECTURE`."""

    def assemble(packages: dict[str, list[Member]], fields: str = "", **kwargs: Any) -> Tree:
        files: list[str] = []
        for key, members in packages.items():
            name, _, architecture = key.partition(" ")
            text = f"Package: {name}\nVersion: 1\nArchitecture: {architecture or 'amd64'}\n{fields}"
            files.append(make.deb(tmp_path / f"{name}.deb", members, control=text))
        values: dict[str, Any] = {"architecture": "x86_64", "packages": files, **kwargs}
        return rootfs.assemble(rootfs.Request(**values), str(tmp_path))[0]

    return assemble


def test_conflict_names_working_remedies(image: Image) -> None:
    packages = {"aa": [make.member("./opt/x", "1")], "bb": [make.member("./opt/x", "2")]}
    with pytest.raises(errors.InputError) as caught:
        image(packages)
    assert str(caught.value) == (
        "opt/x: file of aa 1 (amd64) and file of bb 1 (amd64): "
        "exclude one of them (`exclude`: 'aa:opt/x' or 'bb:opt/x'), "
        "or exclude a package (`exclude` of its Debian request)"
    )
    for name, kept in (("aa", b"2"), ("bb", b"1")):
        entry = image(packages, exclude=[f"{name}:opt/x"]).get("opt/x")
        assert entry and entry.content and content.read(entry.content) == kept


def test_later_rule_overrides_a_package_rule(image: Image) -> None:
    rules = ["aa:opt/**", "!opt/keep", "bb:opt/keep"]
    tree = image({"aa": [make.member("./opt/keep"), make.member("./opt/drop")]}, exclude=rules)
    assert "opt/keep" in tree and "opt/drop" not in tree


def test_essential_packages_come_first(image: Image, tmp_path: pathlib.Path) -> None:
    base = make.deb(
        tmp_path / "zz.deb",
        [make.directory("./var"), make.directory("./run"), make.symlink("./var/run", "/run")],
        control="Package: zz\nVersion: 1\nArchitecture: all\nEssential: yes\n",
    )
    other = make.deb(
        tmp_path / "aa.deb", [make.directory("./var/run"), make.directory("./var/run/x", 0o700)], name="aa"
    )
    tree, _ = rootfs.assemble(rootfs.Request(architecture="x86_64", packages=[other, base]), str(tmp_path))
    entry = tree.get("run/x")
    assert entry and entry.mode == 0o700 and "var/run/x" not in tree


@pytest.mark.parametrize(
    "members",
    [
        [make.member("./usr/lib/x", "1"), make.symlink("./lib/x", "/usr/lib/x")],
        [make.symlink("./bin/x", "../usr/bin/x"), make.member("./usr/bin/x", "1")],
        [make.member("./lib/d/f", "1"), make.symlink("./usr/lib/d", "../../lib/d")],
        [make.member("./usr/lib64/ld.so", "1"), make.symlink("./lib64/ld.so", "/lib64/../usr/lib64/ld.so")],
    ],
)
def test_link_between_merged_places_is_dropped(image: Image, members: list[Member]) -> None:
    assert all(entry.kind is not Kind.SYMLINK or "/" not in entry.path for entry in image({"aa": members}))


@pytest.mark.parametrize("target", ["lib", "usr/lib", "/usr/lib", "./lib/"])
def test_merged_place_may_be_a_link_to_another(image: Image, target: str) -> None:
    members = [make.symlink("./lib64", target), make.directory("./usr/lib"), make.member("./usr/lib/x", "1")]
    tree = image({"aa": members, "bb": [make.member("./lib64/ld.so", "1")]})
    assert "usr/lib/ld.so" in tree
    for path, to in (("usr/lib64", "lib"), ("lib64", "usr/lib64")):
        entry = tree.get(path)
        assert entry and entry.target == to


DANGLING: list[list[Member]] = [
    [make.symlink("./opt/x", "gone")],
    [make.symlink("./opt/x", "x")],
    [make.symlink("./opt/x", "y"), make.symlink("./opt/y", "/opt/x")],
    [make.symlink("./opt/x", "/etc/gone/../f"), make.member("./etc/f")],
    [make.symlink("./opt/x", "/etc/f/"), make.symlink("./opt/y", "/etc/f/g"), make.member("./etc/f")],
    [make.symlink("./bin/x", "/usr/bin/x")],
]


@pytest.mark.parametrize("members", DANGLING)
def test_link_to_nothing_is_an_error_unless_allowed(image: Image, members: list[Member]) -> None:
    with pytest.raises(rootfs.RootfsError) as caught:
        image({"aa": members})
    assert "is a symlink of aa 1 (amd64) to " in str(caught.value) and "allow_dangling_links" in str(caught.value)
    image({"aa": members}, dangling=["opt/*", "usr/bin/x"])


def test_link_to_a_runtime_file_is_accepted(image: Image) -> None:
    targets = ["/proc/self/mounts", "../run/lock", "/dev/shm", "/tmp/x", "../..", "/etc/f", "."]
    members = [make.symlink(f"./opt/{number}", target) for number, target in enumerate(targets)]
    image({"aa": [*members, make.member("./etc/f")]})


def test_links_are_followed_like_by_the_kernel() -> None:
    tree = Tree(
        [
            Entry(path="a/f", kind=Kind.FILE, content=Inline(b"")),
            Entry(path="l", kind=Kind.SYMLINK, mode=0o777, target="/a"),
            Entry(path="m", kind=Kind.SYMLINK, mode=0o777, target="l/../l/f"),
        ]
    )
    assert links.follow(tree, "/m") == "a/f"
    assert links.follow(tree, "l/..") == ""
    assert links.follow(tree, "m/../a/f") == "a/f/../a/f"


BPF = elf_testing.elf("bpf", elf_testing.ET_REL, (), ((".text", b"1"),), entry=0)
OTHER = elf_testing.elf("aarch64")


@pytest.mark.parametrize(
    ("package", "path", "data"),
    [
        ("aa", "usr/lib/x.o", BPF),
        ("aa all", "usr/lib/x.o", BPF),
        ("aa all", "lib/firmware/x.elf", OTHER),
        ("aa", "usr/lib/firmware/x.elf", OTHER[:50]),
        ("aa", "usr/lib/debug/.build-id/1/2.debug", OTHER),
        ("aa", "opt/x.debug", elf_testing.debug_file("riscv")),
        ("aa", "lib/modules/6.12/vdso/vdso32.so", b"\x7fELF\1\1\1" + bytes(99)),
        ("aa", "boot/vmlinuz", foreign_testing.pe(0x8664, subsystem=10)),
    ],
)
def test_machine_code_of_devices_and_debuggers_is_accepted(image: Image, package: str, path: str, data: bytes) -> None:
    image({package: [make.member(f"./{path}", data)]})


def archive(name: str, data: bytes) -> bytes:
    return make.ar([(name, data)])


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        ("usr/bin/x", foreign_testing.mach_o(0x0100000C), "a Mach-O file of macOS (arm64)"),
        ("usr/lib/x.dll", foreign_testing.pe(0x8664), "a PE file of Windows (x86_64)"),
        ("boot/x.efi", foreign_testing.pe(0xAA64, subsystem=10), "a PE file of UEFI (arm64)"),
        ("usr/lib/x.a", archive("x.o/", foreign_testing.mach_o(0x01000007)), "x.a(x.o): is a Mach-O file of macOS"),
        ("usr/lib/x.a", archive("x.o/", OTHER), "x.a(x.o): is of machine EM_AARCH64"),
        ("usr/lib/x.so", OTHER, "is of machine EM_AARCH64"),
        ("usr/lib/x.o", elf_testing.elf("bpf"), "is of machine EM_BPF"),
    ],
)
def test_foreign_machine_code_is_rejected_unless_allowed(image: Image, path: str, data: bytes, reason: str) -> None:
    packages = {"aa": [make.member(f"./{path}", data)]}
    with pytest.raises(errors.InputError) as caught:
        image(packages)
    assert reason in str(caught.value) and "allow_foreign_code" in str(caught.value)
    image(packages, foreign=["**/x*"])
    image(packages, exclude=["**/x*"])

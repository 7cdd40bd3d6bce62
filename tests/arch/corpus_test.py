"""Every check and packer rejects the bad files of the corpus with a reason, and accepts the good ones."""

from __future__ import annotations

import lzma
import os
import pathlib
import tarfile
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.arch import corpus
from tests.arch.corpus import MODULE, OTHER, PROGRAM
from tools.cli import cli_testing, errors
from tools.elfcheck import elf_testing, elfcheck, elfcheck_main, foreign
from tools.extract_kernel import extract, kernel_testing, modinfo
from tools.fsspec import merge
from tools.fsspec.tree import Tree
from tools.mkinitramfs import initramfs
from tools.mkrootfs import guest_binaries, rootfs
from tools.packages import deb_testing

Member = tuple[tarfile.TarInfo, bytes]

ARCHITECTURES = ("aarch64", "x86_64")
CASES = [(architecture, case) for architecture in ARCHITECTURES for case in corpus.cases(architecture)]


def name_of(pair: tuple[str, corpus.Case]) -> str:
    architecture, case = pair
    return f"{architecture}-{case.name}"


def each(wanted: Callable[[corpus.Case], bool] = lambda case: True) -> pytest.MarkDecorator:
    """Run a test with every case that is wanted."""
    chosen = [pair for pair in CASES if wanted(pair[1])]
    return pytest.mark.parametrize(("architecture", "case"), chosen, ids=map(name_of, chosen))


def refused(call: Callable[[], object], reason: str) -> None:
    """Run a call that must fail with one line that contains the reason."""
    with pytest.raises(errors.InputError) as caught:
        call()
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_corpus_has_at_least_sixty_cases_per_architecture() -> None:
    assert len(CASES) >= 2 * 60
    assert len(set(map(name_of, CASES))) == len(CASES)


@each()
def test_elfcheck_rejects_only_bad_files(architecture: str, case: corpus.Case, tmp_path: pathlib.Path) -> None:
    source, copy = tmp_path / "in", tmp_path / "out"
    source.write_bytes(case.data)

    def call() -> None:
        arguments = {"input": str(source), "architecture": architecture, "kind": str(case.kind), "copy": str(copy)}
        cli_testing.call(elfcheck_main.main, **arguments)

    if case.reason:
        refused(call, case.reason)
        assert not copy.exists()
    else:
        call()
        assert copy.read_bytes() == case.data


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_elfcheck_follows_links(architecture: str, tmp_path: pathlib.Path) -> None:
    for owner in ARCHITECTURES:
        (tmp_path / owner).write_bytes(elf_testing.elf(owner))
        (tmp_path / f"to_{owner}").symlink_to(owner)
    (tmp_path / "chain").symlink_to("to_" + OTHER[architecture])
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "circle").symlink_to("circle")

    def call(name: str) -> None:
        arguments = {"input": str(tmp_path / name), "architecture": architecture, "kind": str(PROGRAM)}
        cli_testing.call(elfcheck_main.main, **arguments)

    call("to_" + architecture)
    for name in ("to_" + OTHER[architecture], "chain"):
        refused(lambda name=name: call(name), "not EM_" + architecture.upper())
    for name in ("dangling", "circle"):
        with pytest.raises(OSError, match=name):
            call(name)


def assemble(
    directory: pathlib.Path,
    architecture: str,
    members: Sequence[Member],
    debian: str = "",
    **kwargs: Any,
) -> tuple[Tree, Any]:
    debian = debian or kernel_testing.DEBIAN[architecture]
    package = deb_testing.deb(directory / "p.deb", members, architecture=debian)
    request = rootfs.Request(architecture=architecture, packages=[package], missing=["**"], **kwargs)
    return rootfs.assemble(request, str(directory))


# A package may have programs of every form, but none of another architecture.
@each(lambda case: not case.own)
def test_rootfs_rejects_bad_files_of_packages(architecture: str, case: corpus.Case, tmp_path: pathlib.Path) -> None:
    """Files that are no program of any system are data, which a root file system accepts."""
    path = "./usr/lib/m.ko" if case.kind is MODULE else "./usr/bin/file"

    def call() -> None:
        assemble(tmp_path, architecture, [deb_testing.member(path, case.data)])

    system = foreign.recognise(case.data)
    data = case.kind is not MODULE and not elfcheck.is_elf(case.data) and not system
    refused(call, system or case.reason) if case.reason and not data else call()


@each(lambda case: case.kind is PROGRAM)
def test_rootfs_rejects_bad_binaries(architecture: str, case: corpus.Case, tmp_path: pathlib.Path) -> None:
    (tmp_path / "agent").write_bytes(case.data)

    def call() -> None:
        guest_binaries.entries({"/usr/bin/agent": str(tmp_path / "agent")}, architecture)

    refused(call, case.reason) if case.reason else call()


@each(lambda case: case.kind is PROGRAM)
def test_initramfs_rejects_bad_init(architecture: str, case: corpus.Case, tmp_path: pathlib.Path) -> None:
    (tmp_path / "init").write_bytes(case.data)

    def call() -> None:
        initramfs.make_tree(str(tmp_path / "init"), architecture, None, [])

    refused(call, case.reason) if case.reason else call()


@each(lambda case: case.kind is MODULE)
@pytest.mark.parametrize("suffix", [".ko", ".ko.xz"])
def test_extract_rejects_bad_modules(architecture: str, case: corpus.Case, suffix: str, tmp_path: pathlib.Path) -> None:
    data = case.data
    if not case.reason:
        data = kernel_testing.module("m.ko", "", architecture)
    packed = lzma.compress(data) if suffix == ".ko.xz" else data
    release = kernel_testing.RELEASE
    members = [
        deb_testing.member(f"./boot/vmlinuz-{release}", kernel_testing.image(architecture)),
        deb_testing.member(f"./boot/config-{release}", "CONFIG_X=y\n"),
        deb_testing.member(f"./usr/lib/modules/{release}/modules.builtin"),
        deb_testing.member(f"./usr/lib/modules/{release}/modules.order"),
        deb_testing.member(f"./usr/lib/modules/{release}/kernel/m{suffix}", packed),
    ]
    debian = kernel_testing.DEBIAN[architecture]
    package = deb_testing.deb(tmp_path / "k.deb", members, name="linux-image-x", architecture=debian)

    def call() -> None:
        extract.extract([package], architecture, str(tmp_path / "data.tar"))

    refused(call, case.reason) if case.reason else call()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("what", ["image_of", "module_of"])
def test_extract_rejects_other_architecture(architecture: str, what: str, tmp_path: pathlib.Path) -> None:
    other: dict[str, Any] = {what: OTHER[architecture]}
    package = kernel_testing.package(tmp_path / "k.deb", architecture, **other)
    refused(
        lambda: extract.extract([package], architecture, str(tmp_path / "t")),
        OTHER[architecture].upper() if what == "module_of" else OTHER[architecture],
    )


def object_file(architecture: str) -> bytes:
    return elf_testing.elf(architecture, elf_testing.ET_REL, (), ((".text", b"x"),), entry=0)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rootfs_rejects_bad_members_of_static_libraries(architecture: str, tmp_path: pathlib.Path) -> None:
    good, bad = object_file(architecture), object_file(OTHER[architecture])
    wanted = "not EM_" + architecture.upper()
    bsd_name = b"long-name.o\0"
    for number, (members, reason) in enumerate(
        [
            ([("/", b"index"), ("a.o/", good)], ""),
            ([("//", b"long-name.o/\n"), ("/0", good)], ""),
            ([("a.txt/", b"text"), ("b.txt/", b"odd")], ""),
            ([("a.o/", good), ("b.o/", bad)], "(b.o): is of machine"),
            ([("a.txt/", b"odd"), ("b.o/", bad)], wanted),
            ([("#1/12", bsd_name + bad)], wanted),
            ([("a.o/", elf_testing.elf(architecture, elf_testing.ET_CORE))], "ET_CORE"),
            ([("a.o/", corpus.elf_32(3))], "64 bits"),
        ]
    ):
        directory = tmp_path / str(number)
        directory.mkdir()
        library = deb_testing.member("./usr/lib/x.a", deb_testing.ar(members))

        def call(directory: pathlib.Path = directory, library: Member = library) -> None:
            assemble(directory, architecture, [library])

        refused(call, reason) if reason else call()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"!<thin>\n", "thin archive"),
        (b"!<arch>\n" + b"x" * 60, "bad header"),
        (b"!<arch>\n" + b"x" * 20, "bad header"),
        (deb_testing.ar([("a.o/", b"0123456789")])[:-4], "member a.o is incomplete"),
    ],
)
def test_rootfs_rejects_damaged_static_libraries(data: bytes, reason: str, tmp_path: pathlib.Path) -> None:
    refused(lambda: assemble(tmp_path, "x86_64", [deb_testing.member("./usr/lib/x.a", data)]), reason)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("pack", deb_testing.COMPRESSIONS)
def test_rootfs_rejects_other_compressed_modules(architecture: str, pack: str, tmp_path: pathlib.Path) -> None:
    """A compressed module has no ELF magic: without unpacking it would count as data."""
    path = "./usr/lib/modules/1/m.ko" + pack
    compress = deb_testing.COMPRESSIONS[pack]
    assemble(tmp_path, architecture, [deb_testing.member(path, compress(elf_testing.module(architecture)))])
    other = deb_testing.member(path, compress(elf_testing.module(OTHER[architecture])))
    refused(lambda: assemble(tmp_path, architecture, [other]), "not EM_" + architecture.upper())
    assert modinfo.is_module(path)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rootfs_rejects_packages_of_other_architecture(architecture: str, tmp_path: pathlib.Path) -> None:
    reason = f"the image of {kernel_testing.DEBIAN[architecture]}"
    for debian in (kernel_testing.DEBIAN[OTHER[architecture]], "i386", "armhf", "any", "source"):
        refused(lambda debian=debian: assemble(tmp_path, architecture, [], debian=debian), reason)
    assemble(tmp_path, architecture, [], debian="all")


def test_rootfs_rejects_machine_code_in_packages_for_all(tmp_path: pathlib.Path) -> None:
    for path, data in {
        "./usr/bin/x": elf_testing.elf(),
        "./usr/lib/x.a": deb_testing.ar([("x.o/", object_file("x86_64"))]),
        "./usr/lib/x.ko.xz": lzma.compress(elf_testing.module()),
    }.items():
        member = deb_testing.member(path, data)
        refused(lambda member=member: assemble(tmp_path, "x86_64", [member], debian="all"), "every architecture")


def test_rootfs_checks_targets_of_links(tmp_path: pathlib.Path) -> None:
    good = deb_testing.member("./usr/bin/good", elf_testing.elf())
    bad = deb_testing.member("./usr/bin/bad", elf_testing.elf("aarch64"))
    links = [deb_testing.symlink("./usr/bin/link", "good"), deb_testing.hardlink("./usr/bin/hard", "./usr/bin/good")]
    assemble(tmp_path, "x86_64", [good, *links])
    links = [deb_testing.symlink("./usr/bin/link", "bad"), deb_testing.hardlink("./usr/bin/hard", "./usr/bin/bad")]
    refused(lambda: assemble(tmp_path, "x86_64", [bad, *links]), "not EM_X86_64")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("own", elf_testing.elf()),
        ("other", elf_testing.elf("aarch64")),
        ("object.a", deb_testing.ar([("x.o/", object_file("x86_64"))])),
        ("m.ko.xz", lzma.compress(elf_testing.module())),
        ("truncated", b"\x7fELF"),
    ],
)
def test_merge_rejects_machine_code_in_specs(name: str, data: bytes, tmp_path: pathlib.Path) -> None:
    """A spec accepts bare files, which no provider checks."""
    (tmp_path / "file").write_bytes(data)
    entry = f'{{"path": "usr/bin/{name}", "kind": "file", "mode": "0755", "source": "{tmp_path}/file", '
    entry += '"uid": 0, "gid": 0, "replace": false}'
    text = f'{{"architecture": null, "entries": [{entry}], "origin": "//:x", "version": 1}}'
    (tmp_path / "spec.json").write_text(text)
    refused(lambda: merge.load_into(Tree(), [str(tmp_path / "spec.json")], "x86_64"), "machine code, which a spec")
    (tmp_path / "file").write_bytes(b"#!/bin/sh\n")
    if not modinfo.is_module(name):
        merge.load_into(Tree(), [str(tmp_path / "spec.json")], "x86_64")


def test_refusal_closes_all_files(tmp_path: pathlib.Path) -> None:
    """A rejected package leaks no file descriptor."""
    before = len(os.listdir("/proc/self/fd"))
    bad = deb_testing.member("./usr/bin/bad", elf_testing.elf("aarch64"))
    for _ in range(20):
        refused(lambda: assemble(tmp_path, "x86_64", [bad]), "not EM_X86_64")
    assert len(os.listdir("/proc/self/fd")) <= before + 1

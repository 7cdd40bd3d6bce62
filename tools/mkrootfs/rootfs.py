"""Assemble the tree of a root filesystem from packages of several kinds and described entries."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence

from tools.cli import errors
from tools.elfcheck.elfcheck import ElfInfo
from tools.fsspec import content, merge, packed, paths
from tools.fsspec.content import Content, Inline
from tools.fsspec.tree import Entry, Kind, Tree
from tools.mkrootfs import (
    bytecode,
    exclusions,
    icu,
    installers,
    libraries,
    links,
    machine_code,
    merged_usr,
    strip,
    unpacking,
)
from tools.npm import package as npm
from tools.npm.package import NpmPackage
from tools.packages import deb
from tools.packages.deb import Deb
from tools.platforms.architectures import ARCHITECTURES
from tools.wheels import wheel
from tools.wheels.wheel import Wheel

RECORDS = "var/lib/dpkg/status.d"
"""Directory with the control stanza of every package: scanners of images read it if there is no dpkg."""

_SETID = 0o6000

# Architectures of packages without machine code.
_INDEPENDENT = ("all", wheel.ANY, npm.ANY)


AnyPackage = Deb | Wheel | NpmPackage
"""A package that is unpacked into the tree."""


class RootfsError(errors.InputError):
    """Inputs that do not fit the architecture."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """The inputs of a root filesystem.

    Attributes:
        architecture: `aarch64` or `x86_64`.
        packages: paths of `.deb` files.
        wheels: path of a Python wheel to the image's directory for its modules.
        npm_packages: paths of archives of the npm registry.
        specs: paths of JSON files with further entries, which may replace the packages'.
        reserved: paths in the image that guest binaries get later, see guest_binaries.py. Links may lead there.
        concatenations: path in the image to a pattern (see exclusions.py) of files, whose contents it gets, in the
            order of their paths. Files of packages that the image leaves out are among them.
        exclude: patterns of the packages' files to exclude, see exclusions.py.
        icu_exclude: patterns of items to exclude from the data of ICU, see icu.py.
        strip: patterns of ELF files to strip of symbols and debugging information.
        setuid: paths of the packages' files that keep their setuid and setgid bits.
        missing: patterns of files whose libraries may be missing; for a package.json, its dependencies.
        dangling: patterns of symlinks that may lead to nothing.
        foreign: patterns of files that may be machine code of another architecture or system.
        python: path of a CPython of the image's version, which compiles its modules; empty for no compilation.
        mtime: time of every file, in seconds since 1970.
    """

    architecture: str
    packages: Sequence[str] = ()
    wheels: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    npm_packages: Sequence[str] = ()
    specs: Sequence[str] = ()
    reserved: Sequence[str] = ()
    concatenations: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    exclude: Sequence[str] = ()
    icu_exclude: Sequence[str] = ()
    strip: Sequence[str] = ()
    setuid: Sequence[str] = ()
    missing: Sequence[str] = ()
    dangling: Sequence[str] = ()
    foreign: Sequence[str] = ()
    python: str = ""
    mtime: int = packed.MTIME


def assemble(request: Request, work: str) -> tuple[Tree, list[AnyPackage]]:
    """Assemble the tree.

    Args:
        request: its inputs.
        work: directory to unpack to; keep it as long as the tree is used.

    Returns:
        The tree, and the packages that it contains: Debian packages, wheels, npm packages, each kind in the order of
        unpacking.

    Raises:
        InputError: an input is damaged, of another architecture, or conflicts with another.
    """
    packages = [*_read_packages(request), *_read_wheels(request), *_read_npm_packages(request, work)]
    left_out = exclusions.Exclusions(request.exclude)
    stripping = strip.Stripping(request.strip)
    setuid = {paths.normalise(path, "setuid") for path in request.setuid}
    foreign = [exclusions.translate(pattern) for pattern in request.foreign]
    tree = Tree()
    unpacker = unpacking.Unpacker(tree)
    kept: set[str] = set()
    parts: dict[str, Entry] = {}
    redundant: list[Entry] = []
    info: dict[Content, ElfInfo] = {}
    for package, entries in _unpacked(packages, request, work):
        if isinstance(package, Deb):
            tree.add(_file(f"{RECORDS}/{package.name}", paths.encode(package.control), str(package)))
        selection = _selected(entries, package.name, left_out)
        parts |= selection.gone
        redundant += selection.redundant
        selected = installers.select(selection.kept, package, tree, request.architecture)
        prepared = [stripping.apply(_prepared(entry, request.icu_exclude, setuid)) for entry in selected]
        added = unpacker.add(package, prepared) if isinstance(package, Deb) else _add(tree, package.name, prepared)
        for entry in added:
            kept.add(entry.path)
            if entry.content is None or any(pattern.fullmatch(entry.path) for pattern in foreign):
                continue
            where = f"{package}: {paths.shown(entry.path)}"
            independent = isinstance(package, Deb) and package.architecture in _INDEPENDENT
            found = machine_code.check(entry.path, entry.content, where, request.architecture, independent=independent)
            if found:
                info[entry.content] = found
    if request.icu_exclude and not any(map(icu.LIBRARY.fullmatch, kept)):
        raise RootfsError("no package has the data of ICU", fix="drop the patterns of `icu_exclude`")
    stripping.check()
    absent = setuid - kept
    if absent:
        raise RootfsError(f"no package has the setuid file {min(absent)}", fix="correct the path")
    merged_usr.add_symlinks(tree)
    reserved = {
        path: _file(path, b"", "guest binary", mode=0o755)
        for path in (paths.normalise(given, "guest binary") for given in request.reserved)
    }
    for entry in reserved.values():
        tree.add(entry)
    merge.load_into(tree, request.specs, request.architecture)
    for path, pattern in request.concatenations.items():
        available = parts | {entry.path: entry for entry in tree}
        tree.add(_concatenation(available, paths.normalise(path, "concatenation"), pattern))
    if request.python:
        bytecode.add(tree, request.python, work, mtime=request.mtime)
    _check_libraries(tree, info, request)
    _check_links(tree, redundant, request)
    installers.check_dependencies(tree, packages, request.missing)
    return _without(tree, reserved), packages


def _unpacked(
    packages: Sequence[AnyPackage], request: Request, work: str
) -> Generator[tuple[AnyPackage, Sequence[Entry]]]:
    """Unpack packages on all CPUs, and yield them with their entries in their order.

    A package is decompressed whole, with what the image leaves out: its archive is one stream.
    """
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        futures = [pool.submit(_unpack, package, request, work, number) for number, package in enumerate(packages)]
        try:
            for package, future in zip(packages, futures, strict=True):
                yield package, future.result()
        finally:
            for future in futures:
                future.cancel()


def _unpack(package: AnyPackage, request: Request, work: str, number: int) -> Sequence[Entry]:
    match package:
        case Deb():
            return deb.unpack(package, f"{work}/{number}.tar")
        case Wheel():
            return wheel.unpack(package, request.wheels[package.path], f"{work}/{number}.data")
        case NpmPackage():
            return npm.unpack(package, _npm_tar(package.path, request, work))


def _without(tree: Tree, reserved: Mapping[str, Entry]) -> Tree:
    """Return the tree with directories for guest binaries, and without the files that stand for these."""
    for entry in tree:
        replaced = reserved.get(entry.path, entry) is not entry
        if replaced or (entry.kind is Kind.HARDLINK and entry.target in reserved):
            raise RootfsError(
                f"a {entry.kind} of {entry.origin} {'replaces' if replaced else 'links to'} a guest binary",
                where=entry.path,
                fix="drop it, or make it a symlink to the guest binary",
            )
    return Tree(entry for entry in tree if entry.path not in reserved)


def _read_packages(request: Request) -> list[Deb]:
    debian = ARCHITECTURES[request.architecture].debian
    packages: dict[str, Deb] = {}
    for path in request.packages:
        package = deb.read(path)
        if package.architecture not in (debian, "all"):
            raise RootfsError(
                f"is of architecture {package.architecture}, but the image of {debian} ({request.architecture})",
                where=f"{path}: {package.name}",
                fix=f"take packages of {request.architecture}",
            )
        known = packages.get(package.name)
        if known:
            raise RootfsError(f"package {package.name} is given twice: {known.path} and {path}")
        packages[package.name] = package
    return unpacking.order(packages.values())


def _read_wheels(request: Request) -> list[Wheel]:
    return _fitting([wheel.read(path) for path in request.wheels], request.architecture)


def _read_npm_packages(request: Request, work: str) -> list[NpmPackage]:
    found = [npm.read(path, _npm_tar(path, request, work)) for path in request.npm_packages]
    return _fitting(found, request.architecture)


def _npm_tar(path: str, request: Request, work: str) -> str:
    """Return the path of an npm package's uncompressed archive, for its description and its entries."""
    return f"{work}/npm{request.npm_packages.index(path)}.tar"


def _fitting[P: (Wheel, NpmPackage)](packages: list[P], architecture: str) -> list[P]:
    known: dict[str, P] = {}
    for package in packages:
        if package.architecture not in (architecture, *_INDEPENDENT):
            raise RootfsError(
                f"is of architecture {package.architecture}, but the image of {architecture}",
                where=f"{package.path}: {package.name}",
                fix=f"take packages of {architecture}",
            )
        if package.name in known:
            twice = f"{known[package.name].path} and {package.path}"
            raise RootfsError(f"package {package.name} is given twice: {twice}")
        known[package.name] = package
    return [known[name] for name in sorted(known)]


@dataclasses.dataclass(frozen=True)
class _Selection:
    """The parts of a package that an image takes, and the others.

    Attributes:
        kept: the entries that the image takes.
        gone: the excluded entries, by path.
        redundant: links between places that are merged, such as /lib and /usr/lib.
    """

    kept: list[Entry]
    gone: dict[str, Entry]
    redundant: list[Entry]


def _selected(entries: Iterable[Entry], package: str, left_out: exclusions.Exclusions) -> _Selection:
    """Move entries below usr, and exclude those that the rules name.

    A hard link to an excluded file becomes the file.
    """
    moved: list[Entry] = []
    redundant: list[Entry] = []
    for entry in entries:
        rewritten = merged_usr.rewrite(entry)
        if rewritten:
            (redundant if merged_usr.is_compatibility_link(entry) else moved).append(rewritten)
    gone = {entry.path: entry for entry in moved if left_out.excludes(package, entry.path)}
    heirs: dict[str, str] = {}
    result: list[Entry] = []
    for entry in moved:
        if entry.path in gone:
            continue
        if entry.kind is not Kind.HARDLINK or entry.target not in gone:
            result.append(entry)
            continue
        heir = heirs.setdefault(entry.target, entry.path)
        if heir == entry.path:
            result.append(dataclasses.replace(gone[entry.target], path=entry.path))
        else:
            result.append(dataclasses.replace(entry, target=heir))
    return _Selection(result, gone, [link for link in redundant if not left_out.excludes(package, link.path)])


def _prepared(entry: Entry, icu_exclude: Sequence[str], setuid: Collection[str]) -> Entry:
    """Remove from a file what images must not have: setuid bits, and excluded items of ICU's data."""
    if entry.content is None:
        return entry
    content_kept: Content = entry.content
    if icu_exclude and icu.LIBRARY.fullmatch(entry.path):
        data = icu.without(content.read(entry.content), icu_exclude, f"{entry.origin}: {entry.path}")
        content_kept = Inline(data)
    mode = entry.mode if entry.path in setuid else entry.mode & ~_SETID
    return dataclasses.replace(entry, mode=mode, content=content_kept)


def _add(tree: Tree, package: str, entries: list[Entry]) -> list[Entry]:
    for entry in entries:
        known = tree.get(entry.path)
        if known and Kind.DIRECTORY not in (known.kind, entry.kind):
            raise unpacking.conflict(entry.path, known, entry, [package])
        tree.add(entry)
    return entries


def _file(path: str, data: bytes, origin: str, mode: int = 0o644) -> Entry:
    return Entry(path=path, kind=Kind.FILE, mode=mode, content=Inline(data), origin=origin)


def _concatenation(entries: Mapping[str, Entry], path: str, pattern: str) -> Entry:
    glob = exclusions.translate(pattern)
    parts: list[bytes] = []
    for _, entry in sorted(entries.items()):
        if entry.content is not None and glob.fullmatch(entry.path):
            data = content.read(entry.content)
            # The last line of a file without a final newline would join the first line of the next file.
            parts.append(data if data.endswith(b"\n") else data + b"\n")
    if not parts:
        raise RootfsError(f"no file matches {pattern}", where=path, fix="correct the pattern")
    return _file(path, b"".join(parts), f"concatenation of {pattern}")


def _check_libraries(tree: Tree, info: Mapping[Content, ElfInfo], request: Request) -> None:
    # By content: if a spec has replaced a package's file, the replaced file's libraries are not needed.
    present = {entry.path: info[entry.content] for entry in tree if entry.content is not None and entry.content in info}
    triple = ARCHITECTURES[request.architecture].triple
    absent = [
        f"{path} ({_origin(tree, path)}) needs {name}"
        for path, name in libraries.missing(tree, present, triple)
        if not _matches(path, request.missing)
    ]
    if absent:
        more = f", and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise RootfsError(
            f"{absent[0]}, which no package contains{more}",
            fix="add the package, exclude the file, or allow the library to be missing (`allow_missing_libraries`)",
        )


def _check_links(tree: Tree, redundant: Iterable[Entry], request: Request) -> None:
    found = [*links.dangling(tree), *(link for link in redundant if link.path not in tree)]
    broken = [link for link in found if not _matches(link.path, request.dangling)]
    if broken:
        more = f", and {len(broken) - 1} more symlinks dangle" if len(broken) > 1 else ""
        raise RootfsError(
            f"is a symlink of {broken[0].origin} to {broken[0].target}, which the image does not have{more}",
            where=broken[0].path,
            fix="add the package that contains it, exclude the link, or allow it to dangle (`allow_dangling_links`)",
        )


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(exclusions.translate(pattern).fullmatch(path) for pattern in patterns)


def _origin(tree: Tree, path: str) -> str:
    entry = tree.get(path)
    return entry.origin if entry else ""

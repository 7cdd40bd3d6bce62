"""The tree's file format: JSON.

    {
      "version": 1,
      "architecture": "aarch64",            or null: fits every architecture
      "origin": "//images:base_files",      source of the entries
      "archive": {"file": "rootfs.tar", "sha256": "…", "size": 1},   of a packed tree only
      "entries": [
        {"path": "etc/hostname", "kind": "file", "mode": "0644", "text": "sandbox\\n"},
        {"path": "usr/bin/tool", "kind": "file", "mode": "0755", "source": "bazel-out/tool"},
        {"path": "usr/bin/sh", "kind": "file", "mode": "0755", "member": {"sha256": "…", "size": 1}},
        {"path": "home/user", "kind": "directory", "mode": "0700", "uid": 1000, "gid": 1000},
        {"path": "bin", "kind": "symlink", "target": "usr/bin", "replace": true},
        {"path": "usr/bin/unlink", "kind": "hardlink", "target": "usr/bin/rm"},
        {"path": "dev/console", "kind": "char", "mode": "0600", "device": [5, 1]}
      ]
    }

`source` is a file of the build host, relative to the working directory (in an action: to the execution root). `member`
is the member with the same path in the archive, which is beside the JSON file. All attributes come from here, none from
the files.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from tools.cli import errors
from tools.fsspec.content import Content, HostFile, Inline
from tools.fsspec.tree import Entry, Kind

VERSION = 1
SIZE_MAX = 256 * 2**20
"""Largest accepted JSON file, in bytes; an image with a million files stays below it."""

_TOP = {"version", "architecture", "origin", "archive", "entries"}
_COMMON = {"path", "kind", "uid", "gid", "origin", "replace"}
_KEYS = {
    Kind.FILE: {"mode", "text", "source", "member"},
    Kind.DIRECTORY: {"mode"},
    Kind.SYMLINK: {"target"},
    Kind.HARDLINK: {"target"},
    Kind.CHAR: {"mode", "device"},
    Kind.BLOCK: {"mode", "device"},
    Kind.FIFO: {"mode"},
}
_MODE = re.compile(r"[0-7]{4}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


class SpecError(errors.InputError):
    """A JSON file that does not describe a tree."""


@dataclasses.dataclass(frozen=True)
class Digest:
    """Length in bytes and SHA-256 in hexadecimal of a file or of an archive's member."""

    size: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Archive:
    """The tar archive beside a packed tree's JSON file.

    Attributes:
        file: its file name, without a directory.
        digest: its length and SHA-256.
    """

    file: str
    digest: Digest


@dataclasses.dataclass(frozen=True)
class Item:
    """An entry of the JSON file.

    Attributes:
        entry: the entry. If it is in an archive, its content is empty.
        replace: whether it replaces an earlier entry.
        member: digest of the content in the archive, if it is there.
    """

    entry: Entry
    replace: bool = False
    member: Digest | None = None


@dataclasses.dataclass(frozen=True)
class Spec:
    """A JSON file's content.

    Attributes:
        architecture: `aarch64` or `x86_64`, or None if it fits every one.
        items: the entries, in the file's order.
        archive: of a packed tree, else None.
    """

    architecture: str | None
    items: Sequence[Item]
    archive: Archive | None = None


def load(path: str) -> Spec:
    """Read and validate a JSON file.

    Raises:
        SpecError, PathError, TreeError: it is malformed; the message names file, entry and key.
    """
    file = pathlib.Path(path)
    if file.stat().st_size > SIZE_MAX:
        raise SpecError(f"is larger than {SIZE_MAX} bytes", where=path)
    try:
        return parse(file.read_text("utf-8"), path)
    except UnicodeDecodeError as error:
        raise SpecError(f"is not UTF-8 (byte {error.start})", where=path) from None


def parse(text: str, where: str) -> Spec:
    """Validate a JSON text; `where` names it in errors. See `load`."""
    try:
        top = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise SpecError("is nested too deeply", where=where) from None
    except ValueError as error:
        raise SpecError(f"is not JSON: {error}", where=where) from None
    if not _is_object(top):
        raise SpecError("is not a JSON object", where=where)
    _check_keys(top, _TOP, where)
    if top.get("version") != VERSION or isinstance(top["version"], bool):
        raise SpecError(f"has version {top.get('version')!r}, not {VERSION}", where=where)
    architecture = top.get("architecture")
    if architecture is not None:
        architecture = _text(top, "architecture", where)
    archive = _archive(top["archive"], where) if "archive" in top else None
    origin = _text(top, "origin", where) if "origin" in top else where
    entries = top.get("entries")
    if not _is_list(entries):
        raise SpecError("has no list `entries`", where=where)
    items = [
        _item(value, f"{where}: entry {number}", origin, archive is not None) for number, value in enumerate(entries)
    ]
    return Spec(architecture, items, archive)


def dump(spec: Spec) -> str:
    """Return the JSON text, with one entry per line, for comparisons."""
    top: dict[str, Any] = {"version": VERSION, "architecture": spec.architecture}
    if spec.archive:
        top["archive"] = {"file": spec.archive.file, **dataclasses.asdict(spec.archive.digest)}
    head = json.dumps(top, ensure_ascii=False)
    lines = [_SURROGATE.sub(_escape, json.dumps(_value(item), ensure_ascii=False)) for item in spec.items]
    return head[:-1] + ', "entries": [\n' + ",\n".join(lines) + "\n]}\n"


def _escape(match: re.Match[str]) -> str:
    """Escape bytes of a name that are not UTF-8: see `paths`."""
    return f"\\u{ord(match[0]):04x}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        double = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {double!r} is in one object twice")
    return result


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _check_keys(value: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(value) - known)
    if unknown:
        raise SpecError(
            f"has an unknown key {unknown[0]!r}",
            where=where,
            fix=f"known: {', '.join(sorted(known))}",
        )


def _text(value: Mapping[str, Any], key: str, where: str) -> str:
    text = value.get(key)
    if not isinstance(text, str):
        raise SpecError(f"`{key}` is {text!r}, not a text", where=where)
    return text


def _number(value: Any, key: str, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise SpecError(f"`{key}` is {value!r}, not a whole number from 0 on", where=where)
    return value


def _digest(value: Any, key: str, where: str) -> Digest:
    if not _is_object(value) or not _SHA256.fullmatch(str(value.get("sha256"))):
        raise SpecError(f"`{key}` has no `sha256` of 64 hexadecimal digits", where=where)
    return Digest(_number(value.get("size"), f"{key}.size", where), value["sha256"])


def _archive(value: Any, where: str) -> Archive:
    digest = _digest(value, "archive", where)
    _check_keys(value, {"file", "size", "sha256"}, f"{where}: archive")
    file = _text(value, "file", f"{where}: archive")
    if not file or "/" in file or file in (".", ".."):
        raise SpecError(f"`archive.file` is {file!r}, not a file name", where=where)
    return Archive(file, digest)


def _item(value: Any, where: str, origin: str, packed: bool) -> Item:
    if not _is_object(value):
        raise SpecError("is not a JSON object", where=where)
    path = _text(value, "path", where)
    where = f"{where} ({path})"
    try:
        kind = Kind(_text(value, "kind", where))
    except ValueError:
        raise SpecError(
            f"has an unknown kind {value['kind']!r}", where=where, fix=f"known: {', '.join(Kind)}"
        ) from None
    _check_keys(value, _COMMON | _KEYS[kind], where)
    replace = value.get("replace", False)
    if not isinstance(replace, bool):
        raise SpecError(f"`replace` is {replace!r}, not true or false", where=where)
    member = _digest(value["member"], "member", where) if "member" in value else None
    if member and not packed:
        raise SpecError("has a `member`, but the file has no `archive`", where=where)
    entry = Entry(
        path=path,
        kind=kind,
        mode=_mode(value, kind, where),
        uid=_number(value.get("uid", 0), "uid", where),
        gid=_number(value.get("gid", 0), "gid", where),
        content=_content(value, where) if kind is Kind.FILE else None,
        target=_text(value, "target", where) if "target" in _KEYS[kind] else "",
        device=_device(value, where) if "device" in _KEYS[kind] else (0, 0),
        origin=_text(value, "origin", where) if "origin" in value else origin,
    )
    return Item(entry, replace, member)


def _mode(value: Mapping[str, Any], kind: Kind, where: str) -> int:
    if "mode" not in _KEYS[kind]:
        return 0o777 if kind is Kind.SYMLINK else 0
    mode = _text(value, "mode", where)
    if not _MODE.fullmatch(mode):
        raise SpecError(f"`mode` is {mode!r}, not four octal digits such as '0755'", where=where)
    return int(mode, 8)


def _content(value: Mapping[str, Any], where: str) -> Content:
    given = sorted({"text", "source", "member"} & set(value))
    if len(given) != 1:
        raise SpecError(f"has {len(given)} of `text`, `source` and `member`, not one", where=where)
    if "source" in value:
        return HostFile(_text(value, "source", where))
    if "member" in value:
        return Inline(b"")
    try:
        return Inline(_text(value, "text", where).encode())
    except UnicodeEncodeError:
        raise SpecError("`text` is not UTF-8", where=where) from None


def _device(value: Mapping[str, Any], where: str) -> tuple[int, int]:
    device = value.get("device")
    if not _is_list(device) or len(device) != 2:
        raise SpecError(f"`device` is {device!r}, not [major, minor]", where=where)
    return _number(device[0], "device", where), _number(device[1], "device", where)


def _value(item: Item) -> dict[str, Any]:
    entry = item.entry
    value: dict[str, Any] = {"path": entry.path, "kind": str(entry.kind)}
    if "mode" in _KEYS[entry.kind]:
        value["mode"] = f"{entry.mode:04o}"
    if entry.kind is not Kind.HARDLINK:
        value |= {"uid": entry.uid, "gid": entry.gid}
    if "device" in _KEYS[entry.kind]:
        value["device"] = list(entry.device)
    if entry.target:
        value["target"] = entry.target
    if item.member:
        value["member"] = dataclasses.asdict(item.member)
    elif isinstance(entry.content, HostFile):
        value["source"] = entry.content.path
    elif isinstance(entry.content, Inline):
        value["text"] = entry.content.data.decode()
    value["origin"] = entry.origin
    if item.replace:
        value["replace"] = True
    return value

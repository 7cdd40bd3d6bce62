"""Read a package index: the pages of PEP 503, and the metadata of PEP 658 beside a wheel."""

from __future__ import annotations

import dataclasses
import hashlib
import html.parser
import io
import re
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Sequence

from tools.cli import errors

# The page of the largest project has a tenth of it, and so has the largest wheel of the second.
_PAGE_LIMIT = 64 << 20
_WHEEL_LIMIT = 1 << 30
_METADATA_LIMIT = 4 << 20

_SHA256 = re.compile(r"sha256=([0-9a-f]{64})")


@dataclasses.dataclass(frozen=True)
class File:
    """A file that an index lists.

    Attributes:
        name: file name.
        address: its address in the index.
        sha256: its digest according to the index; empty if the index has none.
        metadata: whether the index serves its metadata separately.
    """

    name: str
    address: str
    sha256: str
    metadata: bool


class _Page(html.parser.HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self.files: list[File] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        href = values.get("href")
        if tag != "a" or not href:
            return
        address, fragment = urllib.parse.urldefrag(urllib.parse.urljoin(self._address, href))
        digest = _SHA256.search(fragment)
        self.files.append(
            File(
                name=urllib.parse.unquote(address.rsplit("/", 1)[-1]),
                address=address,
                sha256=digest[1] if digest else "",
                metadata=any(values.get(key) for key in ("data-core-metadata", "data-dist-info-metadata")),
            )
        )


class Indexes:
    """The indexes of the machine's pip. The first one that has a project wins."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    def files(self, project: str) -> list[File]:
        """Return the files of a project.

        Args:
            project: normalized name.

        Raises:
            errors.InputError: no index has the project.
        """
        said: list[str] = []
        found: list[File] = []
        for index in self._addresses:
            address = f"{index.rstrip('/')}/{project}/"
            if address.startswith("file:"):
                address += "index.html"
            try:
                page = _Page(address)
                page.feed(_read(address, _PAGE_LIMIT).decode("utf-8", "replace"))
            except errors.InputError as error:
                said.append(str(error))
            else:
                found += page.files
        if not found:
            raise errors.InputError("; ".join(said) or "no package index is known", fix="set PIP_INDEX_URL to an index")
        return found


def metadata(file: File, sha256: str) -> bytes:
    """Return the file METADATA of a wheel.

    Args:
        file: the wheel.
        sha256: expected digest of the wheel, if it must be downloaded.

    Raises:
        errors.InputError: the index does not have it, or sends another wheel.
    """
    if file.metadata:
        return _read(file.address + ".metadata", _METADATA_LIMIT)
    wheel = _read(file.address, _WHEEL_LIMIT)
    if hashlib.sha256(wheel).hexdigest() != sha256:
        raise errors.InputError("the index sent other bytes than its page states", where=file.name, fix="retry")
    try:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            names = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
            if len(names) != 1:
                raise errors.InputError(f"it has {len(names)} files METADATA instead of one", where=file.name)
            with archive.open(names[0]) as member:
                return member.read(_METADATA_LIMIT)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise errors.InputError(f"it is not a wheel ({error})", where=file.name) from error


def _read(address: str, limit: int) -> bytes:
    parts = urllib.parse.urlsplit(address)
    shown = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    headers = {"Accept": "text/html, */*;q=0.1"}
    request = urllib.request.Request(shown, headers=headers)
    if parts.username:
        # The part before the host is for a password manager, which adds it if the index requests it.
        manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
        manager.add_password(
            None, shown, urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or ""), True
        )
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
    else:
        opener = urllib.request.build_opener()
    try:
        with opener.open(request, timeout=60) as answer:
            content = answer.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise errors.InputError(
            f"cannot read it ({reason})", where=shown, fix="check the network, and retry"
        ) from error
    if len(content) > limit:
        raise errors.InputError(f"it has more than {limit} bytes", where=shown)
    return content

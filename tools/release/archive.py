"""Pack a commit of a Bazel module for a registry.

`bazel.build/external/registry` specifies a registry's layout: `modules/NAME/VERSION/` has the `MODULE.bazel` of the
version and a `source.json` that names the archive, its digest and the directory in it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import pathlib
import re
import subprocess
import tarfile

from tools.cli import cli, errors

_MODULE = "MODULE.bazel"

# Bazel's own rule for versions of modules, without build metadata, which registries drop.
_VERSION = re.compile(r"[0-9]+(\.[a-zA-Z0-9]+)*(-[a-zA-Z0-9.-]+)?")
_DECLARATION = re.compile(r'^module\(name = "(?P<name>[a-z][a-z0-9._-]*)"\)$', re.MULTILINE)


class ReleaseError(errors.InputError):
    """The commit or the version cannot be released."""


def release(workspace: pathlib.Path, version: str, url: str, out: pathlib.Path) -> pathlib.Path:
    """Write the archive of the checked-out commit, and its files of a registry.

    The same commit gives the same bytes: times are the commit's, and owners are fixed.

    Args:
        workspace: root of the Git work tree. Nothing in it may differ from the commit.
        version: version of the release.
        url: address of the directory from which the archive will be downloaded.
        out: directory to write to; created if it is missing.

    Returns:
        The archive.

    Raises:
        ReleaseError: the version is malformed, the work tree has changes, or its MODULE.bazel declares no name, or a
            version.
    """
    if not _VERSION.fullmatch(version):
        raise ReleaseError(
            f"{version!r} is not a version of a Bazel module", where="--version", fix="give a version such as 1.2.0"
        )
    if changes := _git(workspace, "status", "--porcelain").decode(errors="replace").splitlines():
        raise ReleaseError(
            f"{len(changes)} files differ from the commit, {changes[0][3:]} among them",
            where=str(workspace),
            fix="commit them, or release from a clean clone",
        )
    name, module = _declare(_git(workspace, "show", f"HEAD:{_MODULE}").decode(), version, workspace / _MODULE)
    prefix = f"{name}-{version}"
    content = _pack(
        _git(workspace, "archive", "--format=tar", f"--prefix={prefix}/", "HEAD"), f"{prefix}/{_MODULE}", module
    )
    directory = out / "modules" / name / version
    directory.mkdir(parents=True, exist_ok=True)
    archive = out / f"{prefix}.tar.gz"
    with cli.output_file(archive) as stream:
        stream.write(content)
    source = {
        "integrity": "sha256-" + base64.b64encode(hashlib.sha256(content).digest()).decode(),
        "strip_prefix": prefix,
        "url": f"{url.rstrip('/')}/{archive.name}",
    }
    cli.write_text(directory / _MODULE, module)
    cli.write_text(directory / "source.json", json.dumps(source, indent=4) + "\n")
    return archive


def _declare(text: str, version: str, path: pathlib.Path) -> tuple[str, str]:
    """Return a module's name, and its MODULE.bazel with the version in it."""
    declaration = _DECLARATION.search(text)
    if not declaration:
        raise ReleaseError(
            'has no line `module(name = "NAME")`', where=str(path), fix="leave the version to the release"
        )
    name = declaration["name"]
    return name, _DECLARATION.sub(f'module(name = "{name}", version = "{version}")', text, count=1)


def _pack(tar: bytes, module_path: str, module: str) -> bytes:
    """Return a compressed copy of Git's archive with another MODULE.bazel."""
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(tar)) as source,
        # gzip's header would contain the time and a name.
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as target,
    ):
        for member in source:
            content = source.extractfile(member) if member.isreg() else None
            if member.name == module_path:
                data = module.encode()
                member.size, content = len(data), io.BytesIO(data)
            # Git's umask depends on the user; `pax_headers` repeat the member's attributes, and name the commit.
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.uid, member.gid, member.uname, member.gname, member.pax_headers = 0, 0, "", "", {}
            target.addfile(member, content)
    return packed.getvalue()


def _git(workspace: pathlib.Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(workspace), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise ReleaseError("git is not on the PATH", fix="install it") from None
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip()
        raise ReleaseError(f"git {arguments[0]} failed: {words}", where=str(workspace), fix="release from a Git clone")
    return done.stdout

# The types of the server are not among the inputs of the type check, because `//...` does not download it.
# pyright: basic, reportMissingImports=false
"""Copy results of actions from a disk cache of Bazel to a remote cache: `Server.upload` runs it.

Bazel itself does not: it does not upload the result of an action that it finds in its disk cache. A disk cache has the
messages of the protocol under their sha256: action results in `ac/`, by the digest of their action, and all contents,
including actions, in `cas/`.
"""

from __future__ import annotations

import pathlib
import sys

import grpc
from buildgrid._protos.build.bazel.remote.execution.v2 import remote_execution_pb2 as reapi
from buildgrid.server.client import actioncache, cas


def upload(disk_cache: pathlib.Path, address: str, output: str) -> int:
    """Copy the results of actions with an output of this name, and the contents of their outputs.

    Args:
        disk_cache: the disk cache.
        address: address of the remote cache, such as `grpc://127.0.0.1:8980`.
        output: end of an output's path.

    Returns:
        The number of actions.
    """
    count = 0
    with grpc.insecure_channel(address.removeprefix("grpc://")) as channel, cas.upload(channel) as contents:
        actions = actioncache.ActionCacheClient(channel)
        for path in sorted(disk_cache.glob("ac/*/*")):
            result = reapi.ActionResult.FromString(path.read_bytes())
            if not any(file.path.endswith(output) for file in result.output_files):
                continue
            action = reapi.Digest(hash=path.name, size_bytes=_content(disk_cache, path.name).stat().st_size)
            files = [file.digest for file in result.output_files]
            printed = [digest for digest in (result.stdout_digest, result.stderr_digest) if digest.hash]
            for digest in (action, *files, *printed):
                # No cache stores the empty content.
                if not digest.size_bytes:
                    continue
                with open(_content(disk_cache, digest.hash), "rb") as stream:
                    contents.put_blob(stream, digest)
            actions.update(None, action, result)
            count += 1
    return count


def _content(disk_cache: pathlib.Path, digest: str) -> pathlib.Path:
    return disk_cache / "cas" / digest[:2] / digest


if __name__ == "__main__":
    print(upload(pathlib.Path(sys.argv[1]), *sys.argv[2:]))

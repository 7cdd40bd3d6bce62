# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""Drive exec-sandbox as its users do, and print the answers as JSON.

exec_sandbox_new_test.py starts it under a newer Python than its own. Standard input is a JSON object:

* `config`: arguments of `SchedulerConfig`.
* `runs`: calls of `Scheduler.run`, one after the other, each an object of its arguments.
* `session`: arguments of `Scheduler.session`.
* `steps`: calls in the session, each an array of a method and its arguments.
"""

import asyncio
import hashlib
import http.client
import io
import json
import os
import pathlib
import platform
import sys
import time
from typing import Any

import ordinary_user
from exec_sandbox import Scheduler, SchedulerConfig

# Seconds that a server in a guest, or the client's work in the background, may take.
_LATE = 120


def pattern(size: int) -> bytes:
    """Return incompressible bytes, always the same for one size."""
    return hashlib.shake_256(str(size).encode()).digest(size)


async def get(port: int) -> str:
    """Return the body of a server's page, once the server runs."""
    end = time.monotonic() + _LATE
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            await asyncio.to_thread(connection.request, "GET", "/")
            return (await asyncio.to_thread(connection.getresponse)).read().decode()
        except (OSError, http.client.HTTPException):
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.1)
        finally:
            connection.close()


async def step(session: Any, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Execute one step, and return its result."""
    match method:
        case "exec":
            chunks: list[str] = []
            result = await session.exec(**arguments, on_stdout=chunks.append)
            return answer(result) | {"chunks": chunks}
        case "write_file":
            content = arguments.pop("content", "").encode() or pattern(arguments.pop("size", 0))
            await session.write_file(content=content, **arguments)
            return {"sha256": hashlib.sha256(content).hexdigest()}
        case "read_file":
            content = io.BytesIO()
            await session.read_file(arguments["path"], destination=content)
            data = content.getvalue()
            digest = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            return digest if arguments.get("digest") else digest | {"content": data.decode()}
        case "list_files":
            return {"files": [[file.name, file.is_dir, file.size] for file in await session.list_files(**arguments)]}
        case "get":
            return {"body": await get(session.exposed_ports[0].external)}
        case _:
            raise ValueError(f"no step {method!r}")


def answer(result: Any) -> dict[str, Any]:
    """Return the fields of a result that tests check."""
    names = ("stdout", "stderr", "exit_code", "execution_time_ms", "warm_pool_hit", "l1_cache_hit")
    return {name: getattr(result, name) for name in names}


async def in_session(scheduler: Any, request: dict[str, Any]) -> list[dict[str, Any]]:
    """Execute the steps in one session."""
    answers: list[dict[str, Any]] = []
    async with await scheduler.session(**request["session"]) as session:
        for method, arguments in request["steps"]:
            try:
                given = await step(session, method, arguments)
            except Exception as error:
                given = {"error": type(error).__name__, "message": str(error)}
            answers.append(given | {"closed": session.closed})
    return answers


async def main() -> None:
    """Execute the request and print the answers."""
    request = json.load(sys.stdin)
    cache = pathlib.Path(sys.argv[2])
    config = SchedulerConfig(
        images_dir=pathlib.Path(sys.argv[1]),
        disk_snapshot_cache_dir=cache / "disk",
        memory_snapshot_cache_dir=cache / "memory",
        auto_download_assets=False,
        **request.get("config", {}),
    )
    answers: list[dict[str, Any]] = []
    # The end of the block waits for snapshots that the client saves in the background.
    async with Scheduler(config) as scheduler:
        if config.warm_pool_size:
            await scheduler.wait_pool_ready(timeout=_LATE)
        for arguments in request.get("runs", []):
            answers.append(answer(await scheduler.run(**arguments)))
        if "session" in request:
            answers += await in_session(scheduler, request)
    print(json.dumps(answers), flush=True)


# The client selects images and QEMU by the machine's architecture.
platform.machine = lambda: os.environ["ARCHITECTURE"]
ordinary_user.become()
asyncio.run(main())

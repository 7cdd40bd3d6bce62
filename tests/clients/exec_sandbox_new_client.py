# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""Takes steps in one session of exec-sandbox, as its users do, and prints the answers as JSON.

Started by exec_sandbox_new_test.py under a newer Python than the test's. Standard input is a JSON object: `language`,
and `steps`, each an array of a method of `Session` and its arguments.
"""

import asyncio
import io
import json
import pathlib
import sys
from typing import Any

import ordinary_user
from exec_sandbox import Language, Scheduler, SchedulerConfig


async def step(session: Any, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Take one step, and return what it gave."""
    match method:
        case "exec":
            chunks: list[str] = []
            result = await session.exec(**arguments, on_stdout=chunks.append)
            return {name: getattr(result, name) for name in ("stdout", "stderr", "exit_code")} | {"chunks": chunks}
        case "write_file":
            await session.write_file(arguments["path"], arguments["content"].encode())
            return {}
        case "read_file":
            content = io.BytesIO()
            await session.read_file(arguments["path"], destination=content)
            return {"content": content.getvalue().decode()}
        case "list_files":
            return {"files": [[file.name, file.is_dir, file.size] for file in await session.list_files(**arguments)]}
        case _:
            raise ValueError(f"no step {method!r}")


async def main() -> None:
    """Boot, take the steps, print."""
    request = json.load(sys.stdin)
    cache = pathlib.Path(sys.argv[2])
    config = SchedulerConfig(
        images_dir=pathlib.Path(sys.argv[1]),
        disk_snapshot_cache_dir=cache / "disk",
        memory_snapshot_cache_dir=cache / "memory",
        auto_download_assets=False,
    )
    answers: list[dict[str, Any]] = []
    async with Scheduler(config) as scheduler:
        async with await scheduler.session(language=Language(request["language"])) as session:
            for method, arguments in request["steps"]:
                try:
                    answer = await step(session, method, arguments)
                except Exception as error:
                    answer = {"error": type(error).__name__, "message": str(error)}
                answers.append(answer | {"closed": session.closed})
        print(json.dumps(answers), flush=True)


ordinary_user.become()
asyncio.run(main())

# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""Run one piece of code with exec-sandbox, as its users do, and print what it got as JSON.

Started by exec_sandbox_test.py under a newer Python than the test's. Standard input is a JSON object with the arguments
of `Scheduler.run`.
"""

import asyncio
import json
import logging
import os
import pathlib
import platform
import sys

import ordinary_user
from exec_sandbox import Language, Scheduler, SchedulerConfig


class Warnings(logging.Handler):
    """Keeps what the client logs when it goes on without something that it was asked for."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.getMessage()}: {getattr(record, 'error', '')}")


async def main() -> None:
    """Boots, runs, prints."""
    config = SchedulerConfig(
        images_dir=pathlib.Path(sys.argv[1]), snapshot_cache_dir=pathlib.Path(sys.argv[2]), auto_download_assets=False
    )
    chunks: list[str] = []
    warnings = Warnings()
    logging.getLogger("exec_sandbox.scheduler").addHandler(warnings)
    async with Scheduler(config) as scheduler:
        try:
            arguments = json.load(sys.stdin)
            arguments["language"] = Language(arguments["language"])
            result = await scheduler.run(**arguments, on_stdout=chunks.append)
        except Exception as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        else:
            answer = {"stdout": result.stdout, "stderr": result.stderr, "exit_code": result.exit_code}
        print(json.dumps(answer | {"chunks": chunks, "warnings": warnings.lines}), flush=True)


# Images of another architecture are emulated.
platform.machine = lambda: os.environ["ARCHITECTURE"]
ordinary_user.become()
asyncio.run(main())

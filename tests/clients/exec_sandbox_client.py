# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""Run one piece of code with exec-sandbox, as its users do, and print the result as JSON.

exec_sandbox_test.py starts it under a newer Python than its own. Standard input is a JSON object with the arguments
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
    """Collect the warnings that the client logs when it ignores a failure."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.getMessage()}: {getattr(record, 'error', '')}")


async def main() -> None:
    """Boot a guest, run the code and print the result."""
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

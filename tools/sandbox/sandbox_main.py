"""Boot images, run code in them, copy files, open shells.

Commands, in a new guest that ends with the command, or with --guest=NAME in a running guest of `boot`:

  run                 runs --code, --file or standard input; --put and --get copy files before and after
  shell               opens a shell on this terminal; ~. at the beginning of a line leaves it
  boot                boots a guest, shows its console, and keeps it for other commands until ^C
  console NAME        shows the console of a guest of `boot`
  cp SOURCE TARGET    copies a file or a directory into a guest or out of it: one of the two is NAME:PATH
  ls NAME:[PATH]      lists a directory of a guest
  list                lists the images and the running guests

The default command is `run` if there is code or no terminal, and `shell` otherwise. Paths in a guest are relative to
its user's home. Exit codes: that of the program; 125 if the guest or its agent failed, 1 for bad input, 2 for bad
usage.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Coroutine, Sequence
from typing import Any

from absl import flags

from tools.cli import cli
from tools.sandbox import errors, machine
from tools.sandbox.commands import console, files, guests, images, run, session, shell

EXIT_SANDBOX = 125
"""Exit code for failures of the guest or the agent: few programs use it."""

_COMMANDS = ("boot", "console", "cp", "list", "ls", "run", "shell")

_AVAILABLE = flags.DEFINE_multi_string("available", [], "An image. The target sets this flag.")
_IMAGE = flags.DEFINE_string("image", None, "The image to boot, such as python_x86_64. Optional if there is only one.")
_GUEST = flags.DEFINE_string("guest", None, "Name of a guest of `boot`, to use instead of a new one.")
_NAME = flags.DEFINE_string("name", "guest", "Name of the guest that `boot` boots.")
_LANGUAGE = flags.DEFINE_enum(
    "language", None, ["javascript", "python", "raw"], "Language of the code. Default: the image's language."
)
_CODE = flags.DEFINE_string("code", None, "The program. For `shell`, the program on the terminal.")
_FILE = flags.DEFINE_string("file", None, "File with the program.")
_STDIN = flags.DEFINE_boolean("stdin", False, "Whether the program reads standard input.")
_ENV = flags.DEFINE_multi_string("env", [], "NAME=VALUE to add to the program's environment. Repeatable.")
_PUT = flags.DEFINE_multi_string(
    "put", [], "HOST=GUEST, a file or directory to copy in before the program. Repeatable."
)
_GET = flags.DEFINE_multi_string("get", [], "GUEST=HOST, a file or directory to copy out after it. Repeatable.")
_TIMEOUT = flags.DEFINE_integer(
    "timeout", 60, "Seconds after which the guest ends the program.", lower_bound=1, upper_bound=300
)
_MEMORY = flags.DEFINE_integer("memory", 512, "A guest's memory in MiB.", lower_bound=128)
_CONSOLE = flags.DEFINE_boolean("console", None, "Whether to show the boot. Default: only for `shell`.")


def main(arguments: Sequence[str]) -> int:
    """Execute the command, and return the exit code."""
    command, *rest = arguments or [_default_command()]
    if command not in _COMMANDS:
        raise cli.UsageError(f"{command!r} is not one of the commands {', '.join(_COMMANDS)}")
    count = {"console": 1, "cp": 2, "ls": 1}.get(command, 0)
    if len(rest) != count:
        raise cli.UsageError(f"{command} takes {count or 'no'} argument{'' if count == 1 else 's'}, not {len(rest)}")
    try:
        return asyncio.run(_guarded(_command(command, rest)))
    except errors.SandboxError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return EXIT_SANDBOX
    except shell.Left:
        print("\nshell: left", file=sys.stderr)
        return EXIT_SANDBOX


def _default_command() -> str:
    has_code = _CODE.value is not None or _FILE.value is not None
    return "run" if has_code or not sys.stdin.isatty() else "shell"


async def _guarded(work: Coroutine[Any, Any, int]) -> int:
    """Clean up when the program is asked to end: end guests, restore the terminal."""
    task = asyncio.ensure_future(work)
    caught: list[int] = []

    def end(number: int) -> None:
        caught.append(number)
        task.cancel()

    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not caught:
            raise
        return 128 + caught[0]


async def _command(command: str, arguments: Sequence[str]) -> int:
    match command:
        case "boot":
            return await _boot()
        case "console":
            await console.follow(guests.find(arguments[0]), session.show)
        case "cp":
            await _copy(*arguments)
        case "list":
            _list()
        case "ls":
            name, path = _guest_path(arguments[0]) or (arguments[0], "")
            async with session.attached(name) as opened:
                for line in await files.listing(opened.agent, path):
                    print(line)
        case "run":
            return await _run()
        case _:
            return await _shell()
    return 0


def _images() -> dict[str, images.Image]:
    return images.parse(_AVAILABLE.value, _MEMORY.value)


@contextlib.asynccontextmanager
async def _session(*, show_console: bool) -> AsyncGenerator[session.Session]:
    if _GUEST.value is not None:
        if _IMAGE.value is not None:
            raise cli.UsageError("--guest has an image already: omit --image")
        async with session.attached(_GUEST.value) as opened:
            yield opened
    else:
        image = images.choose(_images(), _IMAGE.value)
        shows = show_console if _CONSOLE.value is None else _CONSOLE.value
        async with session.fresh(image, show_console=shows) as opened:
            yield opened


async def _boot() -> int:
    image = images.choose(_images(), _IMAGE.value)
    guest = await session.accelerated(image)
    with guests.booting(_NAME.value, image) as directory:
        print(f"boot: {image.name} as guest {_NAME.value!r}; ^C ends it", file=sys.stderr)
        async with machine.Machine(guest, directory) as running:
            await console.follow(running, session.show)
            return EXIT_SANDBOX if await running.wait(60) else 0


async def _copy(source: str, target: str) -> None:
    from_guest, to_guest = _guest_path(source), _guest_path(target)
    if bool(from_guest) == bool(to_guest):
        raise cli.UsageError("cp takes one path of the host and one of a guest, NAME:PATH")
    if from_guest:
        async with session.attached(from_guest[0]) as opened:
            await files.get(opened.agent, from_guest[1], target)
    elif to_guest:
        async with session.attached(to_guest[0]) as opened:
            await files.put(opened.agent, source, to_guest[1])


def _guest_path(argument: str) -> tuple[str, str] | None:
    """Split NAME:PATH. A path of the host with a colon must have a slash before it."""
    name, colon, path = argument.partition(":")
    return (name, path) if colon and "/" not in name else None


def _list() -> None:
    for image in _images().values():
        print(f"image {image.name}: {image.guest.architecture}, {image.language}")
    for guest in guests.running():
        print(f"guest {guest.name}: {guest.image}")


async def _run() -> int:
    code = _code()
    request = run.Request(
        language=_LANGUAGE.value,
        code=sys.stdin.read() if code is None else code,
        timeout=_TIMEOUT.value,
        env_vars=dict(_variable(value) for value in _ENV.value),
        stdin=_STDIN.value,
        put=[cli.key_value("put", value) for value in _PUT.value],
        get=[cli.key_value("get", value) for value in _GET.value],
    )
    if _STDIN.value and code is None:
        raise cli.UsageError("--stdin needs a program of --code or --file")
    async with _session(show_console=False) as opened:
        return await run.run(opened.agent, request, opened.language)


def _variable(value: str) -> tuple[str, str]:
    # Unlike values of other flags, a variable may be empty.
    name, sign, rest = value.partition("=")
    if not name or not sign:
        raise cli.UsageError(f"--env={value}: must have the form --env=NAME=VALUE")
    return name, rest


async def _shell() -> int:
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise cli.UsageError("a shell needs a terminal: use run")
    code = _code()
    language = "raw" if code is None else _LANGUAGE.value
    async with _session(show_console=True) as opened:
        return await shell.run(opened.agent, shell.SHELL if code is None else code, language or opened.language)


def _code() -> str | None:
    if _CODE.value is not None and _FILE.value is not None:
        raise cli.UsageError("give --code or --file, not both")
    return files.host_path(_FILE.value).read_text() if _FILE.value is not None else _CODE.value


if __name__ == "__main__":
    cli.run_command(main)

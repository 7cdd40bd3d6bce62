"""Write the report on the images: `./bazelw run //images:report -- --out=DIR`."""

from __future__ import annotations

import asyncio
import datetime
import os
import pathlib
import shlex
import sys
from collections.abc import Sequence

from absl import flags

from tools.cli import cli, errors
from tools.measure import boots
from tools.report import contents, report
from tools.sandbox.errors import SandboxError

_DIST = flags.DEFINE_string("dist", None, "Directory of the distribution.", required=True)
_AGAINST = flags.DEFINE_string("against", None, "Directory of an earlier distribution to compare with.")
_OUT = flags.DEFINE_string("out", None, "Directory for report.html. It is created if its parent exists.", required=True)
_DISKS = flags.DEFINE_multi_string("disk", [], "ARCHITECTURE=FILE: a disk to boot.")
_GUESTS = flags.DEFINE_multi_string(
    "guest", [], "ARCHITECTURE=QEMU,KERNEL,INITRAMFS,MACHINE: the files and the machine that boot these disks."
)
_BOOTS = flags.DEFINE_integer("boots", 3, "Boots of each disk; 0 for a report without boots.", lower_bound=0)

# Flags that the target gives.
_TARGET = ("--dist=", "--disk=", "--guest=")


def main() -> None:
    """Read the distributions, boot each disk, and write the page."""
    now = contents.load(pathlib.Path(_DIST.value))
    earlier = contents.load(_callers(_AGAINST.value)) if _AGAINST.value else None
    out = _callers(_OUT.value)
    out.mkdir(exist_ok=True)
    booted = dict(map(_boot, _DISKS.value)) if _BOOTS.value else {}
    every = [boot for several in booted.values() for boot in several]
    facts = [
        ("command", _command(sys.argv[1:])),
        ("date", f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M UTC}"),
        *([("compared with", _AGAINST.value)] if _AGAINST.value else []),
        *([("boots", f"{_BOOTS.value} of each disk, on {boots.surroundings(every)}")] if booted else []),
    ]
    cli.write_text(out / "report.html", report.render(report.Report(now, earlier, booted, facts)))
    print(f"wrote {out / 'report.html'}", flush=True)


def _boot(value: str) -> tuple[str, list[boots.Boot]]:
    """Boot a disk, and return the name of its file and its boots.

    Raises:
        InputError: it does not boot.
    """

    async def boot() -> tuple[str, list[boots.Boot]]:
        guest = await boots.with_disk(boots.guests(_GUESTS.value), value)
        assert guest.disk
        name = guest.disk.name
        try:
            done = [await boots.boot(guest) for _ in range(_BOOTS.value)]
        except SandboxError as error:
            raise errors.InputError(
                f"does not boot: {str(error).splitlines()[0]}", where=name, fix="boot it with //tools/sandbox"
            ) from error
        print(f"{name}: {min(each.seconds for each in done):.1f} s", file=sys.stderr, flush=True)
        return name, done

    return asyncio.run(boot())


def _callers(name: str) -> pathlib.Path:
    """Return a path relative to the caller's directory: `bazel run` starts its program elsewhere."""
    return pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."), name).absolute()


def _command(arguments: Sequence[str]) -> str:
    given = [argument for argument in arguments if not argument.startswith(_TARGET)]
    return f"./bazelw run //images:report -- {shlex.join(given)}"


if __name__ == "__main__":
    cli.run(main)

"""Create the programs that a wheel defines as functions (entry_points.txt)."""

from __future__ import annotations

import re
from collections.abc import Iterator

INTERPRETER = "#!/usr/bin/python3\n"
"""First line of Python programs in guests."""

# Guests have no desktop, so both kinds are the same.
_SECTIONS = ("console_scripts", "gui_scripts")
_REFERENCE = re.compile(r"(?P<module>[\w.]+)\s*:\s*(?P<function>[\w.]+)(?:\s*\[.*\])?")

# The guard matters to `multiprocessing`, whose new processes import the program again.
_LAUNCHER = """\
{interpreter}import sys
from {module} import {first}
if __name__ == "__main__":
    sys.exit({function}())
"""


class EntryPointError(ValueError):
    """Report a malformed program. The text is a clause."""


def launchers(text: str) -> dict[str, str]:
    """Return the text of each program by its name. The last of several programs with one name counts.

    Raises:
        EntryPointError: a program's name or function is malformed.
    """
    programs: dict[str, str] = {}
    for name, reference in _programs(text):
        match = _REFERENCE.fullmatch(reference)
        if not match or not name or "/" in name:
            raise EntryPointError(f"has a bad program {name!r} = {reference!r} in its entry_points.txt")
        function = match["function"]
        programs[name] = _LAUNCHER.format(
            interpreter=INTERPRETER,
            module=match["module"],
            first=function.partition(".")[0],
            function=function,
        )
    return programs


def _programs(text: str) -> Iterator[tuple[str, str]]:
    """Read the sections of programs as importlib.metadata does; configparser reads some indented lines as values."""
    section = ""
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
        elif section in _SECTIONS:
            name, _, reference = line.partition("=")
            yield name.strip(), reference.strip()

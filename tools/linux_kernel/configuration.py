"""Read configuration fragments, and check that a final configuration fulfils them."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence

from tools.cli import errors

_SET = re.compile(r"CONFIG_(?P<name>[A-Za-z0-9_]+)=(?P<value>.+)", re.ASCII)
_UNSET = re.compile(r"# CONFIG_(?P<name>[A-Za-z0-9_]+) is not set", re.ASCII)


class ConfigurationError(errors.InputError):
    """Report a malformed fragment, or a line of one that does not hold."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """A line of a fragment, which sets an option.

    Attributes:
        name: the option, without `CONFIG_`.
        value: its value as in the file, or `n` where the option is off.
        where: file and line.
    """

    name: str
    value: str
    where: str

    def __str__(self) -> str:
        return f"# CONFIG_{self.name} is not set" if self.value == "n" else f"CONFIG_{self.name}={self.value}"


def read_fragments(paths: Sequence[str]) -> dict[str, Setting]:
    """Read fragments: lines of a configuration, comments and blank lines.

    Returns:
        Settings by name, in the order of the lines.

    Raises:
        ConfigurationError: a line is malformed, or sets an option a second time.
    """
    settings: dict[str, Setting] = {}
    for path in paths:
        for number, line in enumerate(pathlib.Path(path).read_text("utf-8").splitlines(), start=1):
            where = f"{path}:{number}"
            setting = _parse(line, where)
            if setting is None:
                if line.strip() and not line.startswith("#"):
                    raise ConfigurationError(
                        f"{line[:80]!r} is not a line of a configuration",
                        where=where,
                        fix="write CONFIG_NAME=value, # CONFIG_NAME is not set, or a comment",
                    )
                continue
            if setting.name in settings:
                raise ConfigurationError(
                    f"CONFIG_{setting.name} is set already, by {settings[setting.name].where}",
                    where=where,
                    fix="remove one of the two lines",
                )
            settings[setting.name] = setting
    return settings


def parse(text: str) -> dict[str, str]:
    """Return the values of a whole `.config` by name, without the options that are off."""
    settings = (_parse(line, "") for line in text.splitlines())
    return {setting.name: setting.value for setting in settings if setting and setting.value != "n"}


def check(settings: Iterable[Setting], final: Mapping[str, str], source: pathlib.Path, arch: str) -> None:
    """Check that all settings hold.

    Args:
        settings: settings of the fragments.
        final: values of the final configuration, from `parse`.
        source: the kernel's source, whose Kconfig files have the dependencies of options.
        arch: the kernel's name of the architecture; definitions of others are ignored.

    Raises:
        ConfigurationError: a setting does not hold. The message names the line and the dependencies of the first such
            option, and the names of the others.
    """
    broken = [setting for setting in settings if final.get(setting.name, "n") != setting.value]
    if not broken:
        return
    first, *others = broken
    shown = Setting(first.name, final.get(first.name, "n"), "")
    more = f"; neither do {', '.join(f'CONFIG_{setting.name}' for setting in others)}" if others else ""
    raise ConfigurationError(
        f"{first} does not hold: the final configuration has '{shown}'",
        where=first.where,
        fix=_reason(first, source, arch) + more,
    )


def _parse(line: str, where: str) -> Setting | None:
    if match := _SET.fullmatch(line):
        return Setting(match["name"], match["value"], where)
    if match := _UNSET.fullmatch(line):
        return Setting(match["name"], "n", where)
    return None


def _reason(setting: Setting, source: pathlib.Path, arch: str) -> str:
    """Return a reason why an option may lack its value, from its definitions."""
    definition = re.compile(rf"[ \t]*(?:menu)?config[ \t]+{setting.name}[ \t]*", re.ASCII)
    found: list[str] = []
    needs: list[str] = []
    for path in sorted(source.rglob("Kconfig*")):
        name = path.relative_to(source)
        if not path.is_file() or (name.parts[0] == "arch" and name.parts[1] not in ("Kconfig", arch)):
            continue
        inside = False
        around: list[str] = []
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
            if line.startswith("if "):
                around.append(line.strip())
            elif line.startswith("endif") and around:
                around.pop()
            if definition.fullmatch(line):
                inside = True
                found.append(f"{name}:{number}")
                needs += around
            elif inside and line and not line[0].isspace():
                inside = False
            elif inside and line.split()[:2] == ["depends", "on"]:
                needs.append(line.strip())
    if not found:
        return "no Kconfig file defines this option; correct its name"
    depends = f" ({', '.join(needs)})" if needs else ""
    if setting.value == "n":
        return f"another option selects it; see {found[0]}"
    return f"turn on its dependencies, see {', '.join(found)}{depends}, and the menus around it"

"""Solve which modules an initramfs needs, and the order of loading them."""

from __future__ import annotations

import dataclasses
import functools
import tarfile
from collections.abc import Mapping, Sequence

from tools.cli import errors
from tools.extract_kernel import modinfo
from tools.extract_kernel.modinfo import module_name, normalise
from tools.mkinitramfs import patterns

PLAN_LIMIT = 4096
"""Most bytes of a plan for tiny-init (`LIMIT` of agents/tiny_init/logic/src/plan.rs)."""

_DIRECTORY = "lib/modules/"
_ALWAYS = "always"
"""The group that every boot loads before the others."""


class ModulesError(errors.InputError):
    """Missing modules, or an archive that lacks files for solving."""


@dataclasses.dataclass(frozen=True)
class Module:
    """A module to pack.

    Attributes:
        group: a group that needs it.
        file: file name in the initramfs, such as `zram.ko`: as shipped, unpacked.
        data: the module, unpacked.
        firmware: paths below lib/firmware of files that it may load into a device.
        weak: names of modules that it may request while it runs.
    """

    group: str
    file: str
    data: bytes
    firmware: Sequence[str] = ()
    weak: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Plan:
    """The modules to pack and to load.

    Attributes:
        release: the kernel's release.
        modules: in the order of loading. In every group each module follows its dependencies, except those of the group
            `always`, which is loaded first.
        builtin: pairs of group and wanted name that are part of the kernel.
    """

    release: str
    modules: Sequence[Module]
    builtin: Sequence[tuple[str, str]]

    def render(self) -> str:
        """Return the text of /modules/plan: one line `GROUP FILE` for each module.

        Raises:
            ModulesError: it is longer than the init program's limit.
        """
        lines = [f"# kernel {self.release}: GROUP FILE, in the order of loading\n"]
        lines += [f"# {group} {name} is built in\n" for group, name in self.builtin]
        lines += [f"{module.group} {module.file}\n" for module in self.modules]
        text = "".join(lines)
        if len(text.encode()) > PLAN_LIMIT:
            raise ModulesError(
                f"the plan of {len(self.modules)} modules has {len(text.encode()):,} bytes, "
                f"but the init program reads {PLAN_LIMIT:,}",
                where=f"kernel {self.release}",
                fix="pack fewer modules, or use a kernel with built-in ones",
            )
        return text


def solve(tar_path: str, wanted: Sequence[tuple[str, str]], architecture: str) -> Plan:
    """Solve the closure of the wanted modules.

    Args:
        tar_path: archive of lib/modules/RELEASE, an output of extract_kernel.
        wanted: pairs of group and module name. Groups keep the order of their first mention, except for `always`, which
            comes first.
        architecture: `aarch64` or `x86_64`.

    Raises:
        ModulesError: a module is neither a file nor built in; the message names the release.
        InputError: the archive is damaged, or a module is of another architecture or kernel.
    """
    groups: dict[str, list[str]] = {_ALWAYS: []}
    for group, name in wanted:
        groups.setdefault(group, []).append(name)
    try:
        with tarfile.open(tar_path, "r:", encoding="utf-8") as tar:
            return _Solver(tar, tar_path, architecture).run(groups)
    except tarfile.TarError as error:
        raise ModulesError(f"is not a tar archive, or damaged: {error}", where=tar_path) from None


class _Solver:
    def __init__(self, tar: tarfile.TarFile, where: str, architecture: str) -> None:
        self._tar = tar
        self._where = where
        self._architecture = architecture
        self._members = {member.name: member for member in tar if member.isfile()}
        releases = {
            name.removeprefix(_DIRECTORY).partition("/")[0] for name in self._members if name.startswith(_DIRECTORY)
        }
        if len(releases) != 1:
            raise ModulesError(f"has modules of {len(releases)} kernels, not one", where=where)
        self.release = releases.pop()
        self._needs = self._read_dep()
        self._by_name = {module_name(path): path for path in self._needs}
        self._softdeps = self._read_softdeps()
        self._builtin = {module_name(line) for line in self._text("modules.builtin").split()}

    def run(self, groups: Mapping[str, Sequence[str]]) -> Plan:
        # Each group may be loaded without the others, except for the first.
        always: dict[str, None] = {}
        orders: dict[str, dict[str, None]] = {}
        builtin: list[tuple[str, str]] = []
        for group, names in groups.items():
            order = always if group == _ALWAYS else dict(always)
            orders[group] = order
            for name in names:
                found = self._find(name)
                if not found and self._is_builtin(name):
                    builtin.append((group, name))
                elif not found:
                    raise ModulesError(
                        f"kernel {self.release} has no module {name}, neither as a file nor built in",
                        where=f"group {group}",
                        fix="correct the name, or drop it for this kernel",
                    )
                for path in found:
                    self._load(path, order, ())
        return Plan(
            release=self.release,
            modules=[
                self._module(path, group)
                for group, order in orders.items()
                for path in order
                if group == _ALWAYS or path not in always
            ],
            builtin=builtin,
        )

    def _load(self, path: str, order: dict[str, None], stack: tuple[str, ...]) -> None:
        """Add a module and its dependencies to the order, each after its own dependencies."""
        # Soft dependencies may be circular: the first one found is loaded first.
        if path in order or path in stack:
            return
        stack = (*stack, path)
        before, after = self._softdeps.get(module_name(path), ((), ()))
        for name in before:
            for other in self._find(name):
                self._load(other, order, stack)
        for other in reversed(self._needs[path]):
            self._load(other, order, stack)
        order[path] = None
        for name in after:
            for other in self._find(name):
                self._load(other, order, stack)

    def _find(self, name: str) -> list[str]:
        """Return the paths of the modules with a name, or else with an alias."""
        name = normalise(name)
        if name in self._by_name:
            return [self._by_name[name]]
        if name in self._builtin:
            return []
        found = {
            self._by_name[module]: None
            for pattern, module in self._aliases
            if module in self._by_name and patterns.matches(pattern, name)
        }
        return list(found)

    def _is_builtin(self, name: str) -> bool:
        name = normalise(name)
        return name in self._builtin or any(patterns.matches(pattern, name) for pattern in self._builtin_aliases)

    def _module(self, path: str, group: str) -> Module:
        stream = self._tar.extractfile(self._members[self._directory + path])
        if stream is None:
            raise ModulesError(f"has no content for {path}", where=self._where)
        data = modinfo.decompress(stream.read(), path)
        info = modinfo.read(data, self._architecture, self.release, f"{self._where}: {path}")
        file = path.rpartition("/")[2].partition(".ko")[0] + ".ko"
        return Module(group, file, data, info.firmware, [name for text in info.weakdeps for name in text.split()])

    @property
    def _directory(self) -> str:
        return f"{_DIRECTORY}{self.release}/"

    def _text(self, name: str) -> str:
        member = self._members.get(self._directory + name)
        stream = self._tar.extractfile(member) if member else None
        if stream is None:
            raise ModulesError(f"has no {name}", where=self._where, fix="create the archive with extract_kernel")
        return stream.read().decode("utf-8", "replace")

    def _lines(self, name: str) -> list[str]:
        return [line for line in self._text(name).split("\n") if line and line[0] != "#"]

    def _read_dep(self) -> dict[str, list[str]]:
        needs: dict[str, list[str]] = {}
        for line in self._lines("modules.dep"):
            path, _, others = line.partition(":")
            needs[path] = others.split()
        for path, others in needs.items():
            for name in (path, *others):
                if self._directory + name not in self._members or name not in needs:
                    raise ModulesError(f"its modules.dep names {name}, which it lacks", where=self._where)
        return needs

    # Most archives need no alias: the wanted modules have their own names.
    @functools.cached_property
    def _aliases(self) -> list[tuple[str, str]]:
        # A pattern may contain spaces, a module's name may not.
        lines = [line.removeprefix("alias ").rpartition(" ") for line in self._lines("modules.alias")]
        return [(patterns.normalise(pattern), normalise(name)) for pattern, _, name in lines]

    def _read_softdeps(self) -> dict[str, tuple[list[str], list[str]]]:
        softdeps: dict[str, tuple[list[str], list[str]]] = {}
        for line in self._lines("modules.softdep"):
            _, name, *words = line.split()
            before, after = softdeps.setdefault(normalise(name), ([], []))
            current: list[str] | None = None
            for word in words:
                if word in ("pre:", "post:"):
                    current = before if word == "pre:" else after
                elif current is not None:
                    # Words before the first of the two are ignored, as modprobe does.
                    current.append(word)
        return softdeps

    @functools.cached_property
    def _builtin_aliases(self) -> list[str]:
        name = "modules.builtin.modinfo"
        # Kernels before 5.2 have no such file.
        items = self._text(name).split("\0") if self._directory + name in self._members else []
        pairs = (item.partition("=") for item in items)
        return [patterns.normalise(value) for key, _, value in pairs if key.endswith(".alias")]

"""Solve the dependencies of modules, and write them like depmod(8).

Debian's kernel packages have no modules.dep: their postinst would run depmod. `depends=`, which modpost writes into
every module, names all modules whose symbols it uses, so the solver reads no symbol tables.
"""

from __future__ import annotations

from collections.abc import Mapping

from tools.cli import errors
from tools.extract_kernel.modinfo import ModInfo, module_name

_CHAIN_MAX = 300
"""Longest chain of dependent modules; the kernel's own chains have about ten."""


_SEARCH = ("updates", "extra", "", "weak-updates")
"""Directories: a module in an earlier one hides modules of the same name in later ones. The empty name is any other
directory. depmod.d(5) calls this `search`; distributions set it to these values.
"""


class DependencyError(errors.InputError):
    """Modules with dependencies that cannot be satisfied."""


def index(infos: Mapping[str, ModInfo], builtin: str, order: str, where: str) -> dict[str, str]:
    """Return the texts of modules.dep, modules.softdep and modules.alias by file name.

    Args:
        infos: modules by path relative to the release's directory, such as kernel/mm/zsmalloc.ko.xz.
        builtin: text of modules.builtin, the modules that are part of the kernel.
        order: text of modules.order, whose order the lines keep.
        where: the package, for errors.

    Raises:
        DependencyError: a module needs a missing one, or itself, or two files of equal priority have one name.
    """
    ranks = {module_name(line): number for number, line in enumerate(order.split())}
    by_name = _by_name(infos, where)
    ordered = sorted(by_name.values(), key=lambda path: (ranks.get(infos[path].name, len(ranks)), path))
    builtin_names = {module_name(line) for line in builtin.split()}
    solver = _Solver(infos, by_name, builtin_names, where)
    deps = "".join(f"{path}:{''.join(' ' + other for other in solver.needs(path))}\n" for path in ordered)
    softdeps = "".join(f"softdep {infos[path].name} {text}\n" for path in ordered for text in infos[path].softdeps)
    aliases = "".join(f"alias {alias} {infos[path].name}\n" for path in ordered for alias in infos[path].aliases)
    return {
        "modules.dep": deps,
        "modules.softdep": "# Soft dependencies extracted from modules themselves.\n" + softdeps,
        "modules.alias": "# Aliases extracted from modules themselves.\n" + aliases,
    }


def _by_name(infos: Mapping[str, ModInfo], where: str) -> dict[str, str]:
    """Return each module's path by its name."""
    found: dict[str, str] = {}
    for path in sorted(infos, key=lambda path: (_place(path), path)):
        other = found.setdefault(infos[path].name, path)
        if other != path and _place(other) == _place(path):
            raise DependencyError(f"has two modules {infos[path].name}: {other} and {path}", where=where)
    return found


def _place(path: str) -> int:
    first = path.partition("/")[0]
    return _SEARCH.index(first if first in _SEARCH else "")


class _Solver:
    def __init__(self, infos: Mapping[str, ModInfo], by_name: Mapping[str, str], builtin: set[str], where: str) -> None:
        self._infos = infos
        self._by_name = by_name
        self._builtin = builtin
        self._where = where
        self._known: dict[str, list[str]] = {}

    def needs(self, path: str) -> list[str]:
        """Return all direct and indirect dependencies of a module, each before its own dependencies."""
        return list(reversed(self._before(path, [])))

    def _before(self, path: str, stack: list[str]) -> list[str]:
        """Return the same, each after its own dependencies: the order of loading."""
        if path in stack:
            names = " needs ".join(module_name(step) for step in [*stack[stack.index(path) :], path])
            raise DependencyError(f"has modules that depend on each other: {names}", where=self._where)
        if len(stack) > _CHAIN_MAX:
            raise DependencyError(
                f"has a chain of more than {_CHAIN_MAX} modules that depend on each other", where=self._where
            )
        if path not in self._known:
            found: dict[str, None] = {}
            for name in self._infos[path].depends:
                if name in self._by_name:
                    other = self._by_name[name]
                    found |= dict.fromkeys([*self._before(other, [*stack, path]), other])
                elif name not in self._builtin:
                    raise DependencyError(
                        f"{path} needs module {name}, which is neither a file nor built in",
                        where=self._where,
                        fix="also pass the package that contains it, such as linux-modules-RELEASE",
                    )
            self._known[path] = list(found)
        return self._known[path]

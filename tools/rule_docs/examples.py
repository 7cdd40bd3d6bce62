"""Check the examples in the docstrings of .bzl files."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from tools.rule_docs import module_info

_EXAMPLE = re.compile(r"^```starlark\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# Attributes of every rule, which an extract does not list.
_COMMON = {"name", "size", "tags", "testonly", "visibility"}


@dataclasses.dataclass(frozen=True)
class _Declared:
    """A rule, macro or tag, with its attributes; `open` if it passes on other attributes."""

    mandatory: set[str]
    known: set[str]
    open: bool = False


def check(module: Any, label: str) -> None:
    """Check that the example in a file's docstring calls everything that the file declares, with its attributes.

    Args:
        module: `ModuleInfo` of the file.
        label: name of the file, for errors.

    Raises:
        ExtractError: a symbol has no example, or an example has unknown attributes, or lacks mandatory ones.
    """
    missing = dict(_declared(module))
    declared = dict(missing)
    for example in _EXAMPLE.findall(module_info.text(module.module_docstring)):
        try:
            tree = ast.parse(example)
        except SyntaxError as error:
            raise module_info.ExtractError(f"its example is not Starlark: {error}", where=label) from None
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func)
            missing.pop(name, None)
            if name in declared:
                _check_call(call, name, declared[name], label)
    for name in missing:
        raise module_info.ExtractError(f"{name} is not in the example of the file's docstring", where=label)


def _check_call(call: ast.Call, name: str, declared: _Declared, label: str) -> None:
    given = {keyword.arg for keyword in call.keywords if keyword.arg}
    for absent in sorted(declared.mandatory - given):
        raise module_info.ExtractError(f"the example of {name} has no {absent}", where=label)
    for unknown in sorted(given - declared.known - _COMMON):
        if not declared.open:
            raise module_info.ExtractError(f"the example of {name} has {unknown}, which does not exist", where=label)


def _declared(module: Any) -> Iterator[tuple[str, _Declared]]:
    described = [(rule.name, rule.attribute) for rule in module.rule_info]
    described += [
        (f"{extension.name}.{tag.name}", tag.attribute)
        for extension in module.module_extension_info
        for tag in extension.tag
    ]
    for name, attributes in described:
        yield (
            name,
            _Declared(
                {attribute.name for attribute in attributes if attribute.mandatory},
                {attribute.name for attribute in attributes},
            ),
        )
    for function in module.func_info:
        parameters = function.parameter
        yield (
            function.name,
            _Declared(
                {parameter.name for parameter in parameters if parameter.mandatory},
                {parameter.name for parameter in parameters},
                open=any(not parameter.mandatory and not parameter.default for parameter in parameters),
            ),
        )

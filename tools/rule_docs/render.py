"""Write the reference of rules, macros, providers and module extensions as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tools.rule_docs import examples, module_info

_HEAD = """\
# Rules

Generated from the docstrings by `{command}`. Labels are those of this workspace; another module writes
`@sandbox_images` before them.
"""

# Kinds of symbols that no public file has so far. The reference must not silently omit them.
_NOT_RENDERED = ("aspect_info", "macro_info", "repository_rule_info")


def reference(modules: Iterable[Any], command: str) -> str:
    """Return the whole document.

    Args:
        modules: `ModuleInfo` of each file, in the order of the document.
        command: command that updates the document.

    Raises:
        ExtractError: a public symbol has no docstring or no example, or is of a kind without a renderer.
    """
    ordered = list(modules)
    contents = [f"- [`{_label(module)}`](#{_anchor(_label(module))})" for module in ordered]
    parts = [_HEAD.format(command=command), "\n".join(contents) + "\n"]
    for module in ordered:
        parts.extend(_module(module))
    return "\n".join(parts)


def _label(module: Any) -> str:
    return "//" + module.file.removeprefix("@@").removeprefix("//")


def _anchor(heading: str) -> str:
    """Return GitHub's anchor of a heading."""
    return "".join(c for c in heading.lower().replace(" ", "-") if c.isalnum() or c in "-_")


def _module(module: Any) -> Iterator[str]:
    label = _label(module)
    for kind in _NOT_RENDERED:
        for symbol in getattr(module, kind):
            raise module_info.ExtractError(f"{symbol.name}: tools/rule_docs cannot render {kind}", where=label)
    examples.check(module, label)
    yield f"## `{label}`\n\n{_documented(module.module_docstring, label, 'the file')}\n"
    for rule in module.rule_info:
        kind = "Test rule" if rule.test else "Executable rule" if rule.executable else "Rule"
        yield _section(3, kind, rule.name, rule.doc, label)
        # Every target has a name.
        yield _attributes([found for found in rule.attribute if found.name != "name"], label, rule.name)
    for function in module.func_info:
        yield _section(3, "Macro", function.name, function.doc, label)
        yield _parameters(function, label)
    for provider in module.provider_info:
        yield _section(3, "Provider", provider.name, provider.doc, label)
        yield _table(
            ("field", "description"),
            [(f"`{field.name}`", _documented(field.doc, label, provider.name, field.name)) for field in provider.field],
        )
    for extension in module.module_extension_info:
        yield _section(3, "Module extension", extension.name, extension.doc, label)
        for tag in extension.tag:
            name = f"{extension.name}.{tag.name}"
            yield _section(4, "Tag", name, tag.doc, label)
            yield _attributes(tag.attribute, label, name)


def _section(level: int, kind: str, name: str, doc: str, label: str) -> str:
    return f"{'#' * level} {kind} `{name}`\n\n{_documented(doc, label, name)}\n"


def _attributes(attributes: Sequence[Any], label: str, owner: str) -> str:
    rows: list[tuple[str, str, str, str]] = []
    for attribute in sorted(attributes, key=lambda found: found.name):
        number: int = attribute.type
        kind = module_info.ATTRIBUTE_TYPES[number]
        doc = _documented(attribute.doc, label, owner, attribute.name)
        if attribute.values:
            doc += " One of " + ", ".join(f"`{value}`" for value in attribute.values) + "."
        alternatives = [" and ".join(f"`{name}`" for name in names.name) for names in attribute.providers]
        if alternatives:
            doc += f" Must provide {' or '.join(alternatives)}."
        rows.append((f"`{attribute.name}`", kind, _default(attribute), doc))
    return _table(("attribute", "type", "default", "description"), rows)


def _parameters(function: Any, label: str) -> str:
    rows: list[tuple[str, str, str]] = []
    for parameter in function.parameter:
        # All others are mandatory or have a default.
        rest = not parameter.mandatory and not parameter.default
        name = ("**" if rest else "") + parameter.name
        rows.append((f"`{name}`", _default(parameter), _documented(parameter.doc, label, function.name, name)))
    text = _table(("parameter", "default", "description"), rows)
    return text + (f"\nReturns {function.returned.doc}\n" if function.returned.doc else "")


def _default(described: Any) -> str:
    if described.mandatory:
        return "required"
    return f"`{module_info.text(described.default)}`" if described.default else ""


def _documented(doc: str, label: str, *owner: str) -> str:
    text = module_info.text(doc).strip()
    if not text:
        raise module_info.ExtractError(f"{' '.join(owner)} has no docstring", where=label)
    return text


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *([_cell(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

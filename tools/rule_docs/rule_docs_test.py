"""Test of the reference's reader and writer."""

from __future__ import annotations

from typing import Any

import pytest

from tools.rule_docs import module_info, render

_EXAMPLE = "```starlark\n{}\n```\n"


def _module(example: str = "", **values: Any) -> Any:
    docstring = "Rules.\n\n" + _EXAMPLE.format(example) if example else "Rules."
    return module_info.ModuleInfo(file="@@//tools/x:defs.bzl", module_docstring=docstring, **values)


def _rule(**values: Any) -> Any:
    attribute = {"name": "size", "doc": "The size.", "type": 2, "default": "8"} | values
    name = {"name": "name", "doc": "A unique name for this target.", "type": 1, "mandatory": True}
    example = 'disk(\n    name = "a",\n    size = 8,\n)'
    return _module(example, rule_info=[{"name": "disk", "doc": "A disk.", "attribute": [name, attribute]}])


def _text(module: Any) -> str:
    return render.reference([module], "make it")


def test_encoded_message_is_read_back() -> None:
    module = _rule()
    assert module_info.parse(module.SerializeToString(), "x") == module


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x0a\xff"])
def test_malformed_extract_is_rejected(data: bytes) -> None:
    with pytest.raises(module_info.ExtractError, match=r"^x: "):
        module_info.parse(data, "x")


def test_rule_has_a_table_of_attributes() -> None:
    text = _text(_rule())
    assert "make it" in text
    assert "- [`//tools/x:defs.bzl`](#toolsxdefsbzl)\n" in text
    assert "\n## `//tools/x:defs.bzl`\n\nRules.\n\n```starlark\ndisk(\n" in text
    assert "\n### Rule `disk`\n\nA disk.\n" in text
    assert (
        "| attribute | type | default | description |\n| --- | --- | --- | --- |\n| `size` | int | `8` | The size. |\n"
        in text
    )
    assert "A unique name" not in text


def test_attribute_lists_values_and_providers() -> None:
    needs = _rule(
        mandatory=True, default="", type=3, values=["a", "b"], providers=[{"name": ["A", "B"]}, {"name": "C"}]
    )
    assert "| `size` | label | required | The size. One of `a`, `b`. Must provide `A` and `B` or `C`. |" in _text(needs)


def test_cell_escapes_pipes_and_newlines() -> None:
    assert "| a \\| b c |" in _text(_rule(doc="a | b\n  c"))


@pytest.mark.parametrize("written", ["block …", "block …".encode().decode("latin-1")])
def test_text_is_decoded_as_utf8(written: str) -> None:
    assert "| block … |" in _text(_rule(doc=written))


def test_macro_has_a_table_of_parameters() -> None:
    parameters = [
        {"name": "name", "doc": "Its name.", "mandatory": True},
        {"name": "tags", "doc": "Its tags.", "default": "[]"},
        {"name": "kwargs", "doc": "The rest."},
    ]
    macro = {"name": "image", "doc": "An image.", "parameter": parameters, "returned": {"doc": "nothing."}}
    text = _text(_module('image(name = "a", testonly = True)', func_info=[macro]))
    assert "| `name` | required | Its name. |\n| `tags` | `[]` | Its tags. |\n| `**kwargs` |  | The rest. |\n" in text
    assert "\nReturns nothing.\n" in text


def test_provider_and_extension_are_rendered() -> None:
    provider = {"name": "DiskInfo", "doc": "A disk.", "field": [{"name": "file", "doc": "Its file."}]}
    tag = {"name": "tree", "doc": "A tree.", "attribute": [{"name": "name", "doc": "Its name.", "type": 1}]}
    extension = {"name": "debian", "doc": "Packages.", "tag": [tag]}
    text = _text(_module('debian.tree(name = "a")', provider_info=[provider], module_extension_info=[extension]))
    assert (
        "### Provider `DiskInfo`\n\nA disk.\n\n| field | description |\n| --- | --- |\n| `file` | Its file. |\n" in text
    )
    assert "### Module extension `debian`\n\nPackages.\n" in text
    # The name of a tag is an attribute like any other.
    assert "#### Tag `debian.tree`\n\nA tree.\n" in text
    assert "| `name` | name |  | Its name. |" in text


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (_rule(doc=""), "disk size has no docstring"),
        (_module("disk()", rule_info=[{"name": "disk"}]), "disk has no docstring"),
        (
            _module(
                "f(x = 1)", func_info=[{"name": "f", "doc": "F.", "parameter": [{"name": "x", "mandatory": True}]}]
            ),
            "f x has no docstring",
        ),
        (_module(provider_info=[{"name": "P", "doc": "P.", "field": [{"name": "x"}]}]), "P x has no docstring"),
        (_module(aspect_info=[{"name": "a"}]), "a: tools/rule_docs cannot render aspect_info"),
        (_module(repository_rule_info=[{"name": "r"}]), "r: tools/rule_docs cannot render repository_rule_info"),
    ],
)
def test_undocumented_or_unknown_symbol_is_an_error(module: Any, said: str) -> None:
    with pytest.raises(module_info.ExtractError) as raised:
        _text(module)
    assert str(raised.value) == f"//tools/x:defs.bzl: {said}"


_SIZED = [{"name": "size", "doc": "The size.", "type": 2, "mandatory": True}]


@pytest.mark.parametrize(
    ("example", "said"),
    [
        ("", "disk is not in the example of the file's docstring"),
        ("other(size = 8)", "disk is not in the example of the file's docstring"),
        ('disk(name = "a")', "the example of disk has no size"),
        ("disk(size = 8, speed = 9)", "the example of disk has speed, which does not exist"),
        ("disk(size = 8", r"its example is not Starlark: .*was never closed"),
    ],
)
def test_example_that_does_not_fit_is_an_error(example: str, said: str) -> None:
    module = _module(example, rule_info=[{"name": "disk", "doc": "A disk.", "attribute": _SIZED}])
    with pytest.raises(module_info.ExtractError, match=said):
        _text(module)

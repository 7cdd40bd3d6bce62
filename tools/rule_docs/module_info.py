"""Read the output of Bazel's `starlark_doc_extract` for a .bzl file: a ModuleInfo protocol buffer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from tools.cli import errors

# The part of Bazel's stardoc_output.proto that a reference shows: message to field to number and type; `*` is repeated.
# Field numbers are the format: Bazel keeps them. The parser skips other fields, as protocol buffers allow. It keeps
# kinds of symbols, so that `render` rejects them instead of omitting them.
_MESSAGES = {
    "ModuleInfo": {
        "rule_info": (1, "RuleInfo*"),
        "provider_info": (2, "ProviderInfo*"),
        "func_info": (3, "FunctionInfo*"),
        "aspect_info": (4, "NamedInfo*"),
        "module_docstring": (5, "string"),
        "file": (6, "string"),
        "module_extension_info": (7, "ExtensionInfo*"),
        "repository_rule_info": (8, "NamedInfo*"),
        "macro_info": (9, "NamedInfo*"),
    },
    "NamedInfo": {"name": (1, "string")},
    "RuleInfo": {
        "name": (1, "string"),
        "doc": (2, "string"),
        "attribute": (3, "AttributeInfo*"),
        "test": (6, "bool"),
        "executable": (7, "bool"),
    },
    "AttributeInfo": {
        "name": (1, "string"),
        "doc": (2, "string"),
        "type": (3, "int32"),
        "mandatory": (4, "bool"),
        "providers": (5, "ProviderNames*"),
        "default": (6, "string"),
        "values": (9, "string*"),
    },
    "ProviderNames": {"name": (1, "string*")},
    "FunctionInfo": {
        "name": (1, "string"),
        "parameter": (2, "ParameterInfo*"),
        "doc": (3, "string"),
        "returned": (4, "ReturnInfo"),
    },
    "ParameterInfo": {
        "name": (1, "string"),
        "doc": (2, "string"),
        "default": (3, "string"),
        "mandatory": (4, "bool"),
    },
    "ReturnInfo": {"doc": (1, "string")},
    "ProviderInfo": {"name": (1, "string"), "doc": (2, "string"), "field": (3, "FieldInfo*")},
    "FieldInfo": {"name": (1, "string"), "doc": (2, "string")},
    "ExtensionInfo": {"name": (1, "string"), "doc": (2, "string"), "tag": (3, "TagInfo*")},
    "TagInfo": {"name": (1, "string"), "doc": (2, "string"), "attribute": (3, "AttributeInfo*")},
}
_PACKAGE = "stardoc_output"

# AttributeType, by number.
ATTRIBUTE_TYPES: Sequence[str] = (
    "unknown",
    "name",
    "int",
    "label",
    "string",
    "list of strings",
    "list of ints",
    "list of labels",
    "bool",
    "dict from label to string",
    "dict from string to string",
    "dict from string to list of strings",
    "output",
    "list of outputs",
    "dict from string to label",
    "dict from string to list of labels",
)


class ExtractError(errors.InputError):
    """A file that is not an extract of Bazel's, or that the reference cannot contain."""


def _message_class() -> Any:
    field = descriptor_pb2.FieldDescriptorProto
    scalars = {"bool": field.TYPE_BOOL, "int32": field.TYPE_INT32, "string": field.TYPE_STRING}
    file = descriptor_pb2.FileDescriptorProto(name="module_info.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        described = file.message_type.add(name=name)
        for field_name, (number, kind) in fields.items():
            base = kind.removesuffix("*")
            added = described.field.add(name=field_name, number=number)
            added.label = field.LABEL_REPEATED if kind.endswith("*") else field.LABEL_OPTIONAL
            added.type = scalars.get(base, field.TYPE_MESSAGE)
            if base not in scalars:
                added.type_name = f".{_PACKAGE}.{base}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.ModuleInfo"))


ModuleInfo = _message_class()
"""Class of the messages, with the fields of the table above."""


def parse(data: bytes, where: str) -> Any:
    """Read one extract.

    Args:
        data: content of the file.
        where: name of the file, for errors.

    Returns:
        A `ModuleInfo`.

    Raises:
        ExtractError: the file is not an extract.
    """
    try:
        module = ModuleInfo.FromString(data)
    except message.DecodeError as error:
        raise ExtractError("is not an extract of starlark_doc_extract", where=where) from error
    if not module.file:
        raise ExtractError("names no .bzl file", where=where)
    return module


def text(value: str) -> str:
    """Return a string of an extract as its author wrote it: Bazel reads each byte of a .bzl file as a character."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value

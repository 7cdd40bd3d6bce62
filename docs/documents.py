"""The workspace's documents, and the commands in them."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterator

_FENCE = re.compile(r"^ *```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
# Indented blocks are also pictures, messages and synopses: only those that begin with a Bazel command count.
_INDENTED = re.compile(r"^    (?:\./bazelw|bazel) (?:build|run|test) .*\n(?:    .*\n)*", re.MULTILINE)
_INLINE = re.compile(r"`((?:\./bazelw|bazel)\s+(?:build|run|test)\s[^`]*//[^`]*)`")
_LABEL = re.compile(r"`(//[^`\s]*)`")
# Placeholders in documents, and their values.
_EACH = {"arch": "aarch64,x86_64", "variant": "bun,node,python,raw", "…": "aarch64,x86_64"}
_COMMENT = re.compile(r"\s+# .*$", re.MULTILINE)


def workspace() -> pathlib.Path:
    """Return the workspace's root; a test must have //:MODULE.bazel for it."""
    # The runfile is a link to the file itself.
    return pathlib.Path("MODULE.bazel").resolve().parent


def documents(root: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield every Markdown file, in order. Skip links, whose targets are among the files."""
    for directory, directories, names in os.walk(root):
        directories[:] = sorted(name for name in directories if not name.startswith((".", "bazel-")))
        for name in sorted(names):
            path = pathlib.Path(directory, name)
            if path.suffix == ".md" and not path.is_symlink():
                yield path


def instructions(root: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield the documents with instructions: not the changelog, whose commands are historical."""
    return (path for path in documents(root) if path != root / "CHANGELOG.md")


def blocks(text: str) -> list[list[str]]:
    """Return the shell commands of a document: those of each block, and each one within a sentence.

    Args:
        text: the document.

    Returns:
        For each block its commands in order, without comments; `bazel` is `./bazelw`, and a command of several lines
        is one line unless it has a here-document.
    """
    found = [(fence.start(), _split(fence["text"])) for fence in _FENCE.finditer(text) if fence["language"] == "sh"]
    # Keep the positions of the rest.
    rest = _FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence[0]), text)
    found += [(match.start(), _split(match[0])) for match in _INDENTED.finditer(rest)]
    found += [(match.start(), _split(" ".join(match[1].split()))) for match in _INLINE.finditer(rest)]
    return [commands for _, commands in sorted(found)]


def labels(text: str) -> list[str]:
    """Return the labels in a document's sentences, one by one if an expression names several.

    Args:
        text: the document. `{a,b}` in it is an alternative; `{arch}` and `{variant}` are all architectures and
            variants.
    """
    found: list[str] = _LABEL.findall(_FENCE.sub("", text))
    return [label for short in found for label in _each(short)]


def _each(short: str) -> Iterator[str]:
    before, brace, rest = short.partition("{")
    if not brace:
        yield short
        return
    names, _, after = rest.partition("}")
    for name in _EACH.get(names, names).split(","):
        yield from _each(before + name + after)


def ci_commands(text: str) -> list[str]:
    """Return Bazel's commands of a script or workflow, without common flags and redirections."""
    found = re.findall(r"^(?:[^#\n]*[\s;])?(\./bazelw [^;|\n]*)", text, re.MULTILINE)
    return [re.sub(r' "\$\{flags\[@\]\}"| 2>&1', "", command).strip() for command in found]


def _split(text: str) -> list[str]:
    if "<<" in text:
        return [text.strip()]
    lines = (" ".join(_COMMENT.sub("", line).split()) for line in text.replace("\\\n", " ").splitlines())
    return [re.sub(r"^bazel ", "./bazelw ", line) for line in lines if line]

"""docs/rules.md equals the output of its command, and covers every public file."""

from __future__ import annotations

import os
import pathlib
import re

from tools.rule_docs import module_info, render

_COMMAND = "./bazelw run //docs:rules"
_EXTRACTS = os.environ["EXTRACTS"].split()

# Files with rules that only this workspace's own BUILD files use.
_INTERNAL = {"tools/ide/defs.bzl", "tools/toolchains/python/extensions.bzl"}


def test_reference_is_up_to_date() -> None:
    modules = [module_info.parse(pathlib.Path(path).read_bytes(), path) for path in _EXTRACTS]
    assert pathlib.Path("docs/rules.md").read_text() == render.reference(modules, _COMMAND), f"run: {_COMMAND}"


def test_reference_covers_every_public_file() -> None:
    # The runfile is a link to the file itself.
    workspace = pathlib.Path("MODULE.bazel").resolve().parent
    files = [*workspace.glob("images/**/defs.bzl"), *workspace.glob("tools/**/defs.bzl")]
    files += workspace.glob("tools/**/extensions.bzl")
    wanted = {str(file.relative_to(workspace)) for file in files} - _INTERNAL
    assert "tools/debian/extensions.bzl" in wanted
    described = re.findall(r"^## `//(.*):(.*)`$", pathlib.Path("docs/rules.md").read_text(), re.MULTILINE)
    assert {f"{package}/{name}" for package, name in described} == wanted

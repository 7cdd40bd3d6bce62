"""Dependencies of BUILD and .bzl files follow ARCHITECTURE.md."""

from __future__ import annotations

import pathlib

from tools.lint import directions, sources

_WORKSPACE = pathlib.Path("MODULE.bazel").resolve().parent


def test_workspace_has_no_forbidden_dependency() -> None:
    found: list[str] = []
    seen: set[str] = set()
    for path in sources.files(_WORKSPACE):
        if sources.language(path) == "starlark" and path.name not in ("MODULE.bazel", "WORKSPACE"):
            package = str(path.relative_to(_WORKSPACE).parent)
            seen.add(package.partition("/")[0])
            found += directions.wrong(package, path.read_text())
    assert directions.ALLOWED.keys() <= seen
    assert not found, "\n".join([*found, "ARCHITECTURE.md lists the allowed dependencies"])


def test_wrong_names_package_and_line() -> None:
    text = 'deps = [\n    "//tools/cli",\n    "//images:dist",\n]\n'
    assert list(directions.wrong("tools/mkdisk", text)) == [
        "tools/mkdisk: line 3: //tools/mkdisk must not depend on //images"
    ]


def test_wrong_ignores_visibility_and_comments() -> None:
    assert not list(directions.wrong("tools/cli", 'visibility = ["//tests:__subpackages__"],  # "//images:dist"\n'))


def test_wrong_accepts_exceptions_only_of_their_package() -> None:
    text = 'data = ["//agents/protocol:schema"]\n'
    assert not list(directions.wrong("tools/sandbox", text))
    assert list(directions.wrong("tools/measure", text))


def test_architecture_names_every_directory() -> None:
    text = (_WORKSPACE / "ARCHITECTURE.md").read_text()
    names = [str(path.relative_to(_WORKSPACE)) for path in sources.files(_WORKSPACE)]
    tops = {name.partition("/")[0] for name in names if "/" in name}
    assert not [top for top in tops if not top.startswith(".") and f"`{top}/`" not in text]
    for directory in ("tools", "tests"):
        maps = (_WORKSPACE / directory / "README.md").read_text()
        children = [path.name for path in (_WORKSPACE / directory).iterdir() if (path / "BUILD.bazel").exists()]
        assert not [name for name in children if f"| `{name}` |" not in maps]

"""The fields `bin` or `directories.bin` list the programs of an npm package."""

from __future__ import annotations

from typing import Any

import pytest

from tools.npm import programs
from tools.packages.tarball import PackageError

_FILES = ("cli.js", "bin/a", "bin/b.js", "bin/sub/c", "bin/.hidden", "bin/.d/e", "etc/x")


@pytest.mark.parametrize(
    ("description", "found"),
    [
        ({}, {}),
        ({"bin": None}, {}),
        ({"bin": ""}, {}),
        ({"bin": {}}, {}),
        ({"bin": 5}, {}),
        ({"bin": "cli.js"}, {"thing": "cli.js"}),
        ({"bin": "cli"}, {"thing": "cli.js"}),
        ({"bin": ["bin/a", "./bin/b.js"]}, {"a": "bin/a", "b.js": "bin/b.js"}),
        ({"bin": {"x": "./y/../bin/./b.js"}}, {"x": "bin/b.js"}),
        ({"bin": {"x": "/bin/a", "y": ".\\bin\\a"}}, {"x": "bin/a", "y": "bin/a"}),
        ({"bin": {"x": "../../etc/x"}}, {"x": "etc/x"}),
        ({"bin": {"@team/tool": "cli.js"}}, {"tool": "cli.js"}),
        ({"bin": {"JSONStream": "cli.js", "_p": "cli.js", "my tool": "cli.js"}}, None),
        ({"bin": {"../x": "cli.js", "c:\\y": "cli.js", "..": "cli.js", "": "cli.js"}}, {"x": "cli.js", "y": "cli.js"}),
        ({"bin": {"x": ""}}, {}),
        ({"directories": {"bin": "./bin"}}, {"a": "bin/a", "b.js": "bin/b.js", "c": "bin/sub/c"}),
        ({"directories": {"bin": "bin/"}, "bin": ""}, {"a": "bin/a", "b.js": "bin/b.js", "c": "bin/sub/c"}),
        ({"directories": {"bin": "bin"}, "bin": {}}, {}),
        ({"directories": {"bin": "bin"}, "bin": "cli.js"}, {"thing": "cli.js"}),
        ({"directories": {"bin": 1}}, {}),
        ({"directories": "bin"}, {}),
    ],
)
def test_programs_are_found_like_by_npm(description: dict[str, Any], found: dict[str, str] | None) -> None:
    expected = dict.fromkeys(description["bin"], "cli.js") if found is None else found
    assert programs.find("thing", description, _FILES, "p") == expected


@pytest.mark.parametrize("path", ["gone.js", "bin", "bin/sub"])
def test_program_without_a_file_is_rejected(path: str) -> None:
    with pytest.raises(PackageError, match="which is its program: take a version that contains the program"):
        programs.find("thing", {"bin": {"x": path}}, _FILES, "p")

"""Test that GitHub's workflow runs `.ci/run`, with actions that digests pin."""

from __future__ import annotations

import pathlib
import re

import pytest

# The runfile links to the source file.
_ROOT = pathlib.Path("MODULE.bazel").resolve().parent
_WORKFLOWS = sorted((_ROOT / ".github/workflows").iterdir())
_USES = re.compile(r"^\s*(?:- )?uses: *(?P<action>.*)$", re.MULTILINE)
_PINNED = re.compile(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v[0-9.]+")


def test_workflows_are_ci_and_release() -> None:
    assert [path.name for path in _WORKFLOWS] == ["ci.yml", "release.yml"]


@pytest.mark.parametrize("path", _WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_digest(path: pathlib.Path) -> None:
    actions = _USES.findall(path.read_text())
    assert actions
    assert [action for action in actions if not _PINNED.fullmatch(action)] == []


def test_ci_workflow_runs_only_the_script() -> None:
    text = (_ROOT / ".github/workflows/ci.yml").read_text()
    assert "- run: .ci/run\n" in text
    assert "bazelw" not in text

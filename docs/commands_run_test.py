"""Run, verbatim, the commands of the documents that nothing else executes, in a copy of the workspace."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from docs import documents, execution
from tests.nested import nested

_BLOCKS = [
    block for path in documents.instructions(documents.workspace()) for block in documents.blocks(path.read_text())
]


@pytest.fixture(scope="module")
def bazel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[nested.Nested]:
    directory = tmp_path_factory.mktemp("commands")
    downloads, kernels = nested.seed_downloads(directory), nested.kernel_cache(directory)
    built = nested.Nested(directory, downloads=downloads, kernels=kernels)
    # `git diff` is one of the commands.
    who = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@x", "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@x"}
    for step in (["init", "-q"], ["add", "--all"], ["commit", "-qm", "x"]):
        subprocess.run(
            ["git", *step], cwd=built.workspace, env={**os.environ, **who, "HOME": str(directory)}, check=True
        )
    yield built
    built.close()


@pytest.mark.parametrize("script", list(execution.to_run(_BLOCKS)), ids=" ; ".join)
def test_command_succeeds(bazel: nested.Nested, script: list[str], tmp_path: pathlib.Path) -> None:
    done = bazel.script("\n".join(script), TMPDIR=str(tmp_path))
    wanted = next((codes for start, codes in execution.EXIT_CODES.items() if script[-1].startswith(start)), (0,))
    assert done.returncode in wanted, f"{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
    # Another exit code than 0 reports findings on stdout. An error of the command itself is on stderr alone.
    assert done.returncode == 0 or done.stdout, done.stderr[-8000:]
    for command in script:
        assert execution.SHOWS.get(command, "") in done.stdout
    # Each command starts from the same files.
    subprocess.run(["git", "checkout", "-q", "."], cwd=bazel.workspace, env={**os.environ, "HOME": "/"}, check=True)

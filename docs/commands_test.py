"""A test executes every command of the documents, and the names in the documents exist."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from docs import documents, execution

_ROOT = documents.workspace()
_BLOCKS = [block for path in documents.instructions(_ROOT) for block in documents.blocks(path.read_text())]
_CI = (".ci/run", ".github/workflows/release.yml")
_COMMANDS = [command for block in _BLOCKS for command in block]


def _query(tmp_path: pathlib.Path, *expressions: str) -> list[list[str]]:
    """Query the workspace itself with a second Bazel."""
    assert shutil.which("bazel"), "no bazel on the PATH: run the tests with ./bazelw (see tests/bootstrap/README.md)"
    environment = {name: value for name, value in os.environ.items() if name in ("DEBIAN_MIRROR", "PATH")}
    environment["HOME"] = str(tmp_path)
    command = ["bazel", f"--output_user_root={tmp_path}/root", "--max_idle_secs=15"]
    answers: list[list[str]] = []
    try:
        for expression in expressions:
            query = [*command, "query", "--keep_going", "--output=label", expression]
            done = subprocess.run(query, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            answers.append(done.stdout.split())
    finally:
        subprocess.run([*command, "shutdown"], cwd=_ROOT, env=environment, check=False)
    return answers


def _targets(command: str) -> list[str]:
    # The arguments after `--` belong to the program.
    words = re.split(r"\s--(?:\s|$)", command)[0].split()
    return [word for word in words if word.startswith("//")] if words[0] == "./bazelw" else []


def test_document_commands_are_found() -> None:
    text = (
        "Run `./bazelw test\n//:lint` or `./bazelw`.\n\n    picture\n\n"
        "    bazel run //:x -- a   # why\n    ./bazelw run //:y\n\n"
        "- item\n\n  ```sh\n  ./bazelw build //a \\\n    //b\n  git diff  # this\n  ```\n\n```rust\nlet x = 1;\n```\n\n"
        "```sh\npython3 - <<'PY'\n# a\nprint()\nPY\n```\n"
    )
    assert documents.blocks(text) == [
        ["./bazelw test //:lint"],
        ["./bazelw run //:x -- a", "./bazelw run //:y"],
        ["./bazelw build //a //b", "git diff"],
        ["python3 - <<'PY'\n# a\nprint()\nPY"],
    ]


def test_document_labels_are_found() -> None:
    text = "`//a:{b,c}_{arch}`, `//d`.\n\n```sh\n`//no`\n```\n\n`// no`, `./bazelw run //no`\n"
    assert documents.labels(text) == ["//a:b_aarch64", "//a:b_x86_64", "//a:c_aarch64", "//a:c_x86_64", "//d"]


def test_ci_commands_are_found() -> None:
    text = 'run: ./bazelw test --a=b //x\n  # ./bazelw no\n./bazelw test "${flags[@]}" //... 2>&1 | tee -- "$log"\n'
    assert documents.ci_commands(text) == ["./bazelw test --a=b //x", "./bazelw test //..."]
    script = documents.ci_commands((_ROOT / ".ci/run").read_text())
    assert "./bazelw test //..." in script
    assert any("//tools:ci_diagnose" in command for command in script)


def test_command_without_other_execution_is_run() -> None:
    blocks = [
        ["./bazelw test //...", "./bazelw build //x //y:z", "./bazelw build //x --flag", "./bazelw run //x"],
        ["./bazelw build //x", "cat bazel-bin/x"],
        ["./bazelw run //x"],
        ["./bazelw run //:lock -- --only=NAME"],
        ["./bazelw run //images:measurements", "./bazelw run //images:measurements -- --boots=1"],
    ]
    assert list(execution.to_run(blocks)) == [
        ["./bazelw build //x --flag"],
        ["./bazelw run //x"],
        ["./bazelw build //x", "cat bazel-bin/x"],
        ["./bazelw run //images:measurements -- --boots=1"],
        ["./bazelw run //:lock -- --only=lint"],
    ]


@pytest.mark.parametrize("command", ["./bazelw run //x:NAME", "./bazelw run //x -- [--y]", "./bazelw run //x -- …"])
def test_unknown_placeholder_is_rejected(command: str) -> None:
    with pytest.raises(ValueError, match=r"does not say what stands for"):
        list(execution.to_run([[command]]))


def test_every_command_is_executed() -> None:
    assert "./bazelw test //..." in _COMMANDS
    assert list(execution.to_run(_BLOCKS))
    for known, by in execution.ELSEWHERE.items():
        assert any(execution.elsewhere(command) and command.startswith(known) for command in _COMMANDS), known
        if not by.startswith("//"):
            assert known in documents.ci_commands((_ROOT / by).read_text()), by


def test_targets_exist_and_are_built(tmp_path: pathlib.Path) -> None:
    ci = [command for path in _CI for command in documents.ci_commands((_ROOT / path).read_text())]
    named = {target for command in [*_COMMANDS, *ci] for target in _targets(command) if "{" not in target}
    named |= {label for path in documents.instructions(_ROOT) for label in documents.labels(path.read_text())}
    assert "//:lint" in named
    tests = sorted({by for by in execution.ELSEWHERE.values() if by.startswith("//")})
    # A pattern excludes such targets.
    plain = {
        target
        for command in _COMMANDS
        if not execution.elsewhere(command)
        for target in execution.plain_targets(command)
    }
    plain = sorted(target for target in plain if not target.endswith(("...", ":all")))
    manual = f'attr(tags, "[\\[ ]manual[,\\]]", set({" ".join(plain)}))'
    suites = " + ".join(f"{suite} + tests({suite})" for suite in execution.SUITES)
    _, left = _query(tmp_path, f"set({' '.join(sorted(named) + tests)})", f"{manual} - ({suites})")
    assert left == [], "neither //... nor a suite contains them: name in docs/execution.py what executes them"

"""What executes each command of the documents.

There are three ways, and a command that none of them fits is run:

- a build or test of targets alone, which are parts of `//...`, as CI builds and tests it, or of `SUITES`;
- one that another test is about: `ELSEWHERE`;
- all others: `//docs:commands_run_test` runs them in a copy of the workspace.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# Suites of tests that `//...` leaves out.
SUITES = ("//docs", "//tests/ide", "//tests/kernel", "//tests:examples", "//tests:trust")

# Command, or its beginning, to what executes it: a test, or a file with the same command.
ELSEWHERE = {
    "./bazelw test //...": ".ci/run",
    "./bazelw build --config=remote-exec --jobs=50 //images:dist": "//tests/remote:execution_test",
    "./bazelw build --config=remote-cache //images:all": "//tests/remote:cache_test",
    "./bazelw run //tools/ide:starlark": "//tests/ide:starlark_test",
    # Those that need files, a terminal or a guest that runs.
    "./bazelw run //tools/sandbox -- boot ": "//tests/boot:shell_x86_64",
    "./bazelw run //tools/sandbox -- cp ": "//tests/boot:shell_x86_64",
    "./bazelw run //tools/sandbox -- ls ": "//tests/boot:shell_x86_64",
    "./bazelw run //tools/sandbox -- run ": "//tests/boot:run_x86_64",
    "./bazelw run //tools/sandbox -- shell ": "//tests/boot:shell_x86_64",
    "qemu-system-x86_64 ": "//tests/boot:readme_x86_64",
    "python3 - <<'PY'\nimport json, socket\n": "//tests/boot:readme_x86_64",
}

# What a reader replaces, and by what the test does: anywhere in a command.
_REPLACED = {
    "--log=FILE": "--log=/tmp/log.json",
    "--input=PATH": "--input=tools/ci_diagnose/corpus/no-ports.console",
    "--only=NAME": "--only=lint",
    "--out=DIR": '--out="$TMPDIR/published"',
    "rootfs_VARIANT": "rootfs_python",
    "{arch}": "x86_64",
}
# What is added to commands whose time is only a number, so that they show as much in less.
_SHORTENED = {
    "./bazelw run //images:measurements": " -- --boots=1",
    "./bazelw run //tests/bench:boot": " -- --runs=1",
    "./bazelw test //agents/fuzz:long --test_output=all": " --test_env=FUZZ_SECONDS=10",
}
_PLACEHOLDER = re.compile(r"[{<…[]|\b[A-Z]{3,}\b(?![.=])")

# What a command must print, where that is known.
SHOWS = {
    "./bazelw run //images:run_python_x86_64 -- --code 'print(6 * 7)'": "42",
    "./bazelw run //tools/ide:setup": "wrote: rust-project.json",
}

# Beginnings of commands that end with another exit code than 0.
EXIT_CODES = {
    # Whether the archive has something newer is the archive's affair.
    "./bazelw run //tools/debian:audit": (0, 1),
    # What it is given here is the log of a failure.
    "./bazelw run //tools:ci_diagnose ": (1,),
    # absl's own answer.
    "./bazelw run //tools/sandbox -- --help": (1,),
}

_PLAIN = re.compile(r"\./bazelw (?:build|test)((?: //\S+)+)")


def plain_targets(command: str) -> list[str]:
    """Return the targets of a command that builds or tests them and say nothing else; none for any other command."""
    match = _PLAIN.fullmatch(command)
    return match[1].split() if match else []


def elsewhere(command: str) -> str:
    """Return what else executes a command; empty where nothing does."""
    return next(
        (
            by
            for known, by in ELSEWHERE.items()
            if command == known or known[-1].isspace() and command.startswith(known)
        ),
        "",
    )


def replaced(command: str) -> str:
    """Return a command as it can be run.

    Raises:
        ValueError: it has a placeholder that is not known here.
    """
    for placeholder, value in _REPLACED.items():
        command = command.replace(placeholder, value)
    command += _SHORTENED.get(command, "")
    if match := _PLACEHOLDER.search(re.sub(r"\$\w+", "", command)):
        raise ValueError(f"{command}: docs/execution.py does not say what stands for {match[0]}")
    return command


def to_run(blocks: Iterable[list[str]]) -> Iterator[list[str]]:
    """Yield the scripts that `//docs:commands_run_test` runs, each once.

    A command of Bazel's stands for itself. Others, and those that read an output, need what comes before them: their
    block is run whole.
    """
    seen: set[tuple[str, ...]] = set()
    # First those that belong together: what stands alone may be one of them.
    for block in sorted(blocks, key=lambda block: len(block) == 1):
        left = [command for command in block if not plain_targets(command) and not elsewhere(command)]
        alone = all(command.startswith("./bazelw ") and "bazel-bin/" not in command for command in left)
        for script in [[command] for command in left] if alone else [block]:
            script = [replaced(command) for command in script]
            if tuple(script) not in seen:
                seen.add(tuple(script))
                yield script

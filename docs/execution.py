"""Which test or file executes each command of the documents.

There are three ways. The tests run a command that fits none of them:

- a build or test of targets alone: CI builds and tests them as parts of `//...`, or of `SUITES`;
- a command that another test is about: `ELSEWHERE`;
- all others: `//docs:commands_run_test` runs them in a copy of the workspace.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# Suites of tests that `//...` excludes.
SUITES = (
    "//docs",
    "//tests/bench:peers",
    "//tests/clients",
    "//tests/kernel",
    "//tests:boot",
    "//tests:examples",
    "//tests:guest",
    "//tests:trust",
)

# Command, or its beginning, to the test that executes it, or to a file with the same command.
ELSEWHERE = {
    "./bazelw test //...": ".ci/run",
    "./bazelw build --config=remote-exec --jobs=50 //images:dist": "//tests/remote:execution_test",
    "./bazelw build --config=remote-cache //images:all": "//tests/remote:cache_test",
    "./bazelw run //tools/release -- ": "//tests/examples:release_test",
    "./bazelw run //images:report ": "//tests/browser:report_test",
    "./bazelw run //tests/bench ": "//tests/bench:bench_test",
    "./bazelw run //tests/bench:boot": "//tests/bench:bench_test",
    "./bazelw run //:vendor -- --out=DIR": "//tests/vendor:offline_test",
    "./bazelw run //:vendor -- --out=DIR ": "//tests/vendor:offline_test",
    "BAZELW_VENDOR=DIR ./bazelw ": "//tests/vendor:offline_test",
    # Commands that need files, a terminal or a running guest.
    "./bazelw run //tools/sandbox -- boot ": "//tests/boot:shell_x86_64",
    "./bazelw run //tools/sandbox -- cp ": "//tests/boot:shell_x86_64",
    "./bazelw run //tools/sandbox -- ls ": "//tests/boot:shell_x86_64",
    "./bazelw run //tools/sandbox -- run ": "//tests/boot:run_x86_64",
    "./bazelw run //tools/sandbox -- shell ": "//tests/boot:shell_x86_64",
    "qemu-system-x86_64 ": "//tests/boot:readme_x86_64",
    "python3 - <<'PY'\nimport json, socket\n": "//tests/boot:readme_x86_64",
}

# Placeholder anywhere in a command, and its value in the test.
_REPLACED = {
    "--log=FILE": "--log=/tmp/log.json",
    "--input=PATH": "--input=tools/ci_diagnose/corpus/no-ports.console",
    "--only=NAME": "--only=lint",
    "--out=DIR": '--out="$TMPDIR/published"',
    "rootfs_VARIANT": "rootfs_python",
    "{arch}": "x86_64",
}
# Arguments added to commands that only take long, so that they test as much in less time.
_SHORTENED = {
    "./bazelw run //images:measurements": " -- --boots=1",
    "./bazelw test //agents/fuzz:long --test_output=all": " --test_env=FUZZ_SECONDS=10",
}
_PLACEHOLDER = re.compile(r"[{<…[]|\b[A-Z]{3,}\b(?![.=])")

# Output that a command must print, if it is known.
SHOWS = {
    "./bazelw run //images:run_python_x86_64 -- --code 'print(6 * 7)'": "42",
    "./bazelw run //tools/ide:setup": "wrote: rust-project.json",
}

# Beginnings of commands with other exit codes than 0.
EXIT_CODES = {
    # The result depends on today's archive.
    "./bazelw run //tools/debian:audit": (0, 1),
    # Its input here is the log of a failure.
    "./bazelw run //tools:ci_diagnose ": (1,),
    # absl's exit code.
    "./bazelw run //tools/sandbox -- --help": (1,),
}

_PLAIN = re.compile(r"\./bazelw (?:build|test)((?: //\S+)+)")


def plain_targets(command: str) -> list[str]:
    """Return the targets of a command that only builds or tests them; none for any other command."""
    match = _PLAIN.fullmatch(command)
    return match[1].split() if match else []


def elsewhere(command: str) -> str:
    """Return the other place that executes a command, or an empty string."""
    return next(
        (
            by
            for known, by in ELSEWHERE.items()
            if command == known or known[-1].isspace() and command.startswith(known)
        ),
        "",
    )


def replaced(command: str) -> str:
    """Return a command with its placeholders replaced.

    Raises:
        ValueError: it has an unknown placeholder.
    """
    for placeholder, value in _REPLACED.items():
        command = command.replace(placeholder, value)
    command += _SHORTENED.get(command, "")
    if match := _PLACEHOLDER.search(re.sub(r"\$\w+", "", command)):
        raise ValueError(f"{command}: docs/execution.py does not say what stands for {match[0]}")
    return command


def to_run(blocks: Iterable[list[str]]) -> Iterator[list[str]]:
    """Yield the scripts that `//docs:commands_run_test` runs, each once.

    A Bazel command runs alone. Other commands, and commands that read an output, depend on the commands before them:
    the test runs their whole block.
    """
    seen: set[tuple[str, ...]] = set()
    # Blocks first: a single command may be part of one.
    for block in sorted(blocks, key=lambda block: len(block) == 1):
        left = [command for command in block if not plain_targets(command) and not elsewhere(command)]
        alone = all(command.startswith("./bazelw ") and "bazel-bin/" not in command for command in left)
        for script in [[command] for command in left] if alone else [block]:
            script = [replaced(command) for command in script]
            if tuple(script) not in seen:
                seen.add(tuple(script))
                yield script

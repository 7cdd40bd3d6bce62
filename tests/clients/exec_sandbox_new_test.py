"""exec-sandbox 0.22.0 from the package index, unmodified, drives //images:dist_x86_64 as it is."""

from __future__ import annotations

import json
import pathlib
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import surroundings


@pytest.fixture(scope="module")
def directory() -> Iterator[pathlib.Path]:
    """Yield the client's home, with programs for its PATH."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        surroundings.add_programs(pathlib.Path(name))
        yield pathlib.Path(name)


def _session(directory: pathlib.Path, language: str, *steps: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the answer to each step of a session of its own."""
    done = subprocess.run(
        [
            surroundings.path("CLIENT_PYTHON"),
            surroundings.path("CLIENT_SCRIPT"),
            surroundings.path("DIST"),
            str(directory / "cache"),
        ],
        input=json.dumps({"language": language, "steps": steps}),
        env={
            **surroundings.environment(directory, "pip_client_new"),
            "EXEC_SANDBOX_CACHE_DIR": str(directory / "cache"),
            "EXEC_SANDBOX_OFFLINE": "1",
        },
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    return json.loads(lines[-1])


def _exec(code: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    return "exec", {"code": code, "timeout_seconds": 60, **arguments}


def _output(answer: dict[str, Any]) -> tuple[Any, Any, Any]:
    return answer.get("stdout"), answer.get("stderr"), answer.get("exit_code")


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "import sys; print(6 * 7); print('err', file=sys.stderr); sys.exit(3)"),
        ("javascript", "console.log([1, 2, 3].map(n => n * 14).at(-1)); console.error('err'); process.exit(3)"),
        ("raw", "echo $((6 * 7)); echo err >&2; exit 3"),
    ],
    ids=["python", "javascript", "raw"],
)
def test_code_has_its_output_and_exit_code(directory: pathlib.Path, language: str, code: str) -> None:
    (answer,) = _session(directory, language, _exec(code))
    assert _output(answer) == ("42\n", "err\n", 3), answer


def test_python_is_of_the_version_in_the_disks_name(directory: pathlib.Path) -> None:
    (disk,) = pathlib.Path(surroundings.path("DIST")).glob("python-*-base-*.qcow2")
    code = "import platform; print(*platform.python_version_tuple()[:2], sep='.', end=f'-{platform.machine()}')"
    (answer,) = _session(directory, "python", _exec(code))
    version, machine = answer["stdout"].split("-")
    assert disk.name == f"python-{version}-base-{machine}.qcow2", answer


def test_output_is_streamed(directory: pathlib.Path) -> None:
    code = "import time\nfor n in range(3):\n  print(n, flush=True)\n  time.sleep(0.5)"
    (answer,) = _session(directory, "python", _exec(code))
    assert answer.get("chunks") == ["0\n", "1\n", "2\n"], answer


def test_timeout_is_a_result_and_session_goes_on(directory: pathlib.Path) -> None:
    late, then = _session(
        directory, "python", _exec("import time; time.sleep(300)", timeout_seconds=3), _exec("print('then')")
    )
    assert late.get("exit_code") == -1 and "timeout_error" in late["stderr"], late
    assert _output(then) == ("then\n", "", 0), then


def test_refused_requests_have_their_errors_and_session_goes_on(directory: pathlib.Path) -> None:
    *refused, then = _session(
        directory,
        "raw",
        _exec("true", env_vars={"LD_PRELOAD": "/tmp/evil.so"}),
        _exec(" \n\t"),
        _exec("true\0"),
        _exec('echo "$GREETING"', env_vars={"GREETING": "hello"}),
    )
    errors = [answer.get("error") for answer in refused]
    assert errors == ["EnvVarValidationError", "CodeValidationError", "CodeValidationError"], refused
    assert not any(answer["closed"] for answer in refused), refused
    assert _output(then) == ("hello\n", "", 0), then


def test_too_much_output_is_its_error_and_session_goes_on(directory: pathlib.Path) -> None:
    much, then = _session(directory, "python", _exec("print('x' * 1_200_000)"), _exec("print('then')"))
    assert (much.get("error"), much["closed"]) == ("OutputLimitError", False), much
    assert _output(then) == ("then\n", "", 0), then


def test_files_go_to_code_and_come_back(directory: pathlib.Path) -> None:
    content = "line\n" * 100_000
    written, ran, read, listed, missing, outside, again = _session(
        directory,
        "python",
        ("write_file", {"path": "in/data.txt", "content": content}),
        _exec("text = open('in/data.txt').read()\nopen('out.txt', 'w').write(text.upper())"),
        ("read_file", {"path": "out.txt"}),
        ("list_files", {"path": "in"}),
        ("read_file", {"path": "missing.txt"}),
        ("write_file", {"path": "../outside.txt", "content": ""}),
        ("read_file", {"path": "in/data.txt"}),
    )
    assert "error" not in written, written
    assert _output(ran) == ("", "", 0), ran
    assert read.get("content") == content.upper(), read.get("message")
    assert listed.get("files") == [["data.txt", False, len(content)]], listed
    for refused in (missing, outside):
        assert (refused.get("error"), refused["closed"]) == ("VmPermanentError", False), refused
    assert again.get("content") == content, again.get("message")

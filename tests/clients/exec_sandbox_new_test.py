"""Test //images:dist_{aarch64,x86_64} with the unmodified exec-sandbox 0.22.0 from the package index."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests.clients import surroundings
from tests.guest import package_index

# The shipped disks with this test's index of packages in their configuration.
_WITH_INDEX = {"SANDBOX_DISK_BUN_WITH_INDEX": "node-*.qcow2", "SANDBOX_DISK_WITH_INDEX": "python-*.qcow2"}


@contextlib.contextmanager
def _home() -> Generator[pathlib.Path]:
    """Yield a client's home, with the shipped images and programs for its PATH."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        directory = pathlib.Path(name)
        surroundings.add_programs(directory)
        surroundings.add_images(directory, pathlib.Path(surroundings.path("DIST")))
        yield directory


@pytest.fixture(scope="module")
def directory() -> Iterator[pathlib.Path]:
    """Yield the client's home."""
    with _home() as directory:
        yield directory


@pytest.fixture(scope="module")
def with_index() -> Iterator[pathlib.Path]:
    """Yield a client's home whose images use an index with one version of one package."""
    with _home() as directory, package_index.serving(int(os.environ["INDEX_PORT"])):
        for variable, pattern in _WITH_INDEX.items():
            (disk,) = (directory / "images").glob(pattern)
            disk.unlink()
            disk.symlink_to(surroundings.path(variable))
        yield directory


def _drive(directory: pathlib.Path, **request: Any) -> list[dict[str, Any]]:
    """Return the answers of the client's script to a request."""
    done = subprocess.run(
        [
            surroundings.path("CLIENT_PYTHON"),
            surroundings.path("CLIENT_SCRIPT"),
            str(directory / "images"),
            str(directory / "cache"),
        ],
        input=json.dumps(request),
        env={
            **surroundings.environment(directory, "pip_client_new"),
            "EXEC_SANDBOX_CACHE_DIR": str(directory / "cache"),
            # The client searches for gvproxy here, whatever its settings.
            "EXEC_SANDBOX_IMAGES_DIR": str(directory / "images"),
            "EXEC_SANDBOX_OFFLINE": "1",
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    return json.loads(lines[-1])


def _session(
    directory: pathlib.Path, language: str, *steps: tuple[str, dict[str, Any]], **arguments: Any
) -> list[dict[str, Any]]:
    """Return the answer to each step of a new session."""
    return _drive(directory, session={"language": language, **arguments}, steps=steps)


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
def test_exec_returns_output_and_exit_code(directory: pathlib.Path, language: str, code: str) -> None:
    (answer,) = _session(directory, language, _exec(code))
    assert _output(answer) == ("42\n", "err\n", 3), answer


def test_python_has_version_of_disk_name(directory: pathlib.Path) -> None:
    (disk,) = pathlib.Path(surroundings.path("DIST")).glob("python-*-base-*.qcow2")
    code = "import platform; print(*platform.python_version_tuple()[:2], sep='.', end=f'-{platform.machine()}')"
    (answer,) = _session(directory, "python", _exec(code))
    version, machine = answer["stdout"].split("-")
    assert disk.name == f"python-{version}-base-{machine}.qcow2", answer


def test_output_is_streamed(directory: pathlib.Path) -> None:
    code = "import time\nfor n in range(3):\n  print(n, flush=True)\n  time.sleep(0.5)"
    (answer,) = _session(directory, "python", _exec(code))
    assert answer.get("chunks") == ["0\n", "1\n", "2\n"], answer


def test_session_survives_timeout(directory: pathlib.Path) -> None:
    late, then = _session(
        directory, "python", _exec("import time; time.sleep(300)", timeout_seconds=3), _exec("print('then')")
    )
    assert late.get("exit_code") == -1 and "timeout_error" in late["stderr"], late
    assert _output(then) == ("then\n", "", 0), then


def test_session_survives_rejected_requests(directory: pathlib.Path) -> None:
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


def test_session_survives_too_much_output(directory: pathlib.Path) -> None:
    much, then = _session(directory, "python", _exec("print('x' * 1_200_000)"), _exec("print('then')"))
    assert (much.get("error"), much["closed"]) == ("OutputLimitError", False), much
    assert _output(then) == ("then\n", "", 0), then


def test_files_are_written_and_read_back(directory: pathlib.Path) -> None:
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


_STATE = {
    "python": (
        ("x = 41\ndef f(): return x + 1\nimport json as j", "print(f(), j.dumps([x]))", "42 [41]\n"),
        ("raise ValueError('no')", "print(x)", "41\n"),
        ("import sys; sys.exit(3)", "print(x)", "41\n"),
        ("def (", "print(x)", "41\n"),
    ),
    "javascript": (
        ("let x = 41; function f(): number { return x + 1 }", "console.log(f())", "42\n"),
        ("let x: number = await Promise.resolve(1)", "console.log(x)", "1\n"),
        (
            "import { basename } from 'node:path'; const p = require('path')",
            "console.log(basename('/a/b'), p.sep)",
            "b /\n",
        ),
        ("throw new Error('no')", "console.log(x)", "1\n"),
    ),
    "raw": (
        ("x=41; f() { echo $((x + 1)); }; cd /tmp; a=(1 2 3)", "f; pwd; echo ${#a[@]}", "42\n/tmp\n3\n"),
        ("false", "f", "42\n"),
        ("no_such_program", "f", "42\n"),
    ),
}


@pytest.mark.parametrize("language", list(_STATE))
def test_state_is_kept_from_code_to_code(directory: pathlib.Path, language: str) -> None:
    pairs = _STATE[language]
    answers = _session(directory, language, *(_exec(code) for before, after, _ in pairs for code in (before, after)))
    found = [answer.get("stdout") for answer in answers[1::2]]
    assert found == [wanted for _, _, wanted in pairs], answers
    assert not any(answer["closed"] for answer in answers), answers


def test_interpreter_that_ends_is_replaced(directory: pathlib.Path) -> None:
    code = "import os\nos._exit(7)"
    before, ended, then, environment = _session(
        directory,
        "python",
        _exec("x = 1", env_vars={"KEPT": "yes"}),
        _exec(code),
        _exec("print('x' in globals())"),
        _exec("import os; print(os.environ.get('KEPT'), os.environ['NEW'])", env_vars={"NEW": "1"}),
    )
    assert _output(before) == ("", "", 0), before
    assert ended.get("exit_code") == 7, ended
    assert _output(then) == ("False\n", "", 0), then
    assert _output(environment) == ("None 1\n", "", 0), environment


def test_session_ends_after_exit_code_137(directory: pathlib.Path) -> None:
    (killed,) = _session(directory, "raw", _exec("kill -9 $$"))
    assert (killed.get("exit_code"), killed["closed"]) == (137, True), killed


def test_background_process_survives_its_code(directory: pathlib.Path) -> None:
    start = "import subprocess\nchild = subprocess.Popen(['sleep', '1000'])"
    _, then = _session(directory, "python", _exec(start), _exec("print(child.poll())"))
    assert _output(then) == ("None\n", "", 0), then


def test_files_of_all_sizes_and_names_are_copied_whole(directory: pathlib.Path) -> None:
    sizes = {"empty": 0, "a b/ü \u2603 'q'.bin": 1, "block": 131_072, "odd": 131_073, "large": 100_000_000}
    steps = [("write_file", {"path": path, "size": size}) for path, size in sizes.items()]
    steps += [("read_file", {"path": path, "digest": True}) for path in sizes]
    answers = _session(directory, "raw", *steps, memory_mb=512)
    written, read = answers[: len(sizes)], answers[len(sizes) :]
    assert [answer.get("size") for answer in read] == list(sizes.values()), answers
    assert [answer["sha256"] for answer in read] == [answer["sha256"] for answer in written], answers


def test_listed_size_is_what_a_file_takes(directory: pathlib.Path) -> None:
    code = "truncate -s 1G sparse; ln -s sparse link; mkdir sub; printf 12345 > five"
    _, listed = _session(directory, "raw", _exec(code), ("list_files", {"path": ""}))
    files = {name: (is_directory, size) for name, is_directory, size in listed["files"]}
    assert files["five"] == (False, 5), files
    assert files["sub"] == (True, 0), files
    assert files["sparse"] == (False, 0), files


_PACKAGES = {
    "python": f"import {package_index.NAME}; print({package_index.NAME}.greet())",
    "javascript": f"import {{ greet }} from '{package_index.NAME}'; console.log(greet())",
}


@pytest.mark.parametrize("language", list(_PACKAGES))
def test_guest_imports_packages_that_another_guest_has_installed(with_index: pathlib.Path, language: str) -> None:
    separator = {"python": "==", "javascript": "@"}[language]
    packages = [f"{package_index.NAME}{separator}{package_index.VERSION}"]
    arguments = {"code": _PACKAGES[language], "language": language, "packages": packages, "timeout_seconds": 60}
    answers = _drive(with_index, runs=[arguments, arguments])
    for answer in answers:
        assert _output(answer) == (f"hello from {package_index.VERSION}\n", "", 0), answers


def test_port_of_a_guest_is_exposed(directory: pathlib.Path) -> None:
    serve = (
        "import http.server, threading\n"
        "class Page(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200)\n"
        "        self.end_headers()\n"
        "        self.wfile.write(b'from the guest')\n"
        "    def log_message(self, *_): pass\n"
        "server = http.server.ThreadingHTTPServer(('0.0.0.0', 8080), Page)\n"
        "threading.Thread(target=server.serve_forever, daemon=True).start()"
    )
    served, got = _session(directory, "python", _exec(serve), ("get", {}), expose_ports=[8080])
    assert _output(served) == ("", "", 0), served
    assert got.get("body") == "from the guest", got


def test_network_resolves_only_allowed_names(with_index: pathlib.Path) -> None:
    page = f"http://host.containers.internal:{os.environ['INDEX_PORT']}/simple/{package_index.NAME}/"
    code = (
        "import socket, urllib.request\n"
        "try:\n"
        "    print(socket.gethostbyname('elsewhere.example'))\n"
        "except socket.gaierror:\n"
        "    print('no such name')\n"
        f"print(urllib.request.urlopen('{page}').status)"
    )
    network = {"allow_network": True, "allowed_domains": ["allowed.example", "host.containers.internal"]}
    (answer,) = _session(with_index, "python", _exec(code), **network)
    assert answer.get("stdout") in ("no such name\n200\n", "0.0.0.0\n200\n"), answer


def test_pool_of_warm_guests_is_hit(directory: pathlib.Path) -> None:
    arguments = {"code": "print(6 * 7)", "language": "python", "timeout_seconds": 60}
    # The pool has a guest of each language, more than the client's default for two processors.
    config = {"warm_pool_size": 1, "cpu_overcommit_ratio": 8}
    (answer,) = _drive(directory, config=config, runs=[arguments])
    assert _output(answer) == ("42\n", "", 0), answer
    assert answer["warm_pool_hit"], answer


def test_snapshot_of_memory_is_hit(directory: pathlib.Path) -> None:
    code = "import uuid, random; print(uuid.uuid4(), random.random())"
    arguments = {"code": code, "language": "python", "timeout_seconds": 60}
    # The end of the first client waits for the snapshot that it saves.
    _drive(directory, runs=[arguments])
    answers = [answer for _ in range(2) for answer in _drive(directory, runs=[arguments])]
    assert all(answer["l1_cache_hit"] for answer in answers), answers
    words = [word for answer in answers for word in answer["stdout"].split()]
    assert len(set(words)) == len(words) == 4, answers

"""Test sessions in a booted guest: the state that code leaves in an interpreter, and the interpreter's end."""

from __future__ import annotations

import asyncio
import dataclasses
import os

import pytest

from tests.guest.booted import PATIENCE, Booted, booted
from tools.sandbox import errors
from tools.sandbox.program import Completed

__all__ = ["booted"]


@dataclasses.dataclass(frozen=True)
class Language:
    """Code snippets in one language; those of all languages do the same.

    Attributes:
        name: name in the protocol.
        process: prints the interpreter's process ID.
        leave: defines a variable and a function, and changes the directory.
        find: prints the state of `leave`: `41 42 /`, or `lost`.
        exits: exit codes by code that ends with them, has no error and keeps the state.
        ends: exit codes by code that ends the interpreter.
        fails: error messages by code that fails with 1 and keeps the state.
        background: starts a process, and one in a new session, that outlive the code; prints their process IDs.
        much: prints two million bytes, and then defines a variable.
        sleep: prints `up`, and sleeps.
        stubborn: the same, and ignores SIGTERM.
        polite: the same, and ends with 4 after SIGTERM.
        variable: prints the variable NAME of the environment.
        confined: prints user, directory, NoNewPrivs, limit of processes, content of standard input.
    """

    name: str
    process: str
    leave: str
    find: str
    exits: dict[str, int]
    ends: dict[str, int]
    fails: dict[str, str]
    background: str
    much: str
    sleep: str
    stubborn: str
    polite: str
    variable: str
    confined: str


_PYTHON = Language(
    name="python",
    process="import os; print(os.getpid())",
    leave="import os\nx = 41\ndef f(): return x + 1\nos.chdir('/')",
    find="print(*([x, f(), os.getcwd()] if 'x' in globals() else ['lost']))",
    exits={
        "import sys; sys.exit(3)": 3,
        "sys.exit()": 0,
        "sys.exit('a text')": 1,
        "import os\nif os.fork(): os.wait()": 0,
    },
    ends={
        "import os; os._exit(9)": 9,
        "import os; os.kill(os.getpid(), 11)": 139,
        "import os; os.kill(os.getpid(), 9)": 137,
    },
    fails={"1 / 0": 'File "<exec>", line 1, in <module>\n    1 / 0\n', "x = = 1": "SyntaxError"},
    background="import os, subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
    "print(child.pid, subprocess.Popen(['sleep', '600'], start_new_session=True).pid)",
    much="print('y' * 2_000_000); x = 41; f = lambda: 42; import os; os.chdir('/')",
    sleep="import time; print('up', flush=True); time.sleep(600)",
    stubborn="import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
    polite="import signal, sys, time; signal.signal(15, lambda *_: sys.exit(4))\n"
    "print('up', flush=True); time.sleep(600)",
    variable="import os; print(os.environ['NAME'])",
    confined="import os, resource, sys\nstatus = open('/proc/self/status').read()\n"
    "print(os.getuid(), os.getcwd(), status.split('NoNewPrivs:')[1].split()[0], "
    "resource.getrlimit(resource.RLIMIT_NPROC)[1], repr(sys.stdin.read()))",
)

_SHELL = Language(
    name="raw",
    process="echo $$",
    leave="x=41; f() { echo $((x + 1)); }; cd /",
    find="[ $x ] && echo $x $(f) $PWD || echo lost",
    exits={"(exit 3)": 3, "true": 0, "g() { return 5; }; g": 5, "#!/bin/sh\nexit 6": 6},
    ends={"exit 9": 9, "kill -SEGV $$": 139, "kill -KILL $$": 137},
    fails={"ls /nowhere || (exit 1)": "/nowhere"},
    background="sleep 600 & echo $!\n"
    'python3 -c \'import os; os.setsid(); os.execlp("sleep", "sleep", "600")\' > /dev/null 2>&1 & echo $!',
    much="head -c 2000000 /dev/zero; x=41; f() { echo 42; }; cd /",
    sleep="echo up; sleep 600",
    stubborn="trap '' TERM; echo up; while :; do sleep 1; done",
    polite="trap 'exit 4' TERM; echo up; while :; do sleep 1; done",
    variable='echo "$NAME"',
    confined="echo $(id -u) $PWD $(grep NoNewPrivs /proc/$$/status | cut -f2) $(ulimit -Hu) \"'$(cat)'\"",
)

_FOR_EVER = "await new Promise((resolve) => setTimeout(resolve, 600000))"

_JAVASCRIPT = Language(
    name="javascript",
    process="console.log(process.pid)",
    leave="let x = 41; function f() { return x + 1 } process.chdir('/')",
    find="console.log(...(typeof x === 'undefined' ? ['lost'] : [x, f(), process.cwd()]))",
    exits={"process.exitCode = 3": 3, "const y = 1": 0},
    ends={
        "process.exit(9)": 9,
        "process.kill(process.pid, 'SIGSEGV')": 139,
        "process.kill(process.pid, 'SIGKILL')": 137,
    },
    fails={"throw new Error('no')": "Error: no", "let let = 1": "SyntaxError"},
    background="const { spawn } = require('child_process')\n"
    "const begin = (detached) => spawn('sleep', ['600'], { detached, stdio: 'ignore' }).pid\n"
    "console.log(begin(false), begin(true))",
    much="console.log('y'.repeat(2000000)); var x = 41; function f() { return 42 } process.chdir('/')",
    sleep=f"console.log('up'); {_FOR_EVER}",
    stubborn=f"process.on('SIGTERM', () => {{}}); console.log('up'); {_FOR_EVER}",
    polite=f"process.on('SIGTERM', () => process.exit(4)); console.log('up'); {_FOR_EVER}",
    variable="console.log(process.env.NAME)",
    confined="const { readFileSync } = require('fs')\n"
    "const found = (file, pattern) => readFileSync('/proc/self/' + file, 'utf8').match(pattern)[1]\n"
    "console.log(process.getuid(), process.cwd(), found('status', /NoNewPrivs:\\s*(\\d)/), "
    "found('limits', /Max processes +\\d+ +(\\d+)/), `'${readFileSync(0, 'utf8')}'`)",
)

_HAS_PYTHON = os.environ["SANDBOX_VARIANT"] == "python"
_LANGUAGES = (_PYTHON, _SHELL) if _HAS_PYTHON else (_JAVASCRIPT,)
_each = pytest.mark.parametrize("language", [pytest.param(language, id=language.name) for language in _LANGUAGES])
_python_alone = pytest.mark.skipif(not _HAS_PYTHON, reason="the disk has no Python")


def _run(booted: Booted, language: Language, code: str, **options: object) -> Completed:
    return booted.run(code, language.name, session=True, **options)


def _end(booted: Booted, language: Language) -> None:
    """End the interpreter, so that the next code gets a fresh one."""
    _run(booted, language, next(iter(language.ends)))


@_each
def test_warm_up_starts_interpreter_for_next_host(booted: Booted, language: Language) -> None:
    booted.wait(booted.agent.warm_repl(language.name))
    process = _run(booted, language, language.process)
    print(f"{language.name}: {process.milliseconds} ms in a warm session")
    booted.hang_up()
    booted.come_back()
    again = _run(booted, language, language.process)
    assert again.stdout == process.stdout != ""


@_each
def test_code_is_confined_as_in_separate_process(booted: Booted, language: Language) -> None:
    _end(booted, language)
    assert _run(booted, language, language.confined).stdout == "1000 /home/user 1 1024 ''\n"


@_each
def test_state_survives_errors_of_code(booted: Booted, language: Language) -> None:
    _run(booted, language, language.leave)
    for code, exit_code in language.exits.items():
        result = _run(booted, language, code)
        assert (result.exit_code, result.stdout, result.stderr) == (exit_code, "", ""), code
    for code, text in language.fails.items():
        result = _run(booted, language, code)
        assert result.exit_code == 1 and text in result.stderr, code
    # Code outside the session does not see the state.
    assert "41" not in booted.run(language.find, language.name).stdout
    assert _run(booted, language, language.find).stdout == "41 42 /\n"


@_each
def test_code_that_ends_interpreter_has_its_exit_code(booted: Booted, language: Language) -> None:
    for code, exit_code in language.ends.items():
        _run(booted, language, language.leave)
        assert _run(booted, language, code).exit_code == exit_code, code
        assert _run(booted, language, language.find).stdout == "lost\n", code


@_each
def test_environment_variables_persist(booted: Booted, language: Language) -> None:
    value = 'it\'s "so" $x \\n ü\r\nsecond line'
    assert _run(booted, language, language.variable, env_vars={"NAME": value, "no-name": ""}).stdout == value + "\n"
    assert _run(booted, language, language.variable).stdout == value + "\n"


@_each
def test_interpreter_survives_too_much_output(booted: Booted, language: Language) -> None:
    _end(booted, language)
    code = language.much
    assert booted.error(booted.agent.run(language.name, code, timeout=PATIENCE, session=True)) == "output_limit_error"
    assert _run(booted, language, language.find).stdout == "41 42 /\n"


@_each
def test_background_processes_end_with_interpreter(booted: Booted, language: Language) -> None:
    processes = _run(booted, language, language.background).stdout.split()
    assert len(processes) == 2
    alive = "".join(f"kill -0 {process} && echo up; " for process in processes)
    _run(booted, language, language.leave)
    assert booted.run(alive).stdout == "up\nup\n"
    _end(booted, language)
    booted.run_until(f"({alive}) 2> /dev/null; true", "")


@_each
@pytest.mark.parametrize("how", ["sleep", "stubborn"])
def test_timeout_ends_only_its_interpreter(booted: Booted, language: Language, how: str) -> None:
    _run(booted, language, language.leave)
    request = booted.agent.run(language.name, getattr(language, how), timeout=2, session=True)
    assert booted.error(request) == "timeout_error"
    assert _run(booted, language, language.find).stdout == "lost\n"


@_each
def test_code_that_exits_after_timeout_has_its_exit_code(booted: Booted, language: Language) -> None:
    _run(booted, language, language.leave)
    # A slow machine handles SIGTERM later.
    results = (booted.wait(_outcome(booted, language, language.polite, timeout)) for timeout in (5, 20, 80))
    assert any(result == 4 for result in results)
    assert _run(booted, language, language.find).stdout == "lost\n"


async def _outcome(booted: Booted, language: Language, code: str, timeout: int) -> int | None:
    try:
        return (await booted.agent.run(language.name, code, timeout=timeout, session=True)).exit_code
    except errors.TimedOutError:
        return None


@_each
def test_code_ends_when_its_host_disconnects(booted: Booted, language: Language) -> None:
    process = _run(booted, language, language.leave + "\n" + language.process).stdout.strip()

    async def begin() -> None:
        connection = booted.agent.connection
        channel = connection.open("left")
        request = {"action": "exec", "language": language.name, "code": language.sleep, "session": True}
        await connection.send({**request, "op_id": "left"})
        await channel.receive(PATIENCE)

    booted.wait(begin())
    booted.hang_up()
    booted.come_back()
    assert _run(booted, language, language.find).stdout == "lost\n"
    booted.run_until(f"kill -0 {process} 2> /dev/null || echo gone", "gone\n")


@_each
def test_execs_of_session_run_one_after_another(booted: Booted, language: Language) -> None:
    async def talk() -> list[Completed]:
        codes = [language.leave] + [language.find] * 4
        return await asyncio.gather(
            *(booted.agent.run(language.name, code, timeout=PATIENCE, session=True) for code in codes)
        )

    _end(booted, language)
    assert [result.stdout for result in booted.wait(talk())] == ["", *["41 42 /\n"] * 4]


@_python_alone
def test_python_runs_processes_and_threads(booted: Booted) -> None:
    code = (
        "import multiprocessing, os, threading, time\n"
        "def square(x): return x * x\n"
        "with multiprocessing.Pool(2) as pool: print(pool.map(square, range(4)))\n"
        "stop = threading.Event(); thread = threading.Thread(target=stop.wait); thread.start()\n"
        "if os.fork() == 0: x = 'child'\n"
        "else: x = 'parent'; os.wait()"
    )
    assert _run(booted, _PYTHON, code).stdout == "[0, 1, 4, 9]\n"
    assert _run(booted, _PYTHON, "print(x, thread.is_alive()); stop.set()").stdout == "parent True\n"


@_python_alone
def test_python_pickles_lambdas_with_cloudpickle(booted: Booted) -> None:
    code = (
        "import importlib.util, multiprocessing\n"
        "if importlib.util.find_spec('cloudpickle'):\n"
        "  with multiprocessing.Pool(1) as pool: print(pool.map(lambda x: x + 1, [1]))\n"
        "else: print([2])"
    )
    assert _run(booted, _PYTHON, code).stdout == "[2]\n"


@_python_alone
def test_python_is_hidden_from_other_processes(booted: Booted) -> None:
    _end(booted, _PYTHON)
    code = "import ctypes, os; print(ctypes.CDLL(None).prctl(3), os.path.exists('/proc/self/fd/3'))"
    assert _run(booted, _PYTHON, code).stdout == "0 False\n"


@_python_alone
def test_shell_keeps_arrays_traps_and_jobs(booted: Booted) -> None:
    _run(booted, _SHELL, "a=(1 2 3); trap 'echo trapped' USR1; sleep 600 & first=$!")
    code = "echo ${a[2]}; kill -USR1 $$; kill $first; wait $first; echo $?"
    assert _run(booted, _SHELL, code).stdout == "3\ntrapped\n143\n"
    assert _run(booted, _SHELL, "#!/usr/bin/env python3\nprint(6 * 7)").stdout == "42\n"

"""Test both JavaScript session loops with the real interpreters."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable

import pytest

from agents.guest_agent.interpreters.tests import javascript_testing
from agents.guest_agent.interpreters.tests.javascript_testing import Loop, Result

_SLEEP = "await new Promise((done) => setTimeout(done, 20));"


def check(result: Result, stdout: str = "", exit_code: int = 0) -> None:
    """Assert the output and the exit code of code that prints no error."""
    assert (result.stdout, result.stderr, result.exit_code) == (stdout, "", exit_code)


def test_program_text_fits_into_one_argument() -> None:
    assert len(javascript_testing.text(os.environ["JAVASCRIPT_RUNTIME"]).encode()) < 100 * 1024


@pytest.mark.parametrize("suffix", ["", "await 0;"])
def test_declarations_persist(loop: Loop, suffix: str) -> None:
    check(loop.run(f"let a = 1; const b = 2; var c = 3; class D {{ x = 4 }} function e() {{ return a }}; {suffix}"))
    check(loop.run(f"console.log(a, b, c, new D().x, e()); {suffix}"), "1 2 3 4 1\n")


@pytest.mark.parametrize("suffix", ["", "await 0;"])
def test_repeated_declaration_replaces_variable(loop: Loop, suffix: str) -> None:
    kinds = [
        "let {} = '{}'",
        "const {} = '{}'",
        "var {} = '{}'",
        "class {} {{ static s = '{}' }}",
        "function {}() {{}}",
    ]
    for first in kinds:
        for second in kinds:
            check(loop.run(first.format("name", 1) + ";" + suffix))
            check(loop.run(second.format("name", 2) + f"; {suffix} console.log(name.s ?? name)"), _shown(second))


def _shown(kind: str) -> str:
    return "[Function: name]\n" if kind.startswith("function") else "2\n"


def test_let_without_value_resets_variable(loop: Loop) -> None:
    check(loop.run("let found = 1; var kept = 1"))
    check(loop.run("let found; var kept; console.log(found, kept)"), "undefined 1\n")


def test_destructuring_and_nested_var_persist(loop: Loop) -> None:
    check(
        loop.run(
            "const { p, ...rest } = { p: 1, q: 2 }, [r = 3, { s } = { s: 4 }] = []\n"
            "await 0; if (p) { var t = 5, u }\nfor (var i = 0; i < 3; i++) { var last = i }\n"
            "for (var key in { k: 1 }); for (var { v } of [{ v: 6 }]);"
        )
    )
    check(loop.run("console.log(p, rest.q, r, s, t, u, i, last, key, v)"), "1 2 3 4 5 undefined 3 2 k 6\n")


def test_function_is_callable_before_declaration(loop: Loop) -> None:
    check(loop.run("console.log(early()); function early() { return 1 }"), "1\n")
    check(
        loop.run("await 0; console.log(next()); function next() { return last() } function last() { return 2 }"), "2\n"
    )
    check(loop.run("console.log(next())"), "2\n")


def test_imports_work_with_require_and_await(loop: Loop) -> None:
    code = (
        "import seven, { nine as renamed } from 'esm'; import * as all from 'esm'; import { five } from 'common';\n"
        "import path from 'node:path'; const fs = require('fs'); const { here } = await import('./local.mjs');\n"
        "console.log(seven, renamed, all.nine, five, typeof path.join, typeof fs.readFileSync, here)"
    )
    check(loop.run(code), "7 9 9 5 function function local\n")
    check(loop.run("console.log(renamed, require('common').five, (await import('esm')).default)"), "9 5 7\n")


def test_repeated_import_replaces_variable(loop: Loop) -> None:
    check(loop.run("import path from 'node:path'"))
    check(loop.run("import { nine as path } from 'esm'; console.log(path)"), "9\n")
    check(loop.run("const path = require('path'); console.log(typeof path.join)"), "function\n")


def test_node_path_works_for_import_and_require(start: Callable[..., Loop], tmp_path: pathlib.Path) -> None:
    package = tmp_path / "elsewhere/far"
    package.mkdir(parents=True)
    (package / "index.js").write_text("module.exports = 'far';")
    loop = start(NODE_PATH=str(package.parent))
    check(
        loop.run("import far from 'far'; console.log(far, require('far'), (await import('far')).default)"),
        "far far far\n",
    )


def test_code_is_main_module(loop: Loop, home: pathlib.Path) -> None:
    code = "console.log(require.main === module, __dirname === process.cwd(), __filename, process.argv.length)"
    check(loop.run(code), f"true true {home}/[exec] 1\n")
    check(loop.run("console.log(import.meta.dirname, import.meta.url.startsWith('file:///'))"), f"{home} true\n")


def test_export_declares_variable(loop: Loop) -> None:
    check(loop.run("export const shared = 1; export function call() { return 2 }"))
    check(loop.run("console.log(shared, call())"), "1 2\n")


def test_built_in_globals_can_be_declared(loop: Loop) -> None:
    check(loop.run("const crypto = require('crypto'); const navigator = { own: 1 }"))
    check(loop.run("console.log(typeof crypto.createHash, navigator.own)"), "function 1\n")


def test_values_are_not_echoed(loop: Loop) -> None:
    check(loop.run("1 + 1"))
    check(loop.run("await 5"))
    check(loop.run("// nothing"))


def test_last_promise_is_awaited(loop: Loop) -> None:
    check(loop.run(f"(async () => {{ {_SLEEP} console.log('awaited') }})()"), "awaited\n")
    check(loop.run(f"let later\nlater = (async () => {{ {_SLEEP} console.log('too') }})()"), "too\n")


def test_last_promise_declared_is_not_awaited(loop: Loop) -> None:
    check(loop.run("const never = new Promise(() => {})"))
    check(loop.run("console.log(never instanceof Promise)"), "true\n")


def test_typescript_runs(loop: Loop) -> None:
    code = (
        "interface Shape { size: number }\ntype Name = string\nenum Color { Red, Green }\n"
        "function first<T>(items: T[]): T { return items[0]! }\nconst shape: Shape = { size: 1 } satisfies Shape;\n"
        "class Point { constructor(private readonly x: number) {} get() { return this.x } }\n"
        "const counts = new Map<string, number>();\n"
        "console.log(first<number>([shape.size]), Color.Green, Color[0], new Point(4).get(), counts.size as unknown)"
    )
    check(loop.run(code), "1 1 Red 4 0\n")
    check(loop.run("let typed: number = await Promise.resolve(3); console.log(typed, Color.Red)"), "3 0\n")
    check(loop.run("type Only = string"))


def test_javascript_that_looks_like_typescript_stays_javascript(loop: Loop) -> None:
    check(loop.run("const f = 1, T = 2, x = 0; console.log(f<T>(x))"), "true\n")


def test_error_is_reported_and_state_kept(loop: Loop) -> None:
    loop.run("let kept = 1")
    result = loop.run("function thrower() { throw new TypeError('deep') }\nthrower()")
    assert result.exit_code == 1 and not result.stdout
    assert "TypeError: deep\n    at thrower ([exec]:" in result.stderr
    assert "[eval]" not in result.stderr
    result = loop.run("throw new Error('outer', { cause: new Error('inner') })")
    assert result.exit_code == 1 and "Error: outer" in result.stderr and "Error: inner" in result.stderr
    assert "[eval]" not in result.stderr
    result = loop.run("throw { own: 1 }")
    assert (result.exit_code, result.stderr) == (1, "{ own: 1 }\n")
    result = loop.run("await Promise.reject(new RangeError('awaited'))")
    assert result.exit_code == 1 and "RangeError: awaited" in result.stderr
    check(loop.run("console.log(kept)"), "1\n")


@pytest.mark.parametrize(
    "code", ["let bad bad", "console.log('no'); await 0; x y", "let one; let one", "const t: number = ;"]
)
def test_syntax_error_runs_nothing(loop: Loop, code: str) -> None:
    result = loop.run(code)
    assert result.exit_code == 1 and not result.stdout and "SyntaxError: " in result.stderr
    check(loop.run("console.log('alive')"), "alive\n")


def test_missing_module_is_reported(loop: Loop) -> None:
    result = loop.run("import nothing from 'nothing'")
    assert result.exit_code == 1 and "Cannot find package 'nothing'" in result.stderr


def test_unhandled_rejection_is_exit_code_1(own_loop: Loop) -> None:
    result = own_loop.run("Promise.reject(new Error('unhandled')); 0")
    assert result.exit_code == 1 and "Error: unhandled" in result.stderr
    result = own_loop.run(f"setTimeout(() => {{ throw new Error('thrown') }}, 1); {_SLEEP} console.log('on')")
    assert (result.exit_code, result.stdout) == (1, "on\n") and "Error: thrown" in result.stderr
    check(
        own_loop.run("process.on('unhandledRejection', (e) => console.log('own', e)); Promise.reject(1); 0"), "own 1\n"
    )
    check(own_loop.run("process.removeAllListeners()"))
    assert own_loop.run("Promise.reject(2); 0").exit_code == 1
    check(own_loop.run("console.log('alive')"), "alive\n")


def test_exit_ends_interpreter(own_loop: Loop) -> None:
    result = own_loop.run("console.log('before'); process.stdout.write('too'); process.exit(7)")
    assert (result.stdout, result.exit_code, result.ended) == ("before\ntoo", 7, True)


def test_exit_code_counts_once(loop: Loop) -> None:
    check(loop.run("process.exitCode = 5"), exit_code=5)
    check(loop.run("0"))


def test_environment_persists(loop: Loop) -> None:
    check(
        loop.run("console.log(process.env.GIVEN, process.env.NODE_ENV)", env={"GIVEN": "yes", "NODE_ENV": "test"}),
        "yes test\n",
    )
    check(loop.run("console.log(process.env.GIVEN)"), "yes\n")


def test_standard_input_is_empty(loop: Loop) -> None:
    check(loop.run("console.log(JSON.stringify(require('fs').readFileSync(0, 'utf8')))"), '""\n')


def test_output_precedes_answer(loop: Loop) -> None:
    code = (
        "for (let i = 0; i < 2000; i++) console.log('x'.repeat(99));"
        "process.stdout.write('y'.repeat(900000)); console.error('e')"
    )
    result = loop.run(code)
    assert result.exit_code == 0 and result.stderr == "e\n"
    # Avoid pytest's comparison, which is slow for texts of this size.
    assert (result.stdout == ("x" * 99 + "\n") * 2000 + "y" * 900000) is True


def test_large_code_runs(loop: Loop) -> None:
    check(loop.run("const text = `" + "é\n" * 500000 + "`; console.log(text.length)"), "1000000\n")


def test_timers_and_servers_survive(own_loop: Loop) -> None:
    # The exec ends before the timer, which still runs during later execs.
    first = own_loop.run("setTimeout(() => console.log('late'), 1); setInterval(() => {}, 1000); 0")
    assert (first.stdout + own_loop.run(_SLEEP).stdout, first.exit_code) == ("late\n", 0)
    server = (
        "const server = require('http').createServer((_, answer) => answer.end('served'));"
        "await new Promise((done) => server.listen(0, '127.0.0.1', done))"
    )
    check(own_loop.run(server))
    fetched = "console.log(await (await fetch(`http://127.0.0.1:${server.address().port}/`)).text())"
    check(own_loop.run(fetched), "served\n")


def test_web_globals_exist(loop: Loop) -> None:
    names = (
        "fetch URL TextDecoder AbortController WebSocket Buffer structuredClone performance queueMicrotask Blob".split()
    )
    check(loop.run(f"console.log([{', '.join('typeof ' + name for name in names)}].includes('undefined'))"), "false\n")


def test_seed_determines_random_numbers(start: Callable[..., Loop]) -> None:
    code = "const drawn = Array.from({ length: 1000 }, Math.random); console.log(drawn[0], drawn[1])"
    first, second = start(), start()
    seed = "0123456789abcdef" * 2
    assert first.run(code, seed=seed).stdout == second.run(code, seed=seed).stdout
    assert first.run(code).stdout != second.run(code).stdout
    mean = first.run(
        "console.log(drawn.every((x) => x >= 0 && x < 1), drawn.reduce((a, b) => a + b) / 1000)"
    ).stdout.split()
    assert mean[0] == "true" and 0.4 < float(mean[1]) < 0.6
    uuids = "console.log(crypto.randomUUID(), require('crypto').randomBytes(16).toString('hex'))"
    assert first.run(uuids, seed=seed).stdout != second.run(uuids, seed=seed).stdout


def test_channel_is_not_inherited(loop: Loop) -> None:
    code = (
        "const found = require('child_process').spawnSync('/bin/sh', ['-c', 'echo probe >&3'], { stdio: 'pipe' });"
        "console.log(found.status !== 0)"
    )
    check(loop.run(code), "true\n")


def test_channel_is_not_among_handles(loop: Loop) -> None:
    code = (
        "let looking = true, found = 0; const look = () => {"
        "  found += process._getActiveHandles().filter((handle) => handle?._handle?.fd === 3).length;"
        "  if (looking) setImmediate(look);"
        "}; look()"
    )
    check(loop.run(code))
    # The channel is active between the two execs, and so is one call of `look`.
    check(loop.run("looking = false; console.log(found)"), "0\n")


_SPY = pathlib.Path(__file__).parent / "javascript_spy.js"


def test_token_is_hidden_from_patched_intrinsics(own_loop: Loop) -> None:
    results = [own_loop.run(_SPY.read_text())]
    for code in [
        "let after = 1",
        "after += 1; console.log(after)",
        _SLEEP,
        "throw new Error('seen')",
        "Promise.reject(1); 0",
    ]:
        results.append(own_loop.run(code))
    assert [result.exit_code for result in results] == [0, 0, 0, 0, 1, 1]
    assert results[2].stdout == "2\n"
    seen = own_loop.run("report()").stdout
    # Check that the spy works.
    assert "a known text" in seen
    assert not [result for result in results if result.token in seen]


def test_loop_survives_broken_intrinsics(own_loop: Loop) -> None:
    code = (
        "Promise.prototype.then = undefined; JSON.parse = JSON.stringify = undefined; process.emit = undefined;"
        "Array.prototype[Symbol.iterator] = undefined; globalThis.setImmediate = undefined; process.exit = undefined;"
        "Uint8Array.prototype.set = undefined; String.prototype.slice = undefined; Object.hasOwn = undefined;"
        "Object.defineProperty(Object.prototype, 'token', { get: () => 'f'.repeat(32), set() {} });"
        "Math.random = undefined; process.env = undefined; 0"
    )
    assert own_loop.run(code).exit_code == 0
    assert own_loop.run("process.exitCode = 4", env={"NAME": "value"}).exit_code == 4


def test_end_of_channel_ends_interpreter(start: Callable[..., Loop]) -> None:
    loop = start()
    check(loop.run("setInterval(() => {}, 1000); 0"))
    assert loop.close() == 0

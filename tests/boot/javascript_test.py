"""Test JavaScript code in a new process, with either runtime."""

from __future__ import annotations

from tests.boot.guest import Booted

_MAIN = """
const path = require("path")
const fs = require("fs")
if (require.main === module) console.log("main", __dirname, path.basename(__filename).replace(/[0-9a-f]{8}/, "X"))
console.log(JSON.stringify(fs.readFileSync(0, "utf8")), require("./beside").answer)
"""


def test_code_is_main_module_in_home(booted: Booted) -> None:
    booted.run("raw", "echo 'exports.answer = 42' > beside.js")
    result = booted.run("javascript", _MAIN)
    assert result.stderr == ""
    first, second = result.stdout.splitlines()
    assert first.removesuffix(".js").removesuffix(".tsx") == "main /home/user .main-X"
    assert second == '"" 42'
    assert booted.run("raw", "ls -A | grep main; rm beside.js").stdout == ""


def test_code_runs_with_full_home(booted: Booted) -> None:
    filled = booted.run("raw", "head -c 10G /dev/zero > full; echo 1 > more")
    try:
        assert "write error" in filled.stderr
        result = booted.run("javascript", 'require("fs").rmSync("/home/user/full"); console.log("room")')
        assert (result.stderr, result.stdout) == ("", "room\n")
    finally:
        booted.run("raw", "rm -f full more")


_ECHO = "let n = 0; process.stdin.on('data', part => { n += part.length }).on('end', () => console.log(n))"


def test_stdin_comes_from_host(booted: Booted) -> None:
    async def answer() -> str:
        async with booted.agent.start("javascript", _ECHO, stdin=True, timeout=0) as running:
            await running.write(b"6 * 7", eof=True)
            return (await running.wait()).stdout

    assert booted.wait(answer()) == "5\n"


def test_process_exit_code_keeps_output(booted: Booted) -> None:
    result = booted.run("javascript", 'console.log("x".repeat(900000)); process.exitCode = 3')
    assert (len(result.stdout), result.exit_code) == (900001, 3)


def test_code_with_import_is_a_module(booted: Booted) -> None:
    result = booted.run(
        "javascript", 'import { sep } from "node:path"; console.log(sep, import.meta.url.split(".")[0])'
    )
    assert (result.stderr, result.stdout) == ("", "/ file:///home/user/\n")

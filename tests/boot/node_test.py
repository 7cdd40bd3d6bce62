"""What the node images have besides what every image has."""

from __future__ import annotations

from tests.boot.guest import Booted


def test_architecture_of_node(booted: Booted) -> None:
    result = booted.run("javascript", "console.log(process.arch)")
    names = {"aarch64": "arm64", "x86_64": "x64"}
    assert (result.stderr, result.stdout) == ("", names[booted.machine.guest.architecture] + "\n")


def test_stack_names_the_error(booted: Booted) -> None:
    result = booted.run("javascript", "null.length")
    assert result.exit_code == 1
    assert "TypeError" in result.stderr


def test_modules_of_node(booted: Booted) -> None:
    code = (
        "const names = ['crypto', 'fs', 'http', 'https', 'path', 'stream', 'url', 'worker_threads', 'zlib'];"
        "names.forEach(name => require('node:' + name));"
        "console.log(require('crypto').createHash('sha256').update('').digest('hex').slice(0, 8))"
    )
    result = booted.run("javascript", code)
    assert (result.stderr, result.stdout) == ("", "e3b0c442\n")


def test_fetch_from_a_server_of_its_own(booted: Booted) -> None:
    code = (
        "const server = require('http').createServer((_, answer) => answer.end('served'));"
        "server.listen(0, '127.0.0.1', async () => {"
        "  console.log(await (await fetch(`http://127.0.0.1:${server.address().port}/`)).text());"
        "  process.exit(0)"
        "})"
    )
    result = booted.run("javascript", code)
    assert (result.stderr, result.stdout) == ("", "served\n")


def test_languages_of_people(booted: Booted) -> None:
    code = "console.log(new Intl.NumberFormat('de').format(1234.5), 'straße'.toUpperCase())"
    assert booted.run("javascript", code).stdout == "1.234,5 STRASSE\n"

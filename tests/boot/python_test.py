"""What the python images have besides what every image has."""

from __future__ import annotations

from tests.boot.guest import Booted


def test_traceback_names_the_error(booted: Booted) -> None:
    result = booted.run("python", "1 / 0")
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.stderr


def test_standard_library_of_python(booted: Booted) -> None:
    modules = "bz2, ctypes, decimal, hashlib, json, lzma, sqlite3, ssl, uuid, zlib, zoneinfo"
    result = booted.run("python", f"import {modules}; print(hashlib.sha256(b'').hexdigest()[:8])")
    assert (result.stderr, result.stdout) == ("", "e3b0c442\n")


def test_streams_are_unbuffered_and_apart(booted: Booted) -> None:
    result = booted.run("python", "import sys; print('out'); print('err', file=sys.stderr)")
    assert (result.stdout, result.stderr) == ("out\n", "err\n")


def test_dbm_works_without_berkeley_db(booted: Booted) -> None:
    code = "import dbm\nwith dbm.open('/tmp/db', 'n') as db: db['a'] = 'b'\nprint(dbm.open('/tmp/db')['a'])"
    result = booted.run("python", code)
    assert (result.stderr, result.stdout) == ("", "b'b'\n")


def test_virtual_environment(booted: Booted) -> None:
    code = "python -m venv --without-pip ~/v && ~/v/bin/python -c 'import sys; print(sys.prefix)'"
    result = booted.run("raw", code, timeout=120)
    assert (result.stderr, result.stdout) == ("", "/home/user/v\n")

"""Test the tools that only the python images have."""

from __future__ import annotations

from tests.boot.guest import Booted


def test_traceback_names_the_error(booted: Booted) -> None:
    result = booted.run("python", "1 / 0")
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.stderr


def test_standard_library_imports(booted: Booted) -> None:
    modules = "bz2, ctypes, decimal, hashlib, json, lzma, sqlite3, ssl, uuid, zlib, zoneinfo"
    result = booted.run("python", f"import {modules}; print(hashlib.sha256(b'').hexdigest()[:8])")
    assert (result.stderr, result.stdout) == ("", "e3b0c442\n")


# With `-v`, Python reports each module that it loads on standard error.
_VERBOSE = """
import subprocess, sys
modules = "asyncio, email.message, http.client, sqlite3, unittest, uv"
done = subprocess.run([sys.executable, "-v", "-c", "import " + modules], capture_output=True, text=True, check=True)
lines = done.stderr.splitlines()
print(sum("__pycache__" in line and " matches " in line for line in lines) > 100)
print([line for line in lines if line.startswith("# code object from") and "__pycache__" not in line])
"""


def test_no_module_is_compiled_at_run_time(booted: Booted) -> None:
    result = booted.run("python", _VERBOSE)
    assert (result.stderr, result.stdout) == ("", "True\n[]\n")


def test_zip_archives_accept_files_of_the_image(booted: Booted) -> None:
    """Zip archives support no time before 1980."""
    code = "import os, zipfile; zipfile.ZipFile('/tmp/a.zip', 'w').write(os.__file__); os.remove('/tmp/a.zip')"
    assert booted.run("python", code).stderr == ""


def test_stdout_and_stderr_are_separate(booted: Booted) -> None:
    result = booted.run("python", "import sys; print('out'); print('err', file=sys.stderr)")
    assert (result.stdout, result.stderr) == ("out\n", "err\n")


def test_dbm_works_without_berkeley_db(booted: Booted) -> None:
    code = "import dbm\nwith dbm.open('/tmp/db', 'n') as db: db['a'] = 'b'\nprint(dbm.open('/tmp/db')['a'])"
    result = booted.run("python", code)
    assert (result.stderr, result.stdout) == ("", "b'b'\n")


def test_venv_has_its_own_prefix(booted: Booted) -> None:
    code = "python -m venv --without-pip ~/v && ~/v/bin/python -c 'import sys; print(sys.prefix)'"
    result = booted.run("raw", code)
    assert (result.stderr, result.stdout) == ("", "/home/user/v\n")


# A package index with one package, on the guest's loopback.
_INDEX = """
import base64, hashlib, http.server, os, zipfile
directory = "/tmp/index/simple/greeting"
os.makedirs(directory)
files = {
    "greeting.py": "def main(): print('hello from a package')\\n",
    "greeting-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: greeting\\nVersion: 1.0\\n",
    "greeting-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "greeting-1.0.dist-info/entry_points.txt": "[console_scripts]\\ngreet = greeting:main\\n",
}
files["greeting-1.0.dist-info/RECORD"] = "".join(
    f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}\\n"
    for name, text in files.items()
) + "greeting-1.0.dist-info/RECORD,,\\n"
with zipfile.ZipFile(directory + "/greeting-1.0-py3-none-any.whl", "w") as archive:
    for name, text in files.items():
        archive.writestr(name, text)
os.makedirs("/home/user/.config/uv", exist_ok=True)
with open("/home/user/.config/uv/uv.toml", "w") as config:
    config.write('[[index]]\\nurl = "http://127.0.0.1:8098/simple"\\ndefault = true\\n')
os.chdir("/tmp/index")
http.server.ThreadingHTTPServer(("127.0.0.1", 8098), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def test_functions_of_the_code_are_pickled_by_value(booted: Booted) -> None:
    code = "import cloudpickle, pickle; print(pickle.loads(cloudpickle.dumps(lambda n: n + 1))(41))"
    result = booted.run("python", code)
    assert (result.stderr, result.stdout) == ("", "42\n")


_SERVES = "curl -sf http://127.0.0.1:8098/simple/greeting/ >/dev/null"
_CLEAN = "rm -rf ~/.config ~/.local /tmp/index /opt/packages/python/*"


def test_package_installs_from_index(booted: Booted) -> None:
    result = booted.install_beside("python", "greeting==1.0", _INDEX, _SERVES)
    assert result.exit_code == 0, result.stderr
    result = booted.run("python", "import greeting; greeting.main()")
    assert (result.stderr, result.stdout) == ("", "hello from a package\n")
    # The package's program is on the PATH too, and the installation leaves no temporary files behind.
    result = booted.run("raw", f"greet; uv pip list --target /opt/packages/python; ls -A /opt/packages; {_CLEAN}")
    assert result.stdout.split()[:4] == ["hello", "from", "a", "package"], result
    assert result.stdout.split()[-4:] == ["greeting", "1.0", "javascript", "python"], result


def test_unknown_package_fails_to_install(booted: Booted) -> None:
    result = booted.install_beside("python", "nonesuch==1.0", _INDEX, _SERVES)
    assert result.exit_code != 0
    assert "nonesuch" in result.stderr
    assert booted.run("raw", _CLEAN).exit_code == 0

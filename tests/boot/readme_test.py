"""Test the commands of the README that boot an image by hand and send it a request."""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

from tests.boot.guest import PATIENCE

_README = pathlib.Path("README.md").read_text()
_SECTION = _README.split("\n## Boot an image by hand\n")[1].split("\n## ")[0]
_ARCHITECTURE = os.environ["SANDBOX_ARCHITECTURE"]

# Files under the names that the README uses.
_FILES = {
    "qemu-system": os.environ["SANDBOX_QEMU"],
    "vmlinuz": os.environ["SANDBOX_KERNEL"],
    "initramfs": os.environ["SANDBOX_INITRAMFS"],
    "python-base": os.environ["SANDBOX_DISK"],
}


def _command(directory: pathlib.Path) -> list[str]:
    """Return the QEMU command of the first block, for this architecture, with sockets in a directory."""
    text = re.findall(r"```sh\n(.*?)```", _SECTION, re.DOTALL)[0].replace("\\\n", " ")
    (line,) = [line for line in text.splitlines() if line.startswith("qemu-system-")]
    if _ARCHITECTURE == "aarch64":
        # The change that the README describes.
        program, machine, _, cpu, model = "qemu-system-aarch64 -M virt,gic-version=3 -cpu cortex-a57".split()
        for word in (program, f"{machine} {_}", f"{cpu} {model}", "console=ttyAMA0"):
            assert word in _SECTION
        line = line.replace("qemu-system-x86_64 -M microvm,acpi=off -cpu max", f"{program} {machine} {_} {cpu} {model}")
        line = line.replace("ttyS0", "ttyAMA0").replace("x86_64", "aarch64")
    line = line.replace("/tmp/", f"{directory}/")
    words: list[str] = []
    for word in shlex.split(line):
        match = re.match(
            r"(?P<before>.*file=)?(?:bazel-bin/images/)?(?P<name>qemu-system|vmlinuz|initramfs|python-base)-", word
        )
        words.append((match["before"] or "") + os.path.abspath(_FILES[match["name"]]) if match else word)
    return words


def test_plain_qemu_boots_and_answers() -> None:
    directory = pathlib.Path("/tmp") / f"readme-{os.getpid()}"
    directory.mkdir()
    snippet = re.findall(r"<<'PY'\n(.*?)\nPY\n", _SECTION, re.DOTALL)[0].replace("/tmp/", f"{directory}/")
    with open(directory / "console", "wb") as console:
        qemu = subprocess.Popen(
            _command(directory),
            env={**os.environ, "TMPDIR": str(directory)},
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
        )
        try:
            deadline = time.monotonic() + PATIENCE
            while not (directory / "event.sock").exists():
                assert qemu.poll() is None and time.monotonic() < deadline, (directory / "console").read_text()
                time.sleep(0.1)
            done = subprocess.run(
                [sys.executable, "-c", snippet], capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        finally:
            qemu.kill()
            qemu.wait()
    assert not done.returncode, done.stderr + (directory / "console").read_text(errors="replace")
    pong, output, complete = done.stdout.splitlines()
    assert "'type': 'pong'" in pong
    assert r"'chunk': '42\n'" in output
    assert "'exit_code': 0" in complete

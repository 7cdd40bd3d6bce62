"""A headless browser, driven by Chromium's DevTools protocol.

The browser runs in a root directory that has only its locked packages, without a network. The protocol goes through two
pipes, which need neither a port nor a library.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import pathlib
import select
import signal
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

# Seconds for an answer, on a busy machine.
_PATIENCE = 120

# Ends of the pipes that the browser looks for: it reads requests from the first, and writes answers to the second.
_REQUESTS, _ANSWERS = 3, 4

# Paths in the root directory.
_PROGRAM = "usr/lib/chromium/chromium-headless-shell"
_HOME = "/tmp/home"
_PAGES = "/tmp/pages"

_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>/usr/share/fonts</dir><cachedir>/tmp/fonts</cachedir></fontconfig>
"""

# Keys that tests press, and their codes.
_KEYS = {
    "Tab": 9,
    "Enter": 13,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}


class BrowserError(Exception):
    """The browser ended, does not answer, or rejects a request."""


class Browser:
    """A running browser with one tab: `with Browser.start() as browser`."""

    def __init__(self, requests: int, answers: int, pages: pathlib.Path) -> None:
        self._requests = requests
        self._answers = answers
        self._pages = pages
        self._buffer = b""
        self._count = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        """Events of the tab since a page was shown."""
        self.address = f"file://{_PAGES}/page.html"
        """Address of each page."""

    @classmethod
    @contextlib.contextmanager
    def start(cls) -> Generator[Browser]:
        """Start the browser of the environment, and open a tab."""
        with tempfile.TemporaryDirectory(prefix="browser.", dir=os.environ.get("TEST_TMPDIR")) as name:
            directory = pathlib.Path(name)
            for part in ("pages", "home"):
                (directory / part).mkdir()
            (directory / "fonts.conf").write_text(_FONTS)
            theirs, ours = os.pipe(), os.pipe()
            log = directory / "log"
            command = _command(directory)
            with open(log, "wb") as output, open(os.devnull, "rb") as nothing:
                dups = [
                    (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
                    (os.POSIX_SPAWN_DUP2, output.fileno(), 1),
                    (os.POSIX_SPAWN_DUP2, output.fileno(), 2),
                    (os.POSIX_SPAWN_DUP2, _high(theirs[0]), _REQUESTS),
                    (os.POSIX_SPAWN_DUP2, _high(ours[1]), _ANSWERS),
                ]
                pid = os.posix_spawn(command[0], command, {"PATH": "/usr/bin:/bin"}, file_actions=dups, setsid=True)
                for _, number, target in dups:
                    if target in (_REQUESTS, _ANSWERS):
                        os.close(number)
            os.close(theirs[0])
            os.close(ours[1])
            try:
                browser = cls(theirs[1], ours[0], directory / "pages")
                browser._open()
                yield browser
            except BrowserError as error:
                raise BrowserError(f"{error}\n--- browser ---\n{log.read_text(errors='replace')[-4000:]}") from error
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                os.close(theirs[1])
                os.close(ours[0])

    # ---- Pages ----

    def show(self, text: str) -> None:
        """Load a page from a file, and wait until it is there."""
        (self._pages / "page.html").write_text(text, "utf-8")
        self.events.clear()
        self.send("Page.navigate", url=self.address)
        self._wait(lambda: any(event["method"] == "Page.loadEventFired" for event in self.events), "load the page")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in the page.

        Raises:
            BrowserError: the expression throws.
        """
        done = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise BrowserError(f"{expression}: {done['exceptionDetails']}")
        return done["result"].get("value")

    def requests(self) -> list[str]:
        """Return the addresses that the page has requested."""
        return [
            event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"
        ]

    def blocked(self) -> list[str]:
        """Return the addresses of requests that the policy of the page has blocked."""
        sent = {
            event["params"]["requestId"]: event["params"]["request"]["url"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
        }
        failed = [event["params"] for event in self.events if event["method"] == "Network.loadingFailed"]
        return [sent[each["requestId"]] for each in failed if each.get("blockedReason") == "csp"]

    def complaints(self) -> list[str]:
        """Return the errors that the browser and the page's script have logged."""
        found: list[str] = []
        for event in self.events:
            if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] in ("error", "warning"):
                found.append(event["params"]["entry"]["text"])
            elif event["method"] == "Runtime.exceptionThrown":
                found.append(str(event["params"]["exceptionDetails"]))
        return found

    # ---- A user ----

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press and release a key, with the shift key or without."""
        fields = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key], "modifiers": 8 if shift else 0}
        self.send("Input.dispatchKeyEvent", type="rawKeyDown", **fields)
        if key == "Enter":
            self.send("Input.dispatchKeyEvent", type="char", text="\r", **fields)
        self.send("Input.dispatchKeyEvent", type="keyUp", **fields)

    def point(self, x: float, y: float) -> None:
        """Move the pointer to a place of the window."""
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def colours(self, scheme: str) -> None:
        """Prefer a colour scheme: `light` or `dark`."""
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def size(self, width: int, height: int) -> None:
        """Set the size of the window."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, box: Mapping[str, float]) -> bytes:
        """Return a PNG picture of a part of the page.

        Args:
            box: `x`, `y`, `width` and `height` of the part.
        """
        clip = {name: box[name] for name in ("x", "y", "width", "height")} | {"scale": 1}
        done = self.send("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(done["data"])

    def count_colours(self, picture: bytes) -> dict[str, int]:
        """Return the number of pixels of each colour of a PNG picture, such as `rgb(255, 0, 0)`.

        Another page takes the place of the shown one, whose policy allows no pictures.
        """
        self.show("<canvas></canvas>")
        return self.evaluate(
            """(async (data) => {
                const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
                const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
                const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
                canvas.drawImage(image, 0, 0);
                const pixels = canvas.getImageData(0, 0, image.width, image.height).data;
                const seen = {};
                for (let place = 0; place < pixels.length; place += 4) {
                    const colour = `rgb(${pixels[place]}, ${pixels[place + 1]}, ${pixels[place + 2]})`;
                    seen[colour] = (seen[colour] ?? 0) + 1;
                }
                return seen;
            })("""
            + json.dumps(base64.b64encode(picture).decode())
            + ")"
        )

    # ---- The protocol ----

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a request, and return its answer.

        Raises:
            BrowserError: the answer is an error.
        """
        self._count += 1
        number = self._count
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        try:
            os.write(self._requests, json.dumps(message).encode() + b"\0")
        except BrokenPipeError:
            raise BrowserError(f"the browser ended before it could {method}") from None
        answer: list[dict[str, Any]] = []

        def answered() -> bool:
            return bool(answer)

        self._wait(answered, method, lambda found: answer.append(found) if found.get("id") == number else None)
        if "error" in answer[0]:
            raise BrowserError(f"{method}: {answer[0]['error']}")
        return answer[0]["result"]

    def _open(self) -> None:
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def _wait(
        self, done: Callable[[], bool], what: str, take: Callable[[dict[str, Any]], object] = lambda _: None
    ) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not done():
            message, found, self._buffer = self._buffer.partition(b"\0")
            if found:
                value = json.loads(message)
                if "method" in value and value.get("sessionId") == self._session:
                    self.events.append(value)
                take(value)
                continue
            self._buffer = message
            if not select.select([self._answers], [], [], max(0, deadline - time.monotonic()))[0]:
                raise BrowserError(f"the browser did not {what} within {_PATIENCE} s")
            data = os.read(self._answers, 1 << 20)
            if not data:
                raise BrowserError(f"the browser ended before it could {what}")
            self._buffer += data


def _command(directory: pathlib.Path) -> list[str]:
    """Return the command that starts the browser in its root directory."""
    # Runfiles are links to the files of the tree, in which libraries are links, too.
    tree = pathlib.Path(os.environ["CHROMIUM"]).resolve().parents[len(pathlib.Path(_PROGRAM).parts) - 1]
    assert (tree / _PROGRAM).is_file(), tree
    bwrap = str(pathlib.Path(os.environ["BWRAP"]).resolve())
    binds = {"home": _HOME, "pages": _PAGES, "fonts.conf": "/etc/fonts.conf"}
    return [
        bwrap,
        *("--unshare-user", "--unshare-net", "--unshare-ipc", "--die-with-parent", "--clearenv"),
        *("--ro-bind", str(tree / "usr"), "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"),
        # Not a new one: a sandbox may cover parts of its /proc.
        *("--bind", "/proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),
        *(word for name, path in binds.items() for word in ("--bind", str(directory / name), path)),
        *("--setenv", "HOME", _HOME, "--setenv", "FONTCONFIG_FILE", "/etc/fonts.conf", "--setenv", "LC_ALL", "C.UTF-8"),
        *("--", f"/{_PROGRAM}", "--remote-debugging-pipe", f"--user-data-dir={_HOME}", "--window-size=1280,900"),
        # The root directory is its sandbox. Its own needs rights that a test lacks.
        "--no-sandbox",
        "--no-zygote",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
    ]


def _high(number: int) -> int:
    """Return a copy of a file descriptor that is not among those that a child replaces."""
    return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 10)

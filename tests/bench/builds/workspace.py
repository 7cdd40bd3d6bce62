"""A copy of the workspace that rows build in, with a separate Bazel.

All rows share the copy: the download of its repositories takes minutes, which no row measures. It caches no outputs
except kernels (`KERNEL_CACHE`, see tests/nested).
"""

from __future__ import annotations

import atexit
import functools
import itertools
import pathlib
import tempfile
import time
from collections.abc import Iterable

from tests.nested import nested
from tools.cli import errors


class Workspace:
    """The copy.

    Attributes:
        bazel: its Bazel.
        kernels: its disk cache of kernels.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        """Copy the workspace.

        Args:
            directory: an empty directory for copy and outputs.
        """
        downloads = nested.seed_downloads(directory)
        self.kernels = nested.kernel_cache(directory)
        self.bazel = nested.Nested(directory / "copy", downloads=downloads, kernels=self.kernels)
        self._number = itertools.count(int(time.time()))

    def build(self, targets: Iterable[str], *flags: str) -> float:
        """Build targets, and return the duration in seconds.

        Raises:
            InputError: the build failed.
        """
        start = time.monotonic()
        try:
            self.bazel.run("build", *flags, *targets)
        except nested.BuildError as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            found = next((line for line in lines if "ERROR" in line), lines[-1])
            raise errors.InputError(found, where=" ".join(targets), fix="build it with ./bazelw") from None
        return time.monotonic() - start

    def change(self, name: str, mark: str, form: str) -> None:
        """Change a line of a source file to a new text.

        Args:
            name: the file, relative to the workspace.
            mark: text that occurs once in the workspace's file.
            form: replacement; `{}` in it becomes a new number each time.

        Raises:
            InputError: the file has no such text, or several.
        """
        path = self.bazel.workspace / name
        original = (nested.sources() / name).read_text("utf-8")
        if original.count(mark) != 1:
            raise errors.InputError(f"has {mark!r} {original.count(mark)} times", where=name, fix="correct the row")
        path.write_text(original.replace(mark, form.format(next(self._number))), "utf-8")

    def file(self, name: str) -> pathlib.Path:
        """Return the path of an output of the copy, such as `images/python-base-x86_64.qcow2`."""
        return self.bazel.workspace / "bazel-bin" / name

    def external(self, pattern: str) -> list[pathlib.Path]:
        """Return files of the copy's repositories."""
        return sorted((self.bazel.output_base / "external").glob(pattern))


@functools.cache
def shared() -> Workspace:
    """Return the copy. The first call creates it, and the end of the program deletes it."""
    directory = tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)
    atexit.register(directory.cleanup)
    made = Workspace(pathlib.Path(directory.name))
    atexit.register(made.bazel.close)
    return made

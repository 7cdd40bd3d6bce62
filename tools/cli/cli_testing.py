"""Calls a tool's `main` from tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from absl import flags
from absl.testing import flagsaver


def call(main: Callable[[], None], **values: Any) -> None:
    """Calls a main function with flags set; all others have their defaults.

    Args:
        main: the function, without arguments.
        **values: flags by name; a flag that is given several times is a list.
    """
    # absl does not say what it takes.
    with flagsaver.as_parsed(**values):  # pyright: ignore[reportUnknownMemberType]
        # Without it only the flags that are set can be read.
        flags.FLAGS.mark_as_parsed()
        main()

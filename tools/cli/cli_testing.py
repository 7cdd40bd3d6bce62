"""Call a tool's `main` from tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from absl import flags
from absl.testing import flagsaver


def call(main: Callable[[], None], **values: Any) -> None:
    """Call a main function with some flags set; all others have their defaults.

    Args:
        main: the function, without arguments.
        **values: flags by name; the value of a repeated flag is a list.
    """
    # absl does not declare the type of its arguments.
    with flagsaver.as_parsed(**values):  # pyright: ignore[reportUnknownMemberType]
        # Without this call, main could read only the flags in `values`.
        flags.FLAGS.mark_as_parsed()
        main()

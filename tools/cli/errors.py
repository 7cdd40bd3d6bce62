"""The one error that a person who runs a tool can do something about."""

from __future__ import annotations

from tools.cli.text import one_line


class InputError(Exception):
    """Bad input: says what is wrong, where it is and what to do, in one line.

    Every library of the tools raises it, or a subclass, for input that it refuses; anything else that
    escapes from a library is a bug of the library.

    Attributes:
        what: what is wrong, as a clause without a final stop.
        where: file, package or entry that it is wrong in; may be empty.
        fix: what to do about it, as a clause; may be empty.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return one_line(f"{text}: {self.fix}" if self.fix else text)

"""The error for bad input, which the user of a tool can correct."""

from __future__ import annotations

from tools.cli.text import one_line


class InputError(Exception):
    """Report bad input in one line: what is wrong, where, and what to do.

    Every library of the tools raises it, or a subclass, for input that it rejects. Any other exception
    from a library is a bug in that library.

    Attributes:
        what: the fault, as a clause without a final stop.
        where: file, package or entry that has the fault; may be empty.
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

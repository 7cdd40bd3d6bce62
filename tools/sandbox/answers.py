"""Answers of an agent, from a line to a value with a type."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from tools.sandbox import errors, limits, text
from tools.sandbox.fields import Fields

# What a wire's frame adds to a piece of a file: its beginning, and a block's header.
_FRAMING = 64


@dataclasses.dataclass(frozen=True)
class Pong:
    """The agent is there.

    Attributes:
        version: its version.
        boot: the boot ledger, in the first answer after the boot.
    """

    version: str
    boot: str | None


@dataclasses.dataclass(frozen=True)
class Hello:
    """The protocol is agreed on.

    Attributes:
        protocol: the number that both sides know.
        version: the agent's version.
        boot: the boot ledger: `NAME=MICROSECONDS` with commas between.
    """

    protocol: int
    version: str
    boot: str


@dataclasses.dataclass(frozen=True)
class Ack:
    """It is done.

    Attributes:
        action: what was asked for.
        waiting: after `stdin`, how many bytes the program has not read yet.
    """

    action: str
    waiting: int = 0


@dataclasses.dataclass(frozen=True)
class Output:
    """A piece of a program's output.

    Attributes:
        stream: stdout or stderr.
        chunk: what it wrote; bytes that are no UTF-8 are U+FFFD.
    """

    stream: str
    chunk: str


@dataclasses.dataclass(frozen=True)
class Complete:
    """A program ended.

    Attributes:
        exit_code: its exit code; 128 and the signal's number where a signal ended it.
        milliseconds: from request to answer, by the guest's clock.
        spawn_milliseconds: how long it took to start it.
        process_milliseconds: how long it ran.
    """

    exit_code: int
    milliseconds: int
    spawn_milliseconds: int
    process_milliseconds: int


@dataclasses.dataclass(frozen=True)
class Piece:
    """A piece of a file.

    Attributes:
        data: part of a zstd frame.
    """

    data: bytes


@dataclasses.dataclass(frozen=True)
class Written:
    """A file is in its place.

    Attributes:
        size: bytes of it.
    """

    size: int


@dataclasses.dataclass(frozen=True)
class Read:
    """A file is sent.

    Attributes:
        size: bytes of it.
    """

    size: int


@dataclasses.dataclass(frozen=True)
class Entry:
    """Something in a folder of the guest.

    Attributes:
        name: its name. Hostile: it may hold control characters, a slash, or be `..`.
        is_dir: whether it is a folder.
        size: bytes of a file; 0 for a folder.
    """

    name: str
    is_dir: bool
    size: int


@dataclasses.dataclass(frozen=True)
class Listing:
    """What is in a folder.

    Attributes:
        entries: by name.
    """

    entries: tuple[Entry, ...]


@dataclasses.dataclass(frozen=True)
class Stat:
    """What a file is.

    Attributes:
        kind: file, directory, symlink or other.
        size: bytes of it.
        mode: its permissions.
        modified_ms: when it was changed, in milliseconds since 1970.
    """

    kind: str
    size: int
    mode: int
    modified_ms: int


@dataclasses.dataclass(frozen=True)
class Clock:
    """What time it is.

    Attributes:
        unix_ns: nanoseconds since 1970.
    """

    unix_ns: int


@dataclasses.dataclass(frozen=True)
class Reseed:
    """What became of bytes for the random pool.

    Attributes:
        reseeded: whether the generator took from the pool at once.
    """

    reseeded: bool


@dataclasses.dataclass(frozen=True)
class Metrics:
    """How the guest is.

    Attributes:
        uptime_ms: since its kernel started.
        memory_total_kib: all memory.
        memory_available_kib: what programs can have.
        swap_total_kib: all swap.
        swap_free_kib: unused swap.
        agent_rss_kib: what the agent has in memory.
        disk_total_kib: the root file system.
        disk_free_kib: what is free of it.
        processes: how many there are.
        zombies: how many of them have ended and were not waited for.
    """

    uptime_ms: int
    memory_total_kib: int
    memory_available_kib: int
    swap_total_kib: int
    swap_free_kib: int
    agent_rss_kib: int
    disk_total_kib: int
    disk_free_kib: int
    processes: int
    zombies: int


@dataclasses.dataclass(frozen=True)
class Failure:
    """The request ended with an error.

    Attributes:
        error_type: the wire's name of what was wrong.
        message: what was wrong, made safe to show.
    """

    error_type: str
    message: str

    def error(self) -> errors.AgentError:
        """Returns it as an exception."""
        return errors.agent_error(self.error_type, self.message)


Answer = (
    Pong
    | Hello
    | Ack
    | Output
    | Complete
    | Piece
    | Written
    | Read
    | Listing
    | Stat
    | Clock
    | Reseed
    | Metrics
    | Failure
)


class Message(NamedTuple):
    """An answer, and whose it is.

    Attributes:
        op_id: that of the request, if it had one.
        answer: the answer.
    """

    op_id: str | None
    answer: Answer


def _output(stream: str) -> Callable[[Fields], Output]:
    return lambda fields: Output(stream, fields.text("chunk", limits.STREAMS["stdout"]))


def _complete(fields: Fields) -> Complete:
    return Complete(
        exit_code=fields.number("exit_code", -(1 << 31), (1 << 31) - 1),
        milliseconds=fields.number("execution_time_ms"),
        spawn_milliseconds=fields.number("spawn_ms"),
        process_milliseconds=fields.number("process_ms"),
    )


def _entry(fields: Fields) -> Entry:
    return Entry(fields.text("name", 4096), fields.flag("is_dir"), fields.number("size"))


def _stat(fields: Fields) -> Stat:
    return Stat(
        kind=fields.text("kind", 32),
        size=fields.number("size"),
        mode=fields.number("mode", 0, 0o177777),
        modified_ms=fields.number("modified_ms", -(1 << 63), (1 << 63) - 1),
    )


_PARSERS: dict[str, Callable[[Fields], Answer]] = {
    "ack": lambda f: Ack(f.text("action", 64), f.number("waiting") if f.has("waiting") else 0),
    "clock": lambda f: Clock(f.number("unix_ns")),
    "complete": _complete,
    "error": lambda f: Failure(f.text("error_type", 64), text.printable(f.text("message").encode(errors="replace"))),
    "file_chunk": lambda f: Piece(f.data("data", limits.PIECE + _FRAMING)),
    "file_list": lambda f: Listing(tuple(_entry(entry) for entry in f.objects("entries"))),
    "file_read_complete": lambda f: Read(f.number("size", 0, limits.FILE)),
    "file_write_ack": lambda f: Written(f.number("bytes_written", 0, limits.FILE)),
    "hello": lambda f: Hello(f.number("protocol"), f.text("version", 128), f.text("boot")),
    "metrics": lambda f: Metrics(**{field.name: f.number(field.name) for field in dataclasses.fields(Metrics)}),
    "pong": lambda f: Pong(f.text("version", 128), f.text("boot") if f.has("boot") else None),
    "reseed": lambda f: Reseed(f.flag("reseeded")),
    "stat": _stat,
    "stderr": _output("stderr"),
    "stdout": _output("stdout"),
}


def parse(line: bytes) -> Message | None:
    """Takes an answer apart.

    Args:
        line: the line, with or without its newline.

    Returns:
        The answer; nothing for one of a type that this library does not know, which is to be ignored.

    Raises:
        ValueError: no agent sends it.
    """
    fields = Fields.parse(line)
    parser = _PARSERS.get(fields.text("type", 64))
    op_id = fields.text("op_id", limits.OP_ID) if fields.has("op_id") else None
    return Message(op_id, parser(fields)) if parser else None

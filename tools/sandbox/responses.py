"""Responses of an agent, one class for each that `agents/protocol/protocol.schema.json` declares.

Created by `./bazelw run //tools/sandbox:generate_responses`. Do not edit.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """The agent is there.

    Attributes:
        boot: The boot ledger: microseconds of each stage of the boot, as NAME=MICROSECONDS with commas between.
        version: The agent's version.
    """

    boot: str | None = None
    version: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The protocol is agreed on.

    Attributes:
        boot: The boot ledger: microseconds of each stage of the boot, as NAME=MICROSECONDS with commas between.
        protocol: The number that both sides know.
        version: The agent's version.
    """

    boot: str
    protocol: int
    version: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stdout:
    """A piece of standard output, or of what is on the terminal.

    Attributes:
        chunk: What it wrote; bytes that are no UTF-8 are U+FFFD.
    """

    chunk: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stderr:
    """A piece of standard error.

    Attributes:
        chunk: What it wrote; bytes that are no UTF-8 are U+FFFD.
    """

    chunk: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """The program ended.

    Attributes:
        execution_time_ms: Between request and answer.
        exit_code: 128 and the signal's number when a signal ended it.
        process_ms: Between its start and its end.
        spawn_ms: Until it was started.
    """

    execution_time_ms: int
    exit_code: int
    process_ms: int
    spawn_ms: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """It is done.

    Attributes:
        action: What was asked for.
        waiting: After stdin, how many bytes the program has not read yet.
    """

    action: str
    waiting: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileWriteAck:
    """A file is in its place.

    Attributes:
        bytes_written: Its size.
        path: Where it is, as the host wrote it.
    """

    bytes_written: int
    path: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileChunk:
    """A piece of a file.

    Attributes:
        data: A piece of one zstd frame.
    """

    data: bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileReadComplete:
    """The file is sent.

    Attributes:
        path: Where it is, as the host wrote it.
        size: Bytes of a file.
    """

    path: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileListEntry:
    """One of the entry objects of a list.

    Attributes:
        is_dir: Whether it is a folder.
        name: Its name.
        size: Bytes of a file; 0 for a folder.
    """

    is_dir: bool
    name: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileList:
    """What is in a folder.

    Attributes:
        entries: What is in it.
        path: Where it is, as the host wrote it.
    """

    entries: tuple[FileListEntry, ...]
    path: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """What a file is.

    Attributes:
        kind: What it is.
        mode: Its permissions.
        modified_ms: When it was changed, in milliseconds since 1970.
        path: Where it is, as the host wrote it.
        size: Bytes of a file.
    """

    kind: str
    mode: int
    modified_ms: int
    path: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What time it is.

    Attributes:
        unix_ns: Nanoseconds since 1970.
    """

    unix_ns: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reseed:
    """What became of bytes for the random pool.

    Attributes:
        bytes: How many were mixed in.
        reseeded: Whether the generator took from the pool at once.
    """

    bytes: int
    reseeded: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """How the guest is; a number that it cannot find out is absent.

    Attributes:
        agent_rss_kib: Memory that the agent has.
        disk_free_kib: What is free of it.
        disk_total_kib: The disk of the home.
        memory_available_kib: Memory that programs can have.
        memory_total_kib: Memory.
        processes: Processes.
        swap_free_kib: Swap that is not in use.
        swap_total_kib: Swap.
        uptime_ms: Time since the boot.
        zombies: Those that have ended, and that nobody has waited for.
    """

    agent_rss_kib: int | None = None
    disk_free_kib: int | None = None
    disk_total_kib: int | None = None
    memory_available_kib: int | None = None
    memory_total_kib: int | None = None
    processes: int | None = None
    swap_free_kib: int | None = None
    swap_total_kib: int | None = None
    uptime_ms: int | None = None
    zombies: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """The request failed. It comes instead of the last answer.

    Attributes:
        action: The action of the request that failed, where the agent could tell it.
        error_type: What kind it is.
        message: What was wrong, for people.
        version: The agent's version.
    """

    action: str | None = None
    error_type: str
    message: str
    version: str


Response = (
    Pong
    | Hello
    | Stdout
    | Stderr
    | Complete
    | Ack
    | FileWriteAck
    | FileChunk
    | FileReadComplete
    | FileList
    | Stat
    | Clock
    | Reseed
    | Metrics
    | Error
)
"""Any response."""

TYPES: dict[str, type[Response]] = {
    "pong": Pong,
    "hello": Hello,
    "stdout": Stdout,
    "stderr": Stderr,
    "complete": Complete,
    "ack": Ack,
    "file_write_ack": FileWriteAck,
    "file_chunk": FileChunk,
    "file_read_complete": FileReadComplete,
    "file_list": FileList,
    "stat": Stat,
    "clock": Clock,
    "reseed": Reseed,
    "metrics": Metrics,
    "error": Error,
}
"""Classes by the `type` of their responses."""

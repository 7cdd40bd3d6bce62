"""Responses of an agent, one class for each that `agents/protocol/protocol.schema.json` declares.

Created by `./bazelw run //tools/sandbox:generate_responses`. Do not edit.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """The agent is there.

    Attributes:
        boot: Boot ledger, in the first response after a boot: microseconds of each stage, `NAME=MICROSECONDS` with
            commas between.
        version: Version of the agent.
    """

    boot: str | None = None
    version: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The protocol number is agreed on.

    Attributes:
        boot: Boot ledger, as in `pong`.
        protocol: Highest protocol number that both sides know.
        version: Version of the agent.
    """

    boot: str
    protocol: int
    version: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stdout:
    """Part of the standard output of a program, or of everything that is on its terminal.

    Attributes:
        chunk: Text. U+FFFD replaces bytes that are not UTF-8.
    """

    chunk: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stderr:
    """Part of the standard error of a program.

    Attributes:
        chunk: Text. U+FFFD replaces bytes that are not UTF-8.
    """

    chunk: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """The program ended.

    Attributes:
        execution_time_ms: Milliseconds from request to response.
        exit_code: Exit code; 128 plus the number of the signal that ended the program.
        process_ms: Milliseconds from the start to the end of the program.
        spawn_ms: Milliseconds until the program was started.
    """

    execution_time_ms: int
    exit_code: int
    process_ms: int
    spawn_ms: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WarmReplAck:
    """The interpreter of a language waits for code, or cannot be had. A failure is no `error`: code of the language may
    run in a process of its own all the same.

    Attributes:
        language: Interpreter.
        message: Reason why it does not, for people.
        status: Whether it waits for code.
    """

    language: str
    message: str | None = None
    status: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The request is done.

    Attributes:
        action: Action of the request.
        waiting: Bytes of standard input that the program has not read yet; only after `stdin`.
    """

    action: str
    waiting: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileWriteAck:
    """The file is in place.

    Attributes:
        bytes_written: Bytes of the file.
        path: Path as the host wrote it.
    """

    bytes_written: int
    path: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileChunk:
    """Part of a file.

    Attributes:
        data: Piece of one zstd frame.
    """

    data: bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileReadComplete:
    """The file is sent.

    Attributes:
        path: Path as the host wrote it.
        size: Bytes of the file.
    """

    path: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileListEntry:
    """One of the entry objects of a list.

    Attributes:
        is_dir: Whether it is a directory.
        name: Name.
        size: Bytes of a file that take up room: holes of a sparse file do not count. 0 for a directory.
    """

    is_dir: bool
    name: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileList:
    """The content of a directory.

    Attributes:
        entries: Entries, sorted by name.
        path: Path as the host wrote it.
    """

    entries: tuple[FileListEntry, ...]
    path: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """The description of a file, a directory or a link.

    Attributes:
        kind: Kind. A link is not followed.
        mode: Permissions.
        modified_ms: Time of the last change of the content, milliseconds since 1970.
        path: Path as the host wrote it.
        size: Bytes of a file.
    """

    kind: str
    mode: int
    modified_ms: int
    path: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The time of the guest.

    Attributes:
        unix_ns: Nanoseconds since 1970.
    """

    unix_ns: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reseed:
    """The bytes are in the random pool.

    Attributes:
        bytes: Number of bytes.
        reseeded: Whether the kernel reseeded its generator from the pool at once.
    """

    bytes: int
    reseeded: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """The state of the guest. A number that the agent cannot find out is absent.

    Attributes:
        agent_rss_kib: Memory of the agent.
        disk_free_kib: Free part of it.
        disk_total_kib: Size of the file system of the home directory.
        memory_available_kib: Memory that programs can have.
        memory_total_kib: Memory.
        processes: Processes.
        swap_free_kib: Swap that is not in use.
        swap_total_kib: Swap.
        uptime_ms: Time since the boot, milliseconds.
        zombies: Processes that have ended and whose parent has not waited for them.
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
    """The request failed. This replaces the last response.

    Attributes:
        action: Action of the request that failed. It tells the error of a `stdin` request from the end of the program
            with the same op_id. Absent if the agent could not read an action that it knows.
        error_type: Kind of the error.
        message: Reason, for people.
        version: Version of the agent.
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
    | WarmReplAck
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
    "warm_repl_ack": WarmReplAck,
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

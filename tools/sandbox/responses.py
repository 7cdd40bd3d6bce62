"""Responses of an agent, one class for each that `agents/protocol/protocol.schema.json` declares.

Created by `./bazelw run //tools/sandbox:generate_responses`. Do not edit.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """The agent answers.

    Attributes:
        boot: Boot ledger, in the first response after a boot: the duration of each stage, `NAME=MICROSECONDS`,
            separated by commas.
        version: Version of the agent.
    """

    boot: str | None = None
    version: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Host and agent agree on a protocol number.

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
    """Part of the standard output of a program, or of the output of its terminal.

    Attributes:
        chunk: Text. U+FFFD replaces bytes that are not valid UTF-8.
    """

    chunk: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stderr:
    """Part of the standard error of a program.

    Attributes:
        chunk: Text. U+FFFD replaces bytes that are not valid UTF-8.
    """

    chunk: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """The program ended.

    Attributes:
        execution_time_ms: Milliseconds from the request to the response.
        exit_code: Exit code, or 128 plus the number of the signal that ended the program.
        process_ms: Milliseconds from the start to the end of the program.
        spawn_ms: Milliseconds until the program was started.
    """

    execution_time_ms: int
    exit_code: int
    process_ms: int
    spawn_ms: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WarmReplAck:
    """The interpreter of a language is ready for code, or failed to start. A failure is not an `error`: code of the
    language may still run in a new process.

    Attributes:
        language: Interpreter.
        message: Reason for the failure, for people.
        status: Whether the interpreter is ready.
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
    """The file is complete.

    Attributes:
        bytes_written: Size of the file, bytes.
        path: Path as the host wrote it.
    """

    bytes_written: int
    path: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileChunk:
    """Part of a file.

    Attributes:
        data: Chunk of one zstd frame.
    """

    data: bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileReadComplete:
    """The agent has sent the whole file.

    Attributes:
        path: Path as the host wrote it.
        size: Size of the file, bytes.
    """

    path: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileListEntry:
    """One of the entry objects of a list.

    Attributes:
        is_dir: Whether it is a directory.
        name: Name.
        size: Allocated bytes of a file, without the holes of a sparse file. 0 for a directory.
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
        kind: Kind. The agent does not follow links.
        mode: Permissions.
        modified_ms: Time of the last change of the content, milliseconds since 1970.
        path: Path as the host wrote it.
        size: Size of a file, bytes.
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
    """The agent has mixed the bytes into the random pool.

    Attributes:
        bytes: Number of bytes.
        reseeded: Whether the kernel then reseeded its generator from the pool.
    """

    bytes: int
    reseeded: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """The state of the guest. A number that the agent cannot read is absent.

    Attributes:
        agent_rss_kib: Memory of the agent.
        disk_free_kib: Free space of that file system.
        disk_total_kib: Size of the file system of the home directory.
        memory_available_kib: Memory that is available to programs.
        memory_total_kib: Memory.
        processes: Processes.
        swap_free_kib: Free swap.
        swap_total_kib: Swap.
        uptime_ms: Time since the boot, milliseconds.
        zombies: Processes that have ended, and whose parent has yet to wait for them.
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
        action: Action of the request that failed. It distinguishes the error of a `stdin` request from the end of the
            program with the same op_id. Absent if the line has no known action.
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

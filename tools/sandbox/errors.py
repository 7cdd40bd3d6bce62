"""Errors of a sandbox: of the machine, of the protocol, or of a request."""

from __future__ import annotations

from typing import ClassVar

from tools.cli.text import one_line, printable
from tools.sandbox import responses


class SandboxError(Exception):
    """Every error of this library."""


class MachineError(SandboxError):
    """QEMU or the guest in it failed; the message ends with the console's tail."""


class ProtocolError(MachineError):
    """The guest sent something that no agent sends. The host ignores all further data."""


class NoAnswerError(MachineError):
    """The guest runs, but does not answer."""


class AgentError(SandboxError):
    """The agent answered with an error. Each type of the wire has a subclass; a type of a later agent has none.

    Attributes:
        error_type: name of the error on the wire, such as timeout_error.
    """

    types: ClassVar[dict[str, type[AgentError]]] = {}
    """The subclasses, by their names on the wire."""

    def __init_subclass__(cls, *, error_type: str) -> None:
        AgentError.types[error_type] = cls

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type


class RefusedError(AgentError, error_type="validation_error"):
    """A field of a request is missing, too long, or not allowed."""


class CodeError(RefusedError, error_type="code_error"):
    """The code is blank, or cannot be passed to a program."""


class VariableError(RefusedError, error_type="env_var_error"):
    """A variable of the environment is not allowed."""


class ExecutionError(AgentError, error_type="execution_error"):
    """A program could not be started."""


class TimedOutError(AgentError, error_type="timeout_error"):
    """A program exceeded its time limit."""


class RequestError(AgentError, error_type="request_error"):
    """A request came at the wrong time: after the end of its program, or with too many others."""


class FileError(AgentError, error_type="io_error"):
    """The guest's system reported an error: no such file, no space, no permission."""


class StdinNotRequestedError(RequestError, error_type="stdin_not_requested_error"):
    """A program was started without `stdin`."""


class StdinClosedError(FileError, error_type="stdin_closed_error"):
    """A program accepts no more input. Older agents answer `io_error`."""


class StdinFullError(FileError, error_type="stdin_full_error"):
    """A program has not read enough of its input for more."""


class PathError(AgentError, error_type="path_error"):
    """A path leads out of the guest's home."""


class PackageError(AgentError, error_type="package_error"):
    """A package has no such name, or no installer for it exists."""


class TransferError(AgentError, error_type="protocol_error"):
    """The content of a file is malformed on the wire."""


class OutputLimitError(AgentError, error_type="output_limit_error"):
    """A program exceeded its limit of output."""


class WarmUpError(SandboxError):
    """A guest cannot start the interpreter of a session. Code can still run in a separate process."""


def agent_error(error: responses.Error) -> AgentError:
    """Return a response as an exception, with a message that is safe to show."""
    error_type = one_line(error.error_type)
    message = printable(error.message.encode(errors="replace"))
    return AgentError.types.get(error_type, AgentError)(error_type, message)

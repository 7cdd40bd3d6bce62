"""What can go wrong with a sandbox: the machine, the agent's manners, or what was asked of it."""

from __future__ import annotations

from typing import ClassVar

from tools.cli.text import one_line, printable
from tools.sandbox import responses


class SandboxError(Exception):
    """Every error of this library."""


class MachineError(SandboxError):
    """QEMU or the guest in it failed; the message ends with the console's tail."""


class ProtocolError(MachineError):
    """The guest sent what no agent sends. Nothing that it says after that is looked at."""


class NoAnswerError(MachineError):
    """The guest runs, and does not answer."""


class AgentError(SandboxError):
    """The agent answered with an error. The wire's types of errors have subclasses; one of a later agent has none.

    Attributes:
        error_type: the wire's name of what was wrong, such as timeout_error.
    """

    types: ClassVar[dict[str, type[AgentError]]] = {}
    """The subclasses, by the wire's name."""

    def __init_subclass__(cls, *, error_type: str) -> None:
        AgentError.types[error_type] = cls

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type


class RefusedError(AgentError, error_type="validation_error"):
    """A request has a field that is missing, too long, or not allowed."""


class CodeError(RefusedError, error_type="code_error"):
    """The code is blank, or no program can have it."""


class VariableError(RefusedError, error_type="env_var_error"):
    """A variable of the environment is not allowed."""


class ExecutionError(AgentError, error_type="execution_error"):
    """A program could not be started."""


class TimedOutError(AgentError, error_type="timeout_error"):
    """A program ran longer than it may."""


class RequestError(AgentError, error_type="request_error"):
    """A request came at the wrong time: for something that has ended, or with too many others."""


class FileError(AgentError, error_type="io_error"):
    """The guest's system refused: no such file, no room, no permission."""


class StdinNotRequestedError(RequestError, error_type="stdin_not_requested_error"):
    """A program was started without `stdin`."""


class StdinClosedError(FileError, error_type="stdin_closed_error"):
    """A program takes no more input. Older agents answer `io_error`."""


class StdinFullError(FileError, error_type="stdin_full_error"):
    """A program has not read enough of its input for more."""


class PathError(AgentError, error_type="path_error"):
    """A path leads out of the guest's home."""


class PackageError(AgentError, error_type="package_error"):
    """A package has no such name, or nothing can install it."""


class TransferError(AgentError, error_type="protocol_error"):
    """The content of a file is not what it must be on the wire."""


class OutputLimitError(AgentError, error_type="output_limit_error"):
    """A program printed more than it may."""


class WarmUpError(SandboxError):
    """A guest cannot start the interpreter of a session. Code may run in a process of its own all the same."""


def agent_error(error: responses.Error) -> AgentError:
    """Return a response as an exception, with a message that is safe to show."""
    error_type = one_line(error.error_type)
    message = printable(error.message.encode(errors="replace"))
    return AgentError.types.get(error_type, AgentError)(error_type, message)

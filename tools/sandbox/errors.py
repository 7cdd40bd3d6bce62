"""What can go wrong with a sandbox: the machine, the agent's manners, or what was asked of it."""

from __future__ import annotations


class SandboxError(Exception):
    """Every error of this library."""


class MachineError(SandboxError):
    """QEMU or the guest in it failed; the message ends with the console's tail."""


class ProtocolError(MachineError):
    """The guest sent what no agent sends. Nothing that it says after that is looked at."""


class NoAnswerError(MachineError):
    """The guest runs, and does not answer."""


class AgentError(SandboxError):
    """The agent answered with an error.

    Attributes:
        error_type: the wire's name of what was wrong, such as timeout_error.
    """

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type


class RefusedError(AgentError):
    """A request has a field that is missing, too long, or not allowed."""


class ExecutionError(AgentError):
    """A program could not be started."""


class TimedOutError(AgentError):
    """A program ran longer than it may."""


class RequestError(AgentError):
    """A request came at the wrong time: for something that has ended, or with too many others."""


class FileError(AgentError):
    """The guest's system refused: no such file, no room, no permission."""


class PathError(AgentError):
    """A path leads out of the guest's home."""


class PackageError(AgentError):
    """A package has no such name, or nothing can install it."""


class TransferError(AgentError):
    """The content of a file is not what it must be on the wire."""


class OutputLimitError(AgentError):
    """A program printed more than it may."""


_TYPES = {
    "execution_error": ExecutionError,
    "io_error": FileError,
    "output_limit_error": OutputLimitError,
    "package_error": PackageError,
    "path_error": PathError,
    "protocol_error": TransferError,
    "request_error": RequestError,
    "timeout_error": TimedOutError,
    "validation_error": RefusedError,
}


def agent_error(error_type: str, message: str) -> AgentError:
    """Returns the error of a type of the wire; an unknown one is a plain AgentError."""
    return _TYPES.get(error_type, AgentError)(error_type, message)

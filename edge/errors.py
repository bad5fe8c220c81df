"""The one family of errors that `edge` raises: each carries the exit code of the command line."""

from typing import ClassVar


class EdgeError(Exception):
    """What is wrong, what was got, what is allowed or the cure; one line a fault."""

    exit_code: ClassVar[int] = 1

    def __init__(self, *faults: str) -> None:
        """Keep every fault: a user sees all of them at once."""
        self.faults = faults
        super().__init__("\n".join(faults))


class UsageError(EdgeError):
    """The words of a command do not fit."""

    exit_code = 2


class BadDataError(EdgeError):
    """Data or a model that cannot be used."""

    exit_code = 65


class NotFoundError(EdgeError):
    """A file, folder or name that does not exist."""

    exit_code = 66


class UnavailableError(EdgeError):
    """No runtime, camera or accelerator that works."""

    exit_code = 69


class CannotWriteError(EdgeError):
    """A result that could not be written."""

    exit_code = 74


class BadConfigError(EdgeError):
    """A configuration that contradicts itself or the format."""

    exit_code = 78

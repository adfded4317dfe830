"""What ends a command: each class has its exit status. Findings in the user's files are diagnostics, not exceptions."""


class GitConfigError(Exception):
    """Base of the expected errors; `hint` says what to do next."""

    exit_status = 4

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(GitConfigError):
    """The command, or the settings it found, cannot be used (exit status 2)."""

    exit_status = 2


class OutsideError(GitConfigError):
    """Something outside the program failed: git, the file system, a service (exit status 3)."""

    exit_status = 3

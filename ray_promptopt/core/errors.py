"""The error tree: one class per boundary crossed, each message says what failed and what to do.

Every field goes to `super().__init__`, so that an error survives pickling across processes.
"""

from typing import NamedTuple


class PromptOptError(Exception):
    """Anything this package raises on purpose; the CLI prints its message without a traceback."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else type(self).__name__


class ConfigProblem(NamedTuple):
    """One thing wrong in a config: where, what was given, what is allowed and how to mend it."""

    key: str
    value: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.key} = {self.value}: {self.remedy}"


class ConfigError(PromptOptError):
    """The config cannot be used; `problems` holds every fault found, not just the first."""

    def __init__(self, source: str, problems: tuple[ConfigProblem, ...]) -> None:
        super().__init__(source, problems)
        self.source = source
        self.problems = problems

    def __str__(self) -> str:
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        plural = "" if len(self.problems) == 1 else "s"
        return f"{self.source}: {len(self.problems)} problem{plural}\n{lines}"


class TaskAppError(PromptOptError):
    """The task app did not do its part: unreachable, wrong key, or an answer off the contract."""

    def __init__(self, message: str, *, retryable: bool, status_code: int | None = None) -> None:
        super().__init__(message, retryable, status_code)
        self.retryable = retryable
        self.status_code = status_code

    def __reduce__(self) -> tuple[object, ...]:
        return (_task_app_error, (str(self), self.retryable, self.status_code))


class UpstreamError(PromptOptError):
    """A model server failed; `fatal` stops the run (bad key, unknown model, no quota).

    `retry_after_s`: how long it asks to be left alone.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: str = "upstream_error",
        retryable: bool = False,
        fatal: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, status_code, code, retryable, fatal, retry_after_s)
        self.status_code = status_code
        self.code = code
        self.retryable = retryable
        self.fatal = fatal
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[object, ...]:
        return (_upstream_error, self.args)


class SubstitutionError(PromptOptError):
    """A request did not match the baseline that was learned; nothing was sent in its name."""


class BudgetError(PromptOptError):
    """A budget cannot pay for what is asked of it."""


class JournalError(PromptOptError):
    """The run store is missing, damaged, or of a run that cannot be continued."""


class ClusterError(PromptOptError):
    """Ray or Serve could not give what was needed: a port, an actor, a cluster."""


def _task_app_error(message: str, retryable: bool, status_code: int | None) -> TaskAppError:
    return TaskAppError(message, retryable=retryable, status_code=status_code)


def _upstream_error(
    message: str,
    status_code: int | None,
    code: str,
    retryable: bool,
    fatal: bool,
    retry_after_s: float | None,
) -> UpstreamError:
    return UpstreamError(
        message,
        status_code=status_code,
        code=code,
        retryable=retryable,
        fatal=fatal,
        retry_after_s=retry_after_s,
    )

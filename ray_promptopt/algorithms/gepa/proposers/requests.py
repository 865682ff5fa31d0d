"""What a search asks the reflection model for. Scores are sums over the examples they name."""

from dataclasses import dataclass
from typing import NamedTuple

from ray_promptopt.core.work import Evidence


class ReflectiveExample(NamedTuple):
    """One example of the reflective dataset: what happened, and how it was scored."""

    evidence: Evidence
    score: float


class RejectedEdit(NamedTuple):
    """A text that was tried in place of the current one and did not help.

    `feedback` says what went wrong with it, as the task app put it; may be empty.
    """

    text: str
    before: float
    after: float
    num_examples: int
    feedback: str


class VerifiedEdit(NamedTuple):
    """An edit that raised the score on its minibatch; `examples` are the base's rollouts on it."""

    base_text: str
    text: str
    before: float
    after: float
    examples: tuple[ReflectiveExample, ...]


@dataclass(frozen=True, slots=True)
class ReflectionRequest:
    """Rewrite one component from what happened with it.

    `required` are the wildcards that must survive; `refusal` says why the last answer to this
    request could not be used, if there was one.
    """

    component: str
    current_text: str
    examples: tuple[ReflectiveExample, ...]
    required: tuple[str, ...]
    rejected: tuple[RejectedEdit, ...] = ()
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """Bring verified edits of this text, or of earlier versions of it, together in one."""

    component: str
    current_text: str
    edits: tuple[VerifiedEdit, ...]
    required: tuple[str, ...]
    refusal: str | None = None

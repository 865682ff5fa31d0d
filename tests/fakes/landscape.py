"""A task whose score can be computed (additive lessons), and searches driven by hand.

Every example needs one lesson (a token such as `rule3`); a prompt that contains it scores 1 on
the example, else 0 and the feedback names it. The reflection model adds the first token that the
feedback mentions and the text lacks, so a search measurably improves. No randomness: an answer
is a function of the work item alone.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ray_promptopt.algorithms.base import Optimizer
from ray_promptopt.core.work import (
    Decision,
    DecisionKind,
    EvaluateCandidate,
    Evidence,
    FailedOutcome,
    Outcome,
    ProposalOutcome,
    ProposeText,
    Purpose,
    RolloutOutcome,
    WorkItem,
)

_TOKEN = re.compile(r"rule\d+")
_CURRENT = re.compile(r"for me:\n```\n(.*?)\n```\n", re.DOTALL)


@dataclass
class Landscape:
    """Answers work items. `lost` names the ids (by predicate) that fail instead."""

    num_lessons: int = 6
    lost: Callable[[WorkItem], bool] = lambda item: False
    num_rollouts: int = field(default=0, init=False)

    def lesson_of(self, seed: int) -> str:
        """The token that the example of this seed needs."""
        return f"rule{seed % self.num_lessons}"

    def score(self, texts: Iterable[str], seed: int) -> float:
        """1 when any component holds the example's lesson."""
        return float(any(self.lesson_of(seed) in _TOKEN.findall(text) for text in texts))

    def answer(self, item: WorkItem) -> Outcome:
        """What the world says to this work item."""
        if self.lost(item):
            return FailedOutcome(item.work_id, "connection refused")
        if isinstance(item, ProposeText):
            return ProposalOutcome(item.work_id, self._reflect(item.messages[-1].content))
        return self._roll_out(item)

    def _roll_out(self, item: EvaluateCandidate) -> RolloutOutcome:
        self.num_rollouts += 1
        seed = item.example.seed
        score = self.score(item.candidate.texts.values(), seed)
        feedback = "right" if score else f"wrong: the answer needs {self.lesson_of(seed)}"
        return RolloutOutcome(item.work_id, score, Evidence(f"query {seed}", "reply", feedback))

    def _reflect(self, prompt: str) -> str:
        found = _CURRENT.search(prompt)
        current = found.group(1) if found else ""
        wanted = _TOKEN.findall(prompt[found.end() if found else 0 :])
        new = next((token for token in wanted if token not in _TOKEN.findall(current)), "")
        return f"Here it is.\n```\n{current} {new}\n```\n"


def run_search(
    optimizer: Optimizer, landscape: Landscape, capacity: int = 1000, max_tells: int = 100_000
) -> tuple[list[Outcome], list[Decision]]:
    """Drive a search to its end; returns the journal of outcomes and all decisions."""
    journal: list[Outcome] = []
    decisions: list[Decision] = []
    while optimizer.stop_reason() is None:
        items = optimizer.ask(capacity)
        assert items, "a search that goes on must have work"
        for item in items:
            outcome = landscape.answer(item)
            journal.append(outcome)
            decisions += optimizer.tell(outcome)
        assert len(journal) <= max_tells, "the search does not end"
    return journal, decisions


Reply = float | str | None


def answer_stage(
    optimizer: Optimizer, reply: Callable[[WorkItem], Reply] | Reply
) -> tuple[list[WorkItem], list[Decision]]:
    """Answer all open work: a number is a score, a text a reflection, None a loss."""
    items = optimizer.ask(1000)
    decisions = []
    for item in items:
        said = reply(item) if callable(reply) else reply
        decisions += optimizer.tell(as_outcome(item, said))
    return items, decisions


def as_outcome(item: WorkItem, said: Reply) -> Outcome:
    if said is None:
        return FailedOutcome(item.work_id, "connection refused")
    if isinstance(said, str):
        return ProposalOutcome(item.work_id, said)
    return RolloutOutcome(item.work_id, said, Evidence("in", "out", "feedback"))


def kinds(decisions: list[Decision]) -> list[DecisionKind]:
    return [decision.kind for decision in decisions]


def purposes(items: list[WorkItem]) -> set[Purpose]:
    return {item.purpose for item in items}

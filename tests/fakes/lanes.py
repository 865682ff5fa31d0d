"""Searches of the schedule `async` driven by hand: one told outcome at a time, work by its id."""

from collections.abc import Callable

from ray_promptopt.algorithms.gepa import AsyncGepaOptimizer, GepaSettings
from ray_promptopt.algorithms.gepa.lanes.settings import LaneSettings
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.work import Decision, EvaluateCandidate, WorkItem
from tests.fakes.landscape import Reply, as_outcome


def lane_settings(
    train: int = 6, validation: int = 4, budget: int = 200, concurrent: int = 12, **more: object
) -> GepaSettings:
    """A small search; minibatches of 2 and no racing unless said."""
    lanes = LaneSettings(max_concurrent=concurrent, racing=False)
    values: dict[str, object] = {"minibatch_size": 2, "lanes": lanes, **more}
    return GepaSettings(
        tuple(range(train)),
        tuple(range(100, 100 + validation)),
        budget,
        **values,  # type: ignore[arg-type]
    )


class HandDriven:
    """Everything that is open, by work id, everything ever asked, and every decision so far."""

    def __init__(self, settings: GepaSettings, texts: dict[str, str] | None = None) -> None:
        self.optimizer = AsyncGepaOptimizer(settings, Candidate.of(texts or {"prompt": "base"}))
        self.open: dict[str, WorkItem] = {}
        self.asked: dict[str, WorkItem] = {}
        self.decisions: list[Decision] = []
        self.refill()

    def refill(self) -> None:
        """Take all work that is ready."""
        while items := self.optimizer.ask(100):
            self.open |= {item.work_id: item for item in items}
            self.asked |= self.open

    def answer(
        self, prefix: str, reply: Callable[[WorkItem], Reply] | Reply, *, most: int | None = None
    ) -> list[Decision]:
        """Answer the open items whose id begins so, in their order; what was decided."""
        ids = [work_id for work_id in self.open if work_id.startswith(prefix)][:most]
        assert ids, f"nothing open begins with {prefix!r}: {sorted(self.open)}"
        decided: list[Decision] = []
        for work_id in ids:
            item = self.open.pop(work_id)
            said = reply(item) if callable(reply) else reply
            decided += self.optimizer.tell(as_outcome(item, said))
        self.decisions += decided
        self.refill()
        return decided

    def stages(self) -> set[str]:
        """The stages with open work, such as `l0.child`."""
        return {".".join(work_id.split(".")[:2]) for work_id in self.open}

    def seeds_of(self, prefix: str) -> set[int]:
        """The seeds of all rollouts ever asked whose id begins so."""
        return {
            item.example.seed
            for key, item in self.asked.items()
            if key.startswith(prefix) and isinstance(item, EvaluateCandidate)
        }

    def find_lesson(self, lane: int, text: str, before: float = 0.0, after: float = 1.0) -> None:
        """A whole lane, from its parent's minibatch to the child that beats it."""
        if f"l{lane}.parent" in self.stages():
            self.answer(f"l{lane}.parent", before)
        self.answer(f"l{lane}.reflect", fenced(text))
        self.answer(f"l{lane}.child", after)

    def prompt_of(self, prefix: str) -> str:
        """What an open model call says."""
        (item,) = (item for key, item in self.open.items() if key.startswith(prefix))
        return "\n".join(message.content for message in item.messages)  # type: ignore[union-attr]


def fenced(text: str) -> str:
    """A reflection that can be read."""
    return f"```\n{text}\n```"

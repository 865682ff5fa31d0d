"""The only way from a contestant to the models: one limit on concurrency, every call counted."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.versus.model_server import WRITER
from benchmarks.versus.models import Models
from benchmarks.versus.problem import Problem
from ray_promptopt.core.examples import Part
from ray_promptopt.core.work import Evidence
from ray_promptopt.tasks.classifier import answered_label, feedback, is_right

REFLECTION_TEMPERATURE = 1.0


@dataclass(frozen=True, slots=True)
class Scored:
    """A rollout's score, and what happened in it in words."""

    score: float
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class NewBest:
    """The text that a contestant would have given back from this moment on."""

    at_s: float
    rollouts: int
    reflections: int
    text: str


class World:
    """One run's models and its records; made inside the event loop whose clock it reads."""

    def __init__(
        self, problem: Problem, models: Models, policy_model: str, max_concurrent: int
    ) -> None:
        self.problem = problem
        self.max_concurrent = max_concurrent
        self.rollout_times_s: list[float] = []
        self.bests: list[NewBest] = []
        self.policy_calls = 0
        self.reflection_calls = 0
        self.busy_s = 0.0
        """Sum over all calls of the seconds they were in flight."""
        self._models = models
        self._policy_model = policy_model
        self._limit = asyncio.Semaphore(max_concurrent)
        self._loop = asyncio.get_running_loop()
        self._started_at = self._loop.time()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return self._loop.time() - self._started_at

    async def rollout(self, text: str, part: Part, place: int) -> Scored:
        """The policy model's answer to one row under this system message, graded."""
        row = self.problem.row(part, place)
        self.policy_calls += 1
        message = await self._complete(self.problem.body(text, row, self._policy_model))
        self.rollout_times_s.append(self.elapsed_s)
        answered = answered_label(message)
        score = 1.0 if is_right(row, answered) else 0.0
        said = "\n".join(call["function"]["arguments"] for call in message.get("tool_calls") or [])
        return Scored(score, Evidence(row.text, said, feedback(row, answered)))

    async def reflect(self, messages: Sequence[Mapping[str, Any]], seed: int) -> str:
        """The reflection model's reply."""
        self.reflection_calls += 1
        message = await self._complete(
            {
                "model": WRITER,
                "messages": list(messages),
                "temperature": REFLECTION_TEMPERATURE,
                "seed": seed,
            }
        )
        return str(message["content"])

    def note_best(self, text: str) -> None:
        """From now on this is the contestant's answer."""
        rollouts = len(self.rollout_times_s)
        self.bests.append(NewBest(self.elapsed_s, rollouts, self.reflection_calls, text))

    async def _complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        async with self._limit:
            sent_at_s = self.elapsed_s
            answer = await self._models.complete(body)
            self.busy_s += self.elapsed_s - sent_at_s
        message: dict[str, Any] = answer["choices"][0]["message"]
        return message

"""The state of a MIPRO search, and which work is worth beginning next.

Every job reserves its rollouts before it begins, so the budget is never passed. What follows upon
the end of a stage is decided in `rules.py`.
"""

import math
from dataclasses import dataclass, field

from ray_promptopt.algorithms.mipro.bootstrap import ScoredRollout
from ray_promptopt.algorithms.mipro.catalogue import Catalogue
from ray_promptopt.algorithms.mipro.estimates import clearly_worse, estimates
from ray_promptopt.algorithms.mipro.jobs import Evaluation, Job, Round
from ray_promptopt.algorithms.mipro.settings import MiproSettings
from ray_promptopt.algorithms.mipro.tpe import Point, Space, Trial, suggest
from ray_promptopt.algorithms.parsing import wildcards
from ray_promptopt.algorithms.randomness import stream
from ray_promptopt.core.budget import Budget
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.work import Purpose

MAX_FRUITLESS = 5  # evaluations in a row without one scored rollout: the task app is down
MAX_BARREN_ROUNDS = 3  # rounds in a row that gave no instruction: the meta model has no more
NUM_FINALISTS = 3  # combinations that the end of the budget may go to
_RESERVED_SHARE = 4  # a quarter of the budget at most is kept for the last full evaluation
_LEAST_RUNG = 3
_PENDING_SHARE = 4  # trials that run at once are at most a quarter of all: the rest can learn


@dataclass(slots=True)
class Tally:
    """What is counted over the whole search; `discarded` is by reason."""

    trials: int = 0
    kept: int = 0
    dropped: int = 0
    since_best: int = 0
    since_extension: int = 0
    since_update: int = 0
    fruitless: int = 0
    rounds: int = 0
    barren_rounds: int = 0
    evaluations: int = 0
    discarded: dict[str, int] = field(default_factory=dict)

    def count_discard(self, reason: str) -> None:
        """A proposal was thrown away."""
        self.discarded[reason] = self.discarded.get(reason, 0) + 1


class Search:
    """What is known, what runs, and what may begin."""

    def __init__(self, settings: MiproSettings, initial: Candidate) -> None:
        self.settings = settings
        self.initial = initial
        self.catalogue = Catalogue.of(initial, demos_in_text=settings.demos_in_text)
        self.budget = Budget(settings.rollout_budget)
        self.tally = Tally()
        self.rounds: dict[int, Round] = {}
        self.evaluations: dict[int, Evaluation] = {}
        self.train_rollouts: dict[int, dict[int, ScoredRollout]] = {}
        self.summary = ""
        self.best = 0
        self.closing: str | None = None
        self.stop: str | None = None
        self.required = {name: wildcards(text) for name, text in initial.components}
        self.order = self._shuffled("validation", settings.validation)
        self.train_order = self._shuffled("train", settings.train)
        self._estimates: list[float] | None = None

    def _shuffled(self, purpose: str, seeds: tuple[int, ...]) -> tuple[int, ...]:
        places = stream(self.settings.rng_seed, "order", purpose).permutation(len(seeds))
        return tuple(seeds[int(place)] for place in places)

    def estimates(self) -> list[float]:
        """The estimated score of every arm, over all validation seeds."""
        if self._estimates is None:
            results = [arm.results for arm in self.catalogue.arms]
            self._estimates = estimates(results, self.order)
        return self._estimates

    def forget_estimates(self) -> None:
        """A score came in or an arm was added."""
        self._estimates = None

    def ranking(self) -> list[int]:
        """Arms with scores, the best first; among equals the older."""
        values = self.estimates()
        scored = [number for number, arm in enumerate(self.catalogue.arms) if arm.results]
        return sorted(scored, key=lambda number: (-values[number], number))

    @property
    def iteration(self) -> int:
        """How many trials have begun."""
        return self.tally.trials

    def start_job(self) -> Job | None:
        """The next round or evaluation. The first evaluation scores the initial candidate; when the
        budget does not hold it the search is over."""
        if not self.tally.evaluations:
            return self._begin()
        return self.start_round() or self.start_evaluation()

    def _begin(self) -> Evaluation | None:
        settings = self.settings
        target = len(self.order) if settings.is_reference else settings.batch
        if not self.budget.try_reserve(target):
            self.stop = self._budget_stop(f"scoring the initial candidate needs {target}")
            return None
        return self._evaluate(0, target, Purpose.INITIAL_VALIDATION)

    def start_round(self) -> Round | None:
        """The first proposals, or a renewal once enough trials have told something."""
        if self.rounds or self.closing is not None:
            return None
        if self.settings.is_reference and self.evaluations:
            return None
        if self.tally.rounds == 0:
            return self._round(0, self.settings.num_bootstrap)
        may_update = self.is_open and self._may_update()
        return self._round(self.best, self.settings.batch) if may_update else None

    def _may_update(self) -> bool:
        """After enough trials; before, when every combination is scored and words are missing."""
        if not self._affords_update():
            return False
        return self._is_due() or (self._lacks_words() and not self.evaluations)

    def _is_due(self) -> bool:
        tally, update = self.tally, self.settings.update
        if update.at_trials:
            before = tally.trials - tally.since_update
            return any(before < number <= tally.trials for number in update.at_trials)
        return tally.since_update >= update.every_trials

    def _affords_update(self) -> bool:
        settings = self.settings
        if not settings.update.enabled or settings.num_instructions == 1:
            return False
        return self.budget.remaining >= 2 * settings.batch + self._kept_back()

    def _lacks_words(self) -> bool:
        """Whether there is nothing to try but what the meta model may still write."""
        return self.tally.barren_rounds < MAX_BARREN_ROUNDS and self._is_exhausted()

    def _round(self, arm: int, num_seeds: int) -> Round:
        """A round on the next training seeds that this arm was not rolled out on yet."""
        number = self.tally.rounds
        known = self.train_rollouts.get(arm, {})
        start = number * num_seeds % len(self.train_order)
        turned = self.train_order[start:] + self.train_order[:start]
        limit = int(min(num_seeds, self.budget.remaining))
        seeds = tuple(seed for seed in turned if seed not in known)[:limit]
        self.budget.try_reserve(len(seeds))
        job = Round(number, arm, seeds, reserved=len(seeds))
        self.rounds[number] = job
        self.tally.rounds += 1
        self.tally.since_update = 0
        return job

    def start_evaluation(self) -> Evaluation | None:
        """A new trial, or more seeds for one of the best; None when neither can begin now."""
        if not self.is_open:
            return None
        if len(self.evaluations) >= self.num_pending or (
            self.rounds and self.settings.is_reference
        ):
            return None
        self._note_closing()
        if self.closing is None and self._affords_trial():
            if self.tally.since_extension >= self.settings.full_eval_every:
                self.tally.since_extension = 0
                extension = self._extend(1)
                if extension is not None:
                    return extension
            if self.rounds and self._is_due():
                return None  # new instructions are on their way: leave them something to spend
            point = self._suggest()
            if point is not None:
                return self._trial(point)
            if self._affords_update() and self._lacks_words():
                return None  # the next instructions are written when the scores are complete
        if self.rounds:
            return None
        return self._extend(NUM_FINALISTS)

    @property
    def is_open(self) -> bool:
        """Whether the baseline is scored and the first choices are there."""
        return self.tally.rounds > 0 and 0 not in self.rounds and 0 not in self.evaluations

    @property
    def num_pending(self) -> int:
        """Evaluations that run at once."""
        settings = self.settings
        if settings.is_reference:
            return 1
        wide = math.ceil(settings.max_concurrent / first_rung(settings.batch)) + 1
        return max(1, min(wide, settings.rollout_budget // settings.batch // _PENDING_SHARE))

    def _affords_trial(self) -> bool:
        return self.budget.remaining >= self.settings.batch + self._kept_back()

    def _kept_back(self) -> int:
        """What a full evaluation of the best may still need."""
        missing = len(self.order) - self.catalogue.arms[self.best].asked
        return min(missing, self.settings.rollout_budget // _RESERVED_SHARE)

    def _is_exhausted(self) -> bool:
        space = self._space()
        return sum(space.holds(arm.point) for arm in self.catalogue.arms) >= space.size

    def _space(self) -> Space:
        return self.catalogue.space(include_empty=self.settings.include_empty)

    def _suggest(self) -> Point | None:
        values = self.estimates()
        trials = [
            Trial(arm.point, values[number] if arm.results else None)
            for number, arm in enumerate(self.catalogue.arms)
        ]
        rng = stream(self.settings.rng_seed, "tpe", len(trials))
        return suggest(self._space(), trials, self.settings.tpe, rng)

    def _trial(self, point: Point) -> Evaluation:
        self.tally.trials += 1
        self.tally.since_extension += 1
        self.tally.since_update += 1
        arm = self.catalogue.add_arm(point, self.tally.trials)
        self.forget_estimates()
        self.budget.try_reserve(self.settings.batch)
        return self._evaluate(arm, self.settings.batch, Purpose.TRIAL)

    def _extend(self, num_finalists: int) -> Evaluation | None:
        """More seeds for the best of the first few that is not yet scored on all of them."""
        running = {job.arm for job in self.evaluations.values()}
        for arm in self.ranking()[:num_finalists]:
            row = self.catalogue.arms[arm]
            missing = len(self.order) - row.asked
            if arm in running or row.dropped or not missing:
                continue
            if clearly_worse(row.results, self.catalogue.arms[self.best].results):
                continue
            size = missing if self.settings.is_reference else self.settings.batch
            size = int(min(size, missing, self.budget.remaining))
            if size:
                self.budget.try_reserve(size)
                return self._evaluate(arm, size, Purpose.VALIDATION)
        return None

    def _evaluate(self, arm: int, size: int, purpose: Purpose) -> Evaluation:
        number = self.tally.evaluations
        self.tally.evaluations += 1
        first = self.catalogue.arms[arm].asked
        is_whole = self.settings.is_reference or purpose is not Purpose.TRIAL
        rung = size if is_whole else first_rung(size)
        job = Evaluation(number, arm, first, first + rung, first + size, purpose, reserved=size)
        self.evaluations[number] = job
        self.catalogue.arms[arm].asked = job.last
        return job

    def _note_closing(self) -> None:
        tally, settings = self.tally, self.settings
        if self.closing is not None:
            return
        if settings.max_trials is not None and tally.trials >= settings.max_trials:
            self.closing = f"max trials: {tally.trials} of {settings.max_trials} made"
        elif settings.patience is not None and tally.since_best >= settings.patience:
            self.closing = f"patience: {tally.since_best} trials in a row brought no new best"

    def reason_to_end(self) -> str:
        """Why nothing can begin although nothing is open."""
        if self.closing is not None:
            return self.closing
        if self.budget.remaining < self.settings.batch + self._kept_back():
            return self._budget_stop("nothing more is affordable")
        return "nothing left to try: every combination of choices was scored"

    def _budget_stop(self, why: str) -> str:
        used, limit = int(self.budget.spent), self.settings.rollout_budget
        return f"rollout budget: {used} of {limit} used; {why}"


def first_rung(size: int) -> int:
    """How many seeds a trial is tried on before it is compared: half, and at least three."""
    return size if size < 2 * _LEAST_RUNG else max(_LEAST_RUNG, size // 2)

"""The state of an asynchronous search: lanes, landings, waiting lessons, and how they begin.

What is begun depends on the order of the outcomes alone. A job begins only when its worst case can
be reserved, so the rollout budget is never passed. What follows upon the end of a stage is in
`lane_rules.py` and `landing_rules.py`.
"""

from collections import deque
from collections.abc import Sequence

from ray_promptopt.algorithms.gepa.lanes.crossing import Crossing, Triplet, plan_crossing
from ray_promptopt.algorithms.gepa.lanes.edit_book import EditBook
from ray_promptopt.algorithms.gepa.lanes.jobs import Job, Landing, Lane
from ray_promptopt.algorithms.gepa.lanes.known import KnownResults
from ray_promptopt.algorithms.gepa.lanes.lesson import VerifiedLesson
from ray_promptopt.algorithms.gepa.lanes.pace import Breadth, GroupSize
from ray_promptopt.algorithms.gepa.lanes.stages import LandingStage
from ray_promptopt.algorithms.gepa.minibatch import MinibatchSampler
from ray_promptopt.algorithms.gepa.population import Population
from ray_promptopt.algorithms.gepa.proposers import make_proposer
from ray_promptopt.algorithms.gepa.search import Tally
from ray_promptopt.algorithms.gepa.selectors import CANDIDATE_SELECTORS
from ray_promptopt.algorithms.gepa.settings import GepaSettings
from ray_promptopt.algorithms.parsing import wildcards
from ray_promptopt.algorithms.randomness import stream
from ray_promptopt.core.budget import Budget
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import CandidateId

FEWEST_LANDINGS = 2
"""Landings that may run at once on a small cluster, each evaluation spread over all of it."""
SLOTS_PER_LANDING = 16
"""Of a large one: a landing waits for the model that merges it half of its time."""
MAX_FRUITLESS = 5
"""Lanes in a row without one scored rollout: the task app is down."""
MIN_BARREN = 20
"""Lanes in a row without a child, at least, after which nothing more is to be expected."""


class LaneSearch:
    """All that is in flight and all that is known."""

    def __init__(self, settings: GepaSettings, initial: Candidate) -> None:
        self.settings = settings
        self.initial = initial
        self.proposer = make_proposer(settings.proposer)
        self.population = Population(settings.validation, settings.fronts)
        self.budget = Budget(settings.rollout_budget)
        self.known = KnownResults()
        self.edits = EditBook()
        self.breadth = Breadth()
        self.tally = Tally()
        self.lanes: dict[int, Lane] = {}
        self.landings: dict[int, Landing] = {}
        self.waiting: list[VerifiedLesson] = []
        self.halves: deque[tuple[VerifiedLesson, ...]] = deque()
        self.landed: set[CandidateId] = {initial.id}
        self.component_turns: dict[CandidateId, int] = {}
        self.indices: dict[CandidateId, int] = {}
        self.came_from: dict[CandidateId, Candidate] = {}
        self.num_lanes = 0
        self.num_landings = 0
        self.crossed: set[Triplet] = set()
        self.num_crossings_passed = 0
        self.planned_at = 0
        self.barren = 0
        self.closing: str | None = None
        self.stop: str | None = None
        self.required = {name: wildcards(text) for name, text in initial.components}
        self._sampler = MinibatchSampler(settings.train, settings.minibatch_size, settings.rng_seed)
        self.group = GroupSize.first(
            num_validation=len(settings.validation), minibatch_size=self._sampler.size
        )
        order = stream(settings.rng_seed, "validation-order", 0).permutation(
            len(settings.validation)
        )
        self.validation_order = tuple(settings.validation[int(place)] for place in order)

    @property
    def iteration(self) -> int:
        """How many lanes have begun."""
        return self.num_lanes

    @property
    def names(self) -> tuple[str, ...]:
        """The components, in their order."""
        return tuple(name for name, _ in self.initial.components)

    def start_job(self, num_open: int) -> Job | None:
        """The next landing or lane. The first landing scores the initial candidate; when it is too
        dear the search is over."""
        if not self.num_landings:
            return self._begin()
        return self.start_landing() or self.start_lane(num_open)

    def _begin(self) -> Landing | None:
        need = len(self.settings.validation)
        if not self.budget.try_reserve(need):
            self.stop = self._budget_stop("scoring the initial candidate", need)
            return None
        landing = Landing(
            self._next_landing(), self.initial, (), need, child=self.initial, asked=need
        )
        landing.move_to(LandingStage.VALIDATION)
        self.landings[landing.number] = landing
        return landing

    # --- lanes -----------------------------------------------------------------------------

    def start_lane(self, num_open: int) -> Lane | None:
        """The next lane, when there is room, money and hope for one."""
        self.closing = self.closing or self._limit_reached()
        if self.closing or self._all_proposals_begun():
            return None
        if num_open >= self.settings.lanes.max_concurrent:
            return None
        if len(self.lanes) >= self._lane_limit() or self._has_backlog():
            return None
        number = self.num_lanes
        parent = self._choose_parent(number)
        seeds = self._sampler.minibatch(number)
        before = self.known.of(parent.id, seeds)
        need = 2 * len(seeds) - len(before)
        if self.budget.remaining < need + self._landing_floor():
            return None
        self.budget.try_reserve(need)
        variant = number + 1 if number < self.settings.lanes.num_variants else None
        lane = Lane(number, parent, seeds, self._components(parent), need, variant, before=before)
        self.num_lanes += 1
        self.lanes[number] = lane
        return lane

    def close_lane(self, lane: Lane) -> None:
        """What the lane did not use of its reservation goes back."""
        self.budget.release(lane.reserved)
        lane.reserved = 0
        del self.lanes[lane.number]
        lost_all = bool(lane.lost_rollouts) and not lane.after and not lane.before
        self.tally.fruitless = self.tally.fruitless + 1 if lost_all else 0
        self.barren = 0 if lane.after else self.barren + 1
        self._consider_closing(lane)

    def _has_backlog(self) -> bool:
        """Whether lessons are found faster than they land: more would be stale when they do.

        A lane counts as a lesson, and a group more than there may be lanes is in order: with less
        slots idle, and most where few lanes find one (measured in `benchmarks/simulation`).
        """
        in_hand = len(self.waiting) + sum(map(len, self.halves)) + len(self.lanes)
        return in_hand >= self._lane_limit() + self.group.limit

    def _lane_limit(self) -> int:
        return self.breadth.lane_limit(
            rollout_budget=self.settings.rollout_budget,
            minibatch_size=self._sampler.size,
            num_validation=len(self.settings.validation),
            group_limit=self.group.limit,
            max_concurrent=self.settings.lanes.max_concurrent,
        )

    def _landing_floor(self) -> int:
        """The least that must stay for the lessons found so far, and one more, to be landed."""
        if self.waiting or self.lanes:
            return len(self.settings.validation) + 2 * self._sampler.size
        return len(self.settings.validation)

    def _choose_parent(self, number: int) -> Candidate:
        if not len(self.population):
            return self.initial
        rng = stream(self.settings.rng_seed, "parent", number)
        select = CANDIDATE_SELECTORS[self.settings.candidate_selector]
        chosen = select(self.population, self.settings, rng)
        if chosen == self.population.best:
            return self.target()  # what is landing on it: its lessons need not be found again
        return self.population.members[chosen].candidate

    def _components(self, parent: Candidate) -> tuple[str, ...]:
        """Each lane of a parent rewrites its next component, or all do them all."""
        if self.settings.component_selector == "all":
            return self.names
        turn = self.component_turns.get(parent.id, 0)
        self.component_turns[parent.id] = turn + 1
        return (self.names[turn % len(self.names)],)

    def _consider_closing(self, lane: Lane) -> None:
        tally = self.tally
        if self.closing is not None:
            return
        if limit := self._limit_reached():
            self.closing = limit
        elif tally.fruitless >= MAX_FRUITLESS:
            error = next(iter(lane.lost_rollouts.values()))
            self.closing = f"{tally.fruitless} lanes in a row lost every rollout: {error}"
        elif self.barren >= self._most_barren():
            self.closing = (
                f"nothing left to try: {self.barren} proposals in a row gave no new text "
                f"({lane.rewrite.complaint() or 'the parents are perfect on their minibatches'})"
            )

    def _limit_reached(self) -> str | None:
        tally, settings = self.tally, self.settings
        if settings.max_proposals is not None and tally.proposals >= settings.max_proposals:
            return f"max proposals: {tally.proposals} of {settings.max_proposals} made"
        if settings.patience is not None and tally.since_best >= settings.patience:
            return f"patience: {tally.since_best} proposals in a row brought no new best"
        return None

    def _all_proposals_begun(self) -> bool:
        """Whether those made, and those that lanes and lessons in hand will come to, are all."""
        if self.settings.max_proposals is None:
            return False
        landing = sum(max(1, len(job.lessons)) for job in self.landings.values() if job.number)
        in_hand = len(self.lanes) + len(self.waiting) + sum(map(len, self.halves)) + landing
        return self.tally.proposals + in_hand >= self.settings.max_proposals

    def _most_barren(self) -> int:
        return max(MIN_BARREN, 2 * -(-len(self.settings.train) // self._sampler.size))

    # --- landings --------------------------------------------------------------------------

    def start_landing(self) -> Landing | None:
        """The next landing, when a slot is free and there are lessons worth it.

        Where landings build on each other, no other one may still be merging.
        """
        busy = list(self.landings.values())
        merging = any(g.stage is not LandingStage.VALIDATION for g in busy)
        if len(busy) >= self._landing_limit or (self._in_line and merging):
            return None
        if not len(self.population):
            return None
        if self.halves:
            return self._land(self.halves[0], from_halves=True)
        if crossing := self._plan_crossing():
            return self._cross(crossing)
        more_to_come = bool(self.lanes or busy)
        size = self.group.size(len(self.waiting))
        if not self.waiting or (len(self.waiting) < size and more_to_come):
            return None
        self._put_freshest_first()
        return self._land(tuple(self.waiting[:size]), from_halves=False)

    def _put_freshest_first(self) -> None:
        """Lessons of the text they land on need no rebase; of the others, the latest are the
        likeliest to be news."""
        target = self.target().id
        self.waiting.sort(key=lambda lesson: (lesson.base.id != target, -lesson.number))

    @property
    def _landing_limit(self) -> int:
        """How many landings may run at once: enough for their evaluations to fill the slots."""
        return max(FEWEST_LANDINGS, self.settings.lanes.max_concurrent // SLOTS_PER_LANDING)

    @property
    def _in_line(self) -> bool:
        """Whether landings build on each other. Many slots would be idle while one waits for the
        other's merge: landings then go side by side onto the best."""
        return self._landing_limit == FEWEST_LANDINGS

    def target(self) -> Candidate:
        """What lessons land on: in line, what the newest landing has merged, as if it had
        succeeded already; else the best so far."""
        if self.landings and self._in_line:
            newest = self.landings[max(self.landings)]
            if newest.child is not None:
                return newest.child
        return self.population.members[self.population.best].candidate

    def _land(self, lessons: tuple[VerifiedLesson, ...], *, from_halves: bool) -> Landing | None:
        target = self.target()
        for count in range(len(lessons), 0, -1):
            chosen = lessons[:count]
            scores = self._target_scores(target, chosen)
            seeds = {seed for lesson in chosen for seed in lesson.gate_seeds}
            need = 2 * len(seeds) - len(scores) + len(self.settings.validation)
            if self.budget.try_reserve(need):
                break
        else:
            return None
        if from_halves:
            self.halves.popleft()
            self.waiting[:0] = lessons[count:]
        else:
            del self.waiting[:count]
        landing = Landing(self._next_landing(), target, chosen, need, target_scores=scores)
        self.landings[landing.number] = landing
        return landing

    def _target_scores(
        self, target: Candidate, lessons: Sequence[VerifiedLesson]
    ) -> dict[int, float]:
        """What is known of the target on the lessons' examples; a base's own results count."""
        seeds = {seed for lesson in lessons for seed in lesson.gate_seeds}
        scores = {seed: r.score for seed, r in self.known.of(target.id, sorted(seeds)).items()}
        for lesson in lessons:
            if lesson.base.id == target.id:
                scores.update({seed: lesson.before[seed].score for seed in lesson.gate_seeds})
        return scores

    def close_landing(self, landing: Landing) -> None:
        """What the landing did not use of its reservation goes back."""
        self.budget.release(landing.reserved)
        landing.reserved = 0
        del self.landings[landing.number]
        self._forget_what_nobody_needs()

    def bisect(self, lessons: tuple[VerifiedLesson, ...]) -> None:
        """A group failed: its halves are landed apart, before anything else. A lesson alone
        waits for other company instead, which is cheaper than an evaluation of its own."""
        middle = len(lessons) // 2
        for half in (lessons[:middle], lessons[middle:]):
            if len(half) > 1:
                self.halves.append(half)
            else:
                self.waiting.extend(half)

    def _plan_crossing(self) -> Crossing | None:
        """At most one plan per admitted candidate: nothing new can be found before the next."""
        settings = self.settings
        if self._all_proposals_begun():
            return None
        if not settings.merge or self.num_crossings_passed >= settings.max_merges:
            return None
        if self.planned_at == len(self.population):
            return None
        if len(self.crossed) + 1 > settings.lanes.merge_share * self.num_landings:
            return None
        self.planned_at = len(self.population)
        rng = stream(settings.rng_seed, "merge", self.planned_at)
        return plan_crossing(self.population, self.crossed, rng)

    def _cross(self, crossing: Crossing) -> Landing | None:
        need = len(self.settings.validation)
        if not self.budget.try_reserve(need):
            return None
        self.crossed.add(crossing.triplet)
        better = self.population.members[crossing.first].candidate
        landing = Landing(self._next_landing(), better, (), need, crossing)
        landing.gate_seeds = crossing.gate
        self.landings[landing.number] = landing
        return landing

    def _next_landing(self) -> int:
        self.num_landings += 1
        return self.num_landings - 1

    def _forget_what_nobody_needs(self) -> None:
        """What is known of candidates that no lane, landing or lesson will start from again."""
        keep = {self.population.members[i].candidate.id for i in self.population.front_members()}
        if len(self.population):
            keep.add(self.population.members[self.population.best].candidate.id)
        keep |= {lane.parent.id for lane in self.lanes.values()}
        lessons = [*self.waiting, *(lesson for half in self.halves for lesson in half)]
        for landing in self.landings.values():
            keep |= {c.id for c in (landing.target, landing.child) if c is not None}
            lessons += landing.lessons
        keep |= {lesson.base.id for lesson in lessons}
        self.known.keep_only(keep)
        self.edits.keep_only(keep)

    # --- ends ------------------------------------------------------------------------------

    def reason_to_end(self) -> str:
        """Why nothing can begin although nothing is in flight."""
        need = 2 * self._sampler.size + self._landing_floor()
        reason = self.closing or self._limit_reached()
        return reason or self._budget_stop("another proposal and its landing", need)

    def _budget_stop(self, step: str, need: int) -> str:
        return (
            f"rollout budget: {self.budget.spent:.0f} of the search's "
            f"{self.settings.rollout_budget} used; {step} needs up to {need}"
        )

    def parents_of(self, landing: Landing) -> tuple[int, ...]:
        """Population indices of what the landing's child descends from, without repeats."""
        if landing.crossing is not None:
            return (landing.crossing.first, landing.crossing.second)
        target: Candidate | None = landing.target
        while target is not None and target.id not in self.indices:
            target = self.came_from.get(target.id)  # it was raced out: what it came from counts
        sources = [] if target is None else [target]
        sources += [lesson.base for lesson in landing.lessons]
        found = [self.indices.get(source.id) for source in sources]
        return tuple(dict.fromkeys(index for index in found if index is not None))

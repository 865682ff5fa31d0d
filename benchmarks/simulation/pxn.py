"""P parents times N proposals per iteration, with barriers: how the reference package runs wide.

Written from the behaviour of `gepa` 0.1.4 (IndependentSampling(n) is P=n, N=1) for comparison
only. One difference, in its favour: where it would overspend, here the last iteration is cut to
what is affordable, the most promising children first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ray_promptopt.algorithms.gepa import GepaSettings
from ray_promptopt.algorithms.gepa.minibatch import MinibatchSampler
from ray_promptopt.algorithms.gepa.objectives import Measurement
from ray_promptopt.algorithms.gepa.population import Member, Origin, Population
from ray_promptopt.algorithms.gepa.proposers import (
    ReflectionRequest,
    ReflectiveExample,
    make_proposer,
)
from ray_promptopt.algorithms.gepa.selectors import select_pareto
from ray_promptopt.algorithms.ledger import WorkLedger
from ray_promptopt.algorithms.parsing import Refusal, parse_reflection
from ray_promptopt.algorithms.randomness import model_seed, stream
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Example, Part
from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.work import (
    CandidateSummary,
    Decision,
    DecisionKind,
    EvaluateCandidate,
    Outcome,
    ProposalOutcome,
    ProposeText,
    Purpose,
    RolloutOutcome,
    SearchCounts,
    SearchView,
    WorkItem,
)


@dataclass(slots=True)
class _Task:
    """One proposal of the present iteration."""

    parent: int
    seeds: tuple[int, ...]
    before: dict[int, RolloutOutcome] = field(default_factory=dict)
    child: Candidate | None = None
    after: dict[int, RolloutOutcome] = field(default_factory=dict)
    full: dict[int, RolloutOutcome] = field(default_factory=dict)

    @property
    def gain(self) -> float:
        """How much the sum over the minibatch rose."""
        after = sum(result.score for result in self.after.values())
        return after - sum(result.score for result in self.before.values())


class PxnSearch:
    """A search of one component. Every stage of an iteration waits for all of its work."""

    def __init__(
        self, settings: GepaSettings, initial: Candidate, parents: int, proposals: int
    ) -> None:
        (self._component,) = initial.texts
        self._settings = settings
        self._parents, self._proposals = parents, proposals
        self._population = Population(settings.validation)
        self._sampler = MinibatchSampler(settings.train, settings.minibatch_size, settings.rng_seed)
        self._proposer = make_proposer(settings.proposer)
        self._ledger = WorkLedger()
        self._results: dict[WorkId, dict[int, RolloutOutcome]] = {}
        self._reflecting: dict[WorkId, _Task] = {}
        self._tasks = [_Task(0, (), child=initial)]
        self._stage = Purpose.INITIAL_VALIDATION
        self._initial = initial
        self._iteration = self._asked = self._accepted = self._rejected = 0
        self._stop: str | None = None
        self._issue_full(self._tasks)

    def ask(self, capacity: int) -> list[WorkItem]:
        """Up to `capacity` items of the present stage."""
        return self._ledger.take(capacity)

    def tell(self, outcome: Outcome) -> list[Decision]:
        """Take an outcome in; the last one of a stage begins the next."""
        item = self._ledger.find(outcome.work_id)
        if isinstance(item, EvaluateCandidate) and isinstance(outcome, RolloutOutcome):
            self._results.pop(item.work_id)[item.example.seed] = outcome
        elif isinstance(item, ProposeText) and isinstance(outcome, ProposalOutcome):
            self._take_reflection(self._reflecting.pop(item.work_id), outcome)
        else:
            raise ValueError(f"{outcome!r} does not answer an open item")
        self._ledger.settle(item.work_id)
        return [] if self._ledger.num_open else self._end_stage()

    def stop_reason(self) -> str | None:
        """Why the search is over."""
        return self._stop

    def view(self) -> SearchView:
        """The state of the search."""
        members, answer = self._population.members, self._population.answer()
        summaries = tuple(
            CandidateSummary(
                member.candidate,
                tuple(members[parent].candidate.id for parent in member.parents),
                member.origin.value,
                member.iteration,
                self._population.scores(index),
                index in answer,
            )
            for index, member in enumerate(members)
        )
        ids = tuple(members[index].candidate.id for index in sorted(answer))
        counts = SearchCounts(
            best=members[self._population.best].candidate.id if members else self._initial.id,
            front=ids,
            iteration=self._iteration,
            accepted=self._accepted,
            rejected=self._rejected,
            in_flight=self._ledger.num_taken,
            rollouts_used=self._asked - len(self._results),
        )
        initial = CandidateSummary(self._initial, (), Origin.INITIAL.value, 0)
        return SearchView(summaries or (initial,), counts)

    def _end_stage(self) -> list[Decision]:
        match self._stage:
            case Purpose.PARENT_MINIBATCH:
                self._start_reflections()
                decisions = []
            case Purpose.REFLECTION:
                decisions = self._start_children()
            case Purpose.CHILD_MINIBATCH:
                decisions = self._judge()
            case _:
                decisions = [decision for task in self._tasks for decision in self._admit(task)]
                self._start_iteration()
        while self._stop is None and not self._ledger.num_open:
            self._start_iteration()
        return decisions

    def _start_iteration(self) -> None:
        self._iteration += 1
        settings = self._settings
        per_task = 2 * self._sampler.size
        left = settings.rollout_budget - self._asked
        if left < per_task + len(settings.validation):
            self._stop = f"rollout budget: {self._asked} of {settings.rollout_budget} used"
            return
        tasks = [self._new_task(n) for n in range(self._parents * self._proposals)]
        self._tasks = tasks[: left // per_task]
        self._stage = Purpose.PARENT_MINIBATCH
        distinct = {(task.parent, task.seeds): task.before for task in self._tasks}
        for task in self._tasks:
            task.before = distinct[task.parent, task.seeds]
        for number, ((parent, seeds), results) in enumerate(distinct.items()):
            candidate = self._population.members[parent].candidate
            self._issue_rollouts(number, candidate, Part.TRAIN, seeds, results)

    def _new_task(self, number: int) -> _Task:
        """The parent is drawn once per N proposals. Minibatches go on from the iteration's own
        place, so that the next iteration reads most of them again."""
        settings = self._settings
        rng = stream(
            settings.rng_seed, "pxn-parent", f"{self._iteration}.{number // self._proposals}"
        )
        parent = select_pareto(self._population, settings, rng)
        per_epoch = -(-len(settings.train) // self._sampler.size)
        epoch, place = divmod(self._iteration - 1, per_epoch)
        seeds = self._sampler.minibatch(epoch * per_epoch + (place + number) % per_epoch)
        return _Task(parent, seeds)

    def _start_reflections(self) -> None:
        self._stage = Purpose.REFLECTION
        for number, task in enumerate(self._tasks):
            results = [task.before[seed] for seed in task.seeds]
            if min(result.score for result in results) >= self._settings.perfect_score:
                continue
            request = ReflectionRequest(
                self._component,
                self._population.members[task.parent].candidate.texts[self._component],
                tuple(ReflectiveExample(result.evidence, result.score) for result in results),
                required=(),
            )
            work_id = WorkId(f"p{self._iteration}.{self._stage}.{number}")
            seed = model_seed(self._settings.rng_seed, "pxn-reflection", work_id)
            self._reflecting[work_id] = task
            self._ledger.issue([ProposeText(work_id, self._proposer.reflect(request), seed)])

    def _take_reflection(self, task: _Task, outcome: ProposalOutcome) -> None:
        parent = self._population.members[task.parent].candidate
        text = parse_reflection(
            outcome.text,
            truncated=outcome.truncated,
            current_text=parent.texts[self._component],
            required=(),
        )
        if not isinstance(text, Refusal):
            task.child = parent.with_texts({self._component: text})

    def _start_children(self) -> list[Decision]:
        self._stage = Purpose.CHILD_MINIBATCH
        self._tasks = [task for task in self._tasks if task.child is not None]
        for number, task in enumerate(self._tasks):
            assert task.child is not None
            self._issue_rollouts(number, task.child, Part.TRAIN, task.seeds, task.after)
        return [self._decision(DecisionKind.CANDIDATE_PROPOSED, task) for task in self._tasks]

    def _judge(self) -> list[Decision]:
        """Children that improve on their minibatch, each text once, go to a full evaluation."""
        passed: dict[Candidate, _Task] = {}
        for task in self._tasks:
            if task.gain > 0 and task.child is not None:
                passed.setdefault(task.child, task)
        accepted = list(passed.values())
        rejected = [task for task in self._tasks if all(task is not other for other in accepted)]
        self._accepted += len(accepted)
        self._rejected += len(rejected)
        affordable = (self._settings.rollout_budget - self._asked) // len(self._settings.validation)
        if affordable < len(accepted):
            accepted = sorted(accepted, key=lambda task: -task.gain)[:affordable]
        self._tasks = accepted
        self._stage = Purpose.VALIDATION
        self._issue_full(accepted)
        return [
            *(self._decision(DecisionKind.CANDIDATE_REJECTED, task) for task in rejected),
            *(self._decision(DecisionKind.CANDIDATE_ACCEPTED, task) for task in accepted),
        ]

    def _admit(self, task: _Task) -> list[Decision]:
        assert task.child is not None
        is_initial = self._stage is Purpose.INITIAL_VALIDATION
        member = Member(
            task.child,
            () if is_initial else (task.parent,),
            Origin.INITIAL if is_initial else Origin.REFLECTION,
            self._iteration,
        )
        measurements = {seed: Measurement.of(result) for seed, result in task.full.items()}
        kinds = [DecisionKind.CANDIDATE_SCORED]
        if self._population.add(member, measurements, 0):
            kinds.append(DecisionKind.NEW_BEST)
        return [self._decision(kind, task) for kind in kinds]

    def _issue_full(self, tasks: Iterable[_Task]) -> None:
        for number, task in enumerate(tasks):
            assert task.child is not None
            seeds = self._settings.validation
            self._issue_rollouts(number, task.child, Part.VALIDATION, seeds, task.full)

    def _issue_rollouts(
        self,
        number: int,
        candidate: Candidate,
        part: Part,
        seeds: tuple[int, ...],
        results: dict[int, RolloutOutcome],
    ) -> None:
        for seed in seeds:
            example = Example(part, seed)
            work_id = WorkId(f"p{self._iteration}.{self._stage}.{number}.{example}")
            self._results[work_id] = results
            self._asked += 1
            self._ledger.issue([EvaluateCandidate(work_id, candidate, example, self._stage)])

    def _decision(self, kind: DecisionKind, task: _Task) -> Decision:
        return Decision(kind, kind.value, task.child, iteration=self._iteration)

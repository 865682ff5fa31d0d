"""The state of a GEPA search: what work its present stage needs, and what is noted of the results.

An iteration starts only when its worst case can be reserved, so the rollout budget is never
passed. What follows upon the end of a stage is decided in `rules.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ray_promptopt.algorithms.gepa.merge import GATE_SIZE, MergeBook, plan_merge
from ray_promptopt.algorithms.gepa.minibatch import MinibatchSampler
from ray_promptopt.algorithms.gepa.mutation import (
    Mutation,
    Scored,
    component_of,
    reflection_item,
    rollout_items,
)
from ray_promptopt.algorithms.gepa.objectives import Measurement
from ray_promptopt.algorithms.gepa.population import Member, Population
from ray_promptopt.algorithms.gepa.proposers import (
    ReflectionRequest,
    ReflectiveExample,
    make_proposer,
)
from ray_promptopt.algorithms.gepa.selectors import CANDIDATE_SELECTORS
from ray_promptopt.algorithms.gepa.settings import GepaSettings
from ray_promptopt.algorithms.gepa.stages import Stage
from ray_promptopt.algorithms.parsing import (
    Refusal,
    RefusalReason,
    parse_reflection,
    wildcards,
)
from ray_promptopt.algorithms.randomness import model_seed, stream
from ray_promptopt.core.budget import Budget
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import CandidateId
from ray_promptopt.core.work import (
    EvaluateCandidate,
    FailedOutcome,
    ProposalOutcome,
    RolloutOutcome,
    WorkItem,
)

MAX_FRUITLESS = 5  # iterations in a row without one scored rollout: the task app is down


@dataclass(slots=True)
class Tally:
    """What is counted over the whole search; `discarded` is by reason."""

    accepted: int = 0
    rejected: int = 0
    proposals: int = 0
    since_best: int = 0
    fruitless: int = 0
    discarded: dict[str, int] = field(default_factory=dict)

    def count_proposal(self, *, improved: bool) -> None:
        """A proposal came to its end; `improved` when it is the new best."""
        self.proposals += 1
        self.since_best = 0 if improved else self.since_best + 1

    def count_discard(self, reason: str) -> None:
        """A reflection or proposal was thrown away before its score decided."""
        self.discarded[reason] = self.discarded.get(reason, 0) + 1


class Search:
    """One mutation at a time: its work, its results, and how the next one begins."""

    def __init__(self, settings: GepaSettings, initial: Candidate) -> None:
        self.settings = settings
        self.initial = initial
        self.population = Population(settings.validation, settings.fronts)
        self.budget = Budget(settings.rollout_budget)
        self.merges = MergeBook()
        self.tally = Tally()
        self.known: set[CandidateId] = {initial.id}
        self.stop: str | None = None
        need = len(settings.validation)
        self.mutation = Mutation(0, Stage.INITIAL_VALIDATION, (), settings.validation, need)
        self._required = {name: wildcards(text) for name, text in initial.components}
        self._proposer = make_proposer(settings.proposer)
        self._sampler = MinibatchSampler(settings.train, settings.minibatch_size, settings.rng_seed)
        if not self.budget.try_reserve(need):
            self.stop = self._budget_stop("scoring the initial candidate", need)

    @property
    def iteration(self) -> int:
        """The number of the mutation in flight."""
        return self.mutation.iteration

    @property
    def parent(self) -> Candidate:
        """The candidate that is being mutated."""
        return self.population.members[self.mutation.parents[0]].candidate

    @property
    def child(self) -> Candidate:
        """The candidate on trial; the initial one in its own validation."""
        return self.mutation.child or self.initial

    @property
    def _may_merge(self) -> bool:
        """Whether merging is on and not used up."""
        return self.settings.merge and self.merges.accepted < self.settings.max_merges

    def items(self) -> Sequence[WorkItem]:
        """All work of the present stage, answered or not."""
        mutation = self.mutation
        match mutation.stage:
            case Stage.REFLECTION:
                return [self._reflection(name) for name in mutation.components]
            case Stage.SECOND_REFLECTION:
                return [self._reflection(name) for name in sorted(mutation.refusals)]
            case Stage.PARENT_MINIBATCH:
                return rollout_items(mutation, self.parent, mutation.seeds)
            case Stage.INITIAL_VALIDATION | Stage.VALIDATION:
                return rollout_items(mutation, self.child, self.settings.validation)
            case _:
                return rollout_items(mutation, self.child, mutation.seeds)

    def _reflection(self, component: str) -> WorkItem:
        mutation = self.mutation
        refusal = mutation.refusals.get(component)
        results = [mutation.parent_results[seed] for seed in mutation.seeds]
        request = ReflectionRequest(
            component,
            self.parent.texts[component],
            tuple(ReflectiveExample(result.evidence, result.score) for result in results),
            self._required[component],
            refusal=refusal.message if refusal else None,
        )
        task = f"{mutation.iteration}.{mutation.stage}.{component}"
        sampling_seed = model_seed(self.settings.rng_seed, "reflection", task)
        messages = self._proposer.reflect(request)
        return reflection_item(mutation, component, messages, sampling_seed)

    def record_rollout(self, item: EvaluateCandidate, outcome: RolloutOutcome) -> None:
        """Note a score of the present stage and pay for it."""
        mutation = self.mutation
        self.budget.commit(1, 1)
        mutation.reserved -= 1
        mutation.used += 1
        seed = item.example.seed
        match mutation.stage:
            case Stage.PARENT_MINIBATCH:
                mutation.parent_results[seed] = Scored(outcome.score, outcome.evidence)
            case Stage.INITIAL_VALIDATION | Stage.VALIDATION:
                mutation.validation[seed] = Measurement.of(outcome)
            case _:
                mutation.gate_scores[seed] = outcome.score

    def record_proposal(self, outcome: ProposalOutcome) -> None:
        """Read the new text of a component, or note why there is none."""
        mutation = self.mutation
        component = component_of(outcome.work_id)
        result = parse_reflection(
            outcome.text,
            truncated=outcome.truncated,
            current_text=self.parent.texts[component],
            required=self._required[component],
            max_tokens=self.settings.max_prompt_tokens,
        )
        mutation.refusals.pop(component, None)
        if isinstance(result, Refusal):
            mutation.refusals[component] = result
        else:
            mutation.texts[component] = result

    def record_failure(self, item: WorkItem, outcome: FailedOutcome) -> None:
        """Note a lost item: a rollout is not scored, and its reservation is given back."""
        mutation = self.mutation
        if isinstance(item, EvaluateCandidate):
            self.budget.release(1)
            mutation.reserved -= 1
            mutation.lost_rollouts[item.example.seed] = outcome.error
        else:
            component = component_of(outcome.work_id)
            mutation.refusals.pop(component, None)
            mutation.lost_reflections[component] = outcome.error

    def close(self) -> None:
        """End the mutation: what it did not use of its reservation goes back."""
        mutation = self.mutation
        self.budget.release(mutation.reserved)
        mutation.reserved = 0
        self.tally.fruitless = 0 if mutation.used else self.tally.fruitless + 1
        mutation.move_to(Stage.DONE)

    def start_next(self) -> Mutation | None:
        """The next mutation or merge, none being in flight; the first scores the initial
        candidate. None when the search is at its end."""
        if not self.mutation.is_done:
            return self.mutation
        iteration = self.mutation.iteration + 1
        if self._limit_reached():
            return None
        if self.mutation.invites_merge and self._start_merge(iteration):
            return self.mutation
        return self.mutation if self._start_mutation(iteration) else None

    def _start_mutation(self, iteration: int) -> bool:
        if not self.budget.try_reserve(self._mutation_need):
            return False
        rng = stream(self.settings.rng_seed, "parent", iteration)
        select = CANDIDATE_SELECTORS[self.settings.candidate_selector]
        parent = select(self.population, self.settings, rng)
        seeds = self._sampler.minibatch(iteration - 1)
        need = self._mutation_need
        self.mutation = Mutation(iteration, Stage.PARENT_MINIBATCH, (parent,), seeds, need)
        return True

    @property
    def _mutation_need(self) -> int:
        return 2 * self._sampler.size + len(self.settings.validation)

    def _start_merge(self, iteration: int) -> bool:
        """Begin a merge when one is allowed, affordable and to be found."""
        need = GATE_SIZE + len(self.settings.validation)
        if not self._may_merge or self.budget.remaining < need:
            return False
        rng = stream(self.settings.rng_seed, "merge", iteration)
        plan = plan_merge(self.population, self.merges, self.known, rng)
        if plan is not None and self.settings.is_too_long(plan.child):
            self.tally.count_discard(RefusalReason.TOO_LONG)
            self.merges.note_tried(plan)
            return False
        if plan is None or not self.budget.try_reserve(need):
            return False
        self.merges.note_tried(plan)
        parents = (plan.first, plan.second)
        self.mutation = Mutation(iteration, Stage.MERGE_GATE, parents, plan.gate, need)
        self.mutation.child = plan.child
        return True

    def admit(self, member: Member) -> bool:
        """The candidate on trial joins the population; True when it is the new best."""
        pointers = [self.population.next_component[parent] for parent in member.parents]
        return self.population.add(member, self.mutation.validation, max(pointers, default=0))

    def reason_to_end(self) -> str:
        """Why no mutation can begin."""
        need = self._mutation_need
        return self._limit_reached() or self._budget_stop("another proposal", need)

    def _limit_reached(self) -> str | None:
        tally, settings = self.tally, self.settings
        if settings.max_proposals is not None and tally.proposals >= settings.max_proposals:
            return f"max proposals: {tally.proposals} of {settings.max_proposals} made"
        if settings.patience is not None and tally.since_best >= settings.patience:
            return f"patience: {tally.since_best} proposals in a row brought no new best"
        if tally.fruitless >= MAX_FRUITLESS:
            error = next(iter(self.mutation.lost_rollouts.values()))
            return f"{tally.fruitless} iterations in a row lost every rollout: {error}"
        return None

    def _budget_stop(self, step: str, need: int) -> str:
        return (
            f"rollout budget: {self.budget.spent:.0f} of the search's "
            f"{self.settings.rollout_budget} used; {step} needs up to {need}"
        )

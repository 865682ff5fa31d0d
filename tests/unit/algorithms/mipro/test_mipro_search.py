from collections import Counter
from dataclasses import dataclass, replace

import pytest

from ray_promptopt.algorithms.mipro import (
    GroundingSettings,
    MiproOptimizer,
    MiproSettings,
    UpdateSettings,
)
from ray_promptopt.algorithms.mipro.jobs import Evaluation, Round
from ray_promptopt.algorithms.mipro.stages import EvaluationStage, RoundStage
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import ConfigError
from ray_promptopt.core.examples import Part
from ray_promptopt.core.work import (
    DecisionKind,
    EvaluateCandidate,
    Evidence,
    Outcome,
    ProposeText,
    Purpose,
    RolloutOutcome,
    WorkItem,
)
from tests.fakes.landscape import Landscape, run_search

INITIAL = Candidate.of({"system": "Answer {query}."})
SETTINGS = MiproSettings(
    tuple(range(12)), tuple(range(20, 50)), 96, update=UpdateSettings(every_trials=4)
)


def with_(**changes: object) -> MiproSettings:
    return replace(SETTINGS, **changes)  # type: ignore[arg-type]


def best_of(optimizer: MiproOptimizer) -> tuple[Candidate, float]:
    view = optimizer.view()
    best = next(one for one in view.candidates if one.candidate.id == view.counts.best)
    assert best.validation_mean is not None
    return best.candidate, best.validation_mean


@dataclass
class Recorder(Landscape):
    """Remembers what was asked."""

    def __post_init__(self) -> None:
        self.asked: list[WorkItem] = []

    def answer(self, item: WorkItem) -> Outcome:
        self.asked.append(item)
        return super().answer(item)


class DemoWorld(Recorder):
    """Only demonstrations help: a candidate scores by how many it has."""

    def answer(self, item: WorkItem) -> Outcome:
        if isinstance(item, EvaluateCandidate):
            self.asked.append(item)
            self.num_rollouts += 1
            score = 1.0 if item.example.part is Part.TRAIN else 0.0
            if item.example.part is Part.VALIDATION:
                score = sum(len(chosen) for _, chosen in item.candidate.demos) / 4
            seed = item.example.seed
            return RolloutOutcome(
                item.work_id, score, Evidence(f"in {seed}", f"out {seed}", "feedback")
            )
        return super().answer(item)


@pytest.mark.parametrize("schedule", ["async", "reference"])
@pytest.mark.parametrize("rng_seed", [0, 1, 2])
def test_search_with_96_rollouts_improves_and_spends_not_one_more(
    schedule: str, rng_seed: int
) -> None:
    validation = tuple(range(20, 50)) if schedule == "async" else tuple(range(20, 32))
    optimizer = MiproOptimizer(
        with_(schedule=schedule, rng_seed=rng_seed, validation=validation), INITIAL
    )
    world = Landscape(num_lessons=3)
    run_search(optimizer, world)
    candidate, mean = best_of(optimizer)
    assert world.num_rollouts <= 96
    assert mean >= 0.6
    assert "{query}" in candidate.texts["system"]


def test_search_with_demonstrations_alone_finds_the_largest_set() -> None:
    optimizer = MiproOptimizer(with_(num_instructions=1), INITIAL)
    world = DemoWorld()
    run_search(optimizer, world)
    candidate, mean = best_of(optimizer)
    assert mean == 1.0
    assert len(dict(candidate.demos)["main"]) == 4
    assert candidate.components == INITIAL.components
    assert not any(isinstance(item, ProposeText) for item in world.asked)


def test_demonstrations_in_the_text_are_its_end_and_are_not_shown_as_instructions() -> None:
    settings = with_(demos_in_text=True)
    world = Recorder(lost=lambda item: item.purpose is Purpose.BOOTSTRAP and "3" in item.work_id)
    world.score = lambda texts, seed: 1.0  # type: ignore[method-assign]
    run_search(MiproOptimizer(settings, INITIAL), world)
    rolled_out = [item.candidate for item in world.asked if isinstance(item, EvaluateCandidate)]
    assert all(candidate.demos == () for candidate in rolled_out)
    with_demos = [one for one in rolled_out if "Example 1\nInput: query" in one.texts["system"]]
    assert with_demos
    assert all("Input: query 3\n" not in one.texts["system"] for one in with_demos)
    for item in world.asked:
        if isinstance(item, ProposeText) and "for me:" in item.messages[-1].content:
            current = item.messages[-1].content.split("```")[1]
            assert "Example 1" not in current


def test_trials_when_they_begin_are_announced_with_their_combination() -> None:
    _, decisions = run_search(MiproOptimizer(SETTINGS, INITIAL), Landscape(num_lessons=3))
    proposed = [d.candidate for d in decisions if d.kind is DecisionKind.CANDIDATE_PROPOSED]
    ended = {
        d.candidate.id
        for d in decisions
        if d.candidate is not None
        and d.kind in (DecisionKind.CANDIDATE_ACCEPTED, DecisionKind.CANDIDATE_REJECTED)
    }
    assert {candidate.id for candidate in proposed if candidate is not None} == ended


def test_a_trial_with_a_new_instruction_names_the_proposal_that_wrote_it() -> None:
    _, decisions = run_search(MiproOptimizer(SETTINGS, INITIAL), Landscape(num_lessons=3))
    told = [d.message for d in decisions if d.kind is DecisionKind.CANDIDATE_PROPOSED]
    assert any("system by proposal 1 of round 0 (Be simple)" in words for words in told)
    assert any(" of round 1 (" in words for words in told)
    for words in told:
        made_of = words.partition(": ")[2].partition(",")[0]
        assert ("proposal" in words) == ("instruction" in made_of)


def test_search_with_instructions_alone_uses_no_demonstration() -> None:
    world = DemoWorld()
    run_search(MiproOptimizer(with_(max_demos=0), INITIAL), world)
    rolled_out = [item for item in world.asked if isinstance(item, EvaluateCandidate)]
    assert all(item.candidate.demos == () for item in rolled_out)


def test_every_trial_is_scored_on_the_same_seeds_first_and_no_seed_twice() -> None:
    world = Recorder(num_lessons=3)
    run_search(MiproOptimizer(SETTINGS, INITIAL), world)
    asked: dict[str, list[int]] = {}
    for item in world.asked:
        if isinstance(item, EvaluateCandidate) and item.example.part is Part.VALIDATION:
            asked.setdefault(item.candidate.id, []).append(item.example.seed)
    longest = max(asked.values(), key=len)
    assert len(longest) > SETTINGS.batch_size
    for seeds in asked.values():
        assert seeds == longest[: len(seeds)]
        assert max(Counter(seeds).values()) == 1


def test_prompts_never_hold_a_validation_row() -> None:
    world = DemoWorld()
    settings = with_(grounding=GroundingSettings(reference=("reference row",)))
    run_search(MiproOptimizer(settings, INITIAL), world)
    proposals = [item for item in world.asked if isinstance(item, ProposeText)]
    assert proposals
    shown = "\n".join(item.messages[-1].content for item in proposals)
    demos = {
        demo.inputs
        for item in world.asked
        if isinstance(item, EvaluateCandidate)
        for _, chosen in item.candidate.demos
        for demo in chosen
    }
    assert "in 1" in shown
    assert "reference row" in shown
    for seed in SETTINGS.validation:
        assert f"in {seed}\n" not in shown
        assert f"in {seed}" not in demos


def test_proposals_at_the_start_ask_for_one_instruction_less_than_wanted_and_a_summary() -> None:
    optimizer = MiproOptimizer(SETTINGS, INITIAL)
    world = Recorder()
    proposals: list[WorkItem] = []
    while not proposals:
        for item in optimizer.ask(100):
            if isinstance(item, ProposeText):
                proposals.append(item)
            else:
                optimizer.tell(world.answer(item))
    assert len(proposals) == SETTINGS.num_instructions - 1 + 1
    assert len({item.messages for item in proposals if isinstance(item, ProposeText)}) == 6


def test_bootstrap_when_it_gives_too_few_demonstrations_ends_the_search() -> None:
    optimizer = MiproOptimizer(with_(min_bootstrap_demos=3), INITIAL)
    _, decisions = run_search(optimizer, Landscape())
    assert "min_bootstrap_demos" in str(optimizer.stop_reason())
    assert decisions[-1].kind is DecisionKind.STOPPED


def test_search_when_its_trials_are_limited_ends_after_them() -> None:
    optimizer = MiproOptimizer(with_(max_trials=3), INITIAL)
    world = Recorder(num_lessons=3)
    run_search(optimizer, world)
    assert "max trials: 3 of 3" in str(optimizer.stop_reason())
    trials = {
        item.candidate.id
        for item in world.asked
        if isinstance(item, EvaluateCandidate) and item.purpose is Purpose.TRIAL
    }
    assert len(trials) == 3


def test_trial_when_clearly_worse_is_dropped_before_its_batch_is_spent() -> None:
    class Worse(Recorder):
        def answer(self, item: WorkItem) -> Outcome:
            outcome = super().answer(item)
            if isinstance(outcome, RolloutOutcome) and isinstance(item, EvaluateCandidate):
                is_initial = item.candidate == INITIAL
                return RolloutOutcome(item.work_id, float(is_initial), outcome.evidence)
            return outcome

    world = Worse()
    _, decisions = run_search(MiproOptimizer(with_(batch_size=8), INITIAL), world)
    dropped = [d for d in decisions if d.kind is DecisionKind.CANDIDATE_REJECTED]
    assert dropped
    asked = Counter(i.candidate.id for i in world.asked if isinstance(i, EvaluateCandidate))
    assert all(asked[d.candidate.id] == 4 for d in dropped if d.candidate is not None)


def test_settings_when_out_of_range_name_every_problem() -> None:
    with pytest.raises(ConfigError) as caught:
        with_(train=(), batch_size=0, max_demos=-1)
    text = str(caught.value)
    assert all(key in text for key in ("train", "batch_size", "max_demos"))


def test_jobs_when_moved_against_their_tables_refuse() -> None:
    round_ = Round(0, 0, (), RoundStage.PROPOSALS)
    with pytest.raises(ValueError, match="cannot go"):
        round_.move_to(RoundStage.SUMMARY)
    evaluation = Evaluation(0, 0, 0, 3, 6, Purpose.TRIAL, stage=EvaluationStage.DONE)
    with pytest.raises(ValueError, match="cannot go"):
        evaluation.climb(3)


def test_instructions_when_renewed_at_given_trials_are_renewed_then_and_at_no_other_time() -> None:
    renewals: list[int] = []

    class Watching(Recorder):
        def answer(self, item: WorkItem) -> Outcome:
            number = item.work_id.partition(".")[0]
            if number.startswith("r") and number != "r0" and "propose" in item.work_id:
                renewals.append(optimizer.counts().iteration)
            return super().answer(item)

    update = UpdateSettings(at_trials=(3, 8))
    settings = with_(rollout_budget=300, num_instructions=12, update=update, schedule="reference")
    optimizer = MiproOptimizer(settings, INITIAL)
    run_search(optimizer, Watching(num_lessons=30))
    assert sorted(set(renewals))[:2] == [3, 8]


def test_demo_sets_when_their_number_is_limited_are_no_more_than_that() -> None:
    world = DemoWorld()
    optimizer = MiproOptimizer(with_(max_demo_sets=3, demo_sets_per_size=4), INITIAL)
    run_search(optimizer, world)
    sets = {item.candidate.demos for item in world.asked if isinstance(item, EvaluateCandidate)}
    assert 1 < len(sets) <= 3


def test_jobs_that_ended_are_remembered_by_name_alone() -> None:
    optimizer = MiproOptimizer(SETTINGS, INITIAL)
    run_search(optimizer, Landscape(num_lessons=3))
    settled = optimizer.state_dict()["settled"]
    assert isinstance(settled, list)
    assert settled
    assert all(str(work_id).endswith(".*") for work_id in settled)

"""Several stages: a text and demonstrations for each, and one space over all of them."""

from dataclasses import replace

from ray_promptopt.algorithms.mipro import (
    GroundingSettings,
    MiproOptimizer,
    MiproSettings,
    StageLimits,
    UpdateSettings,
)
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Part
from ray_promptopt.core.work import (
    EvaluateCandidate,
    Evidence,
    Outcome,
    ProposeText,
    RolloutOutcome,
    StageCall,
    WorkItem,
)
from tests.fakes.landscape import Landscape, run_search

INITIAL = Candidate.of({"answer.system": "Answer.", "plan.system": "Plan {query}."})
ROLES = {"plan": "It is the first of two.", "answer": "It comes after plan."}
SETTINGS = MiproSettings(
    tuple(range(12)),
    tuple(range(20, 44)),
    120,
    update=UpdateSettings(every_trials=4),
    grounding=GroundingSettings(roles=ROLES),
)


class Pipeline(Landscape):
    """Every rollout calls both stages; training rollouts are good enough to demonstrate."""

    def __init__(self) -> None:
        super().__init__()
        self.proposals: list[str] = []
        self.candidates: list[Candidate] = []

    def answer(self, item: WorkItem) -> Outcome:
        if isinstance(item, ProposeText):
            self.proposals.append(item.messages[-1].content)
            return super().answer(item)
        self.candidates.append(item.candidate)
        scored = super().answer(item)
        assert isinstance(scored, RolloutOutcome)
        return replace(
            scored,
            score=self._score(item, scored.score),
            evidence=self._evidence(item.example.seed, scored.evidence.feedback),
        )

    def _score(self, item: EvaluateCandidate, score: float) -> float:
        return 1.0 if item.example.part is Part.TRAIN else score

    def _evidence(self, seed: int, feedback: str) -> Evidence:
        query, planned, settled = f"query {seed}", f"planned {seed}", f"settled {seed}"
        calls = (StageCall("plan", query, planned), StageCall("answer", planned, settled))
        return Evidence(query, f"{planned}\n{settled}", feedback, calls)


def test_every_stage_gets_demonstrations_of_its_own_calls_alone() -> None:
    world = Pipeline()
    run_search(MiproOptimizer(SETTINGS, INITIAL), world)
    shown = {
        (stage, demo.inputs.split()[0], demo.output.split()[0])
        for candidate in world.candidates
        for stage, demos in candidate.demos
        for demo in demos
    }
    assert shown == {("plan", "query", "planned"), ("answer", "planned", "settled")}


def test_trials_combine_the_choices_of_all_stages() -> None:
    world = Pipeline()
    run_search(MiproOptimizer(SETTINGS, INITIAL), world)
    changed = {
        (
            candidate.texts["plan.system"] != "Plan {query}.",
            candidate.texts["answer.system"] != "Answer.",
        )
        for candidate in world.candidates
    }
    assert (True, True) in changed
    assert {stage for c in world.candidates for stage, _ in c.demos} == {"plan", "answer"}


def test_proposal_for_a_stage_shows_its_role_and_what_it_did_and_nothing_of_the_others() -> None:
    world = Pipeline()
    run_search(MiproOptimizer(SETTINGS, INITIAL), world)
    of_plan = [text for text in world.proposals if ROLES["plan"] in text]
    of_answer = [text for text in world.proposals if ROLES["answer"] in text]
    assert of_plan
    assert of_answer
    assert all("planned" in text and "settled " not in text for text in of_plan)
    assert all("settled" in text and "query " not in text for text in of_answer)


def test_limits_of_a_stage_leave_its_text_or_its_demonstrations_alone() -> None:
    world = Pipeline()
    limits = {"plan": StageLimits(instructions=1), "answer": StageLimits(demos=0)}
    run_search(MiproOptimizer(replace(SETTINGS, stage_limits=limits), INITIAL), world)
    assert {candidate.texts["plan.system"] for candidate in world.candidates} == {"Plan {query}."}
    assert len({candidate.texts["answer.system"] for candidate in world.candidates}) > 1
    assert {stage for c in world.candidates for stage, _ in c.demos} == {"plan"}


def test_demonstrations_in_the_text_end_the_text_of_their_own_stage() -> None:
    world = Pipeline()
    run_search(MiproOptimizer(replace(SETTINGS, demos_in_text=True), INITIAL), world)
    assert not any(candidate.demos for candidate in world.candidates)
    plans = [candidate.texts["plan.system"] for candidate in world.candidates]
    answers = [candidate.texts["answer.system"] for candidate in world.candidates]
    assert any("Output: planned" in text for text in plans)
    assert any("Output: settled" in text for text in answers)
    assert not any("Output: settled" in text for text in plans)

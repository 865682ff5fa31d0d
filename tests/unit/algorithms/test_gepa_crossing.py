"""Crossings: which members are merged, what of them is plain, and how such a landing goes."""

from functools import partial

import numpy as np

from ray_promptopt.algorithms.gepa.lanes.crossing import Crossing, crossed_texts, plan_crossing
from ray_promptopt.algorithms.gepa.objectives import Measurement
from ray_promptopt.algorithms.gepa.population import Member, Origin, Population
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.work import EvaluateCandidate, ProposeText, Purpose, WorkItem
from tests.fakes.lanes import HandDriven, fenced, lane_settings

SEEDS = tuple(range(8))
BASE = {"answer": "a", "find": "f"}
RNG = np.random.default_rng(0)


def grown(*children: tuple[dict[str, str], set[int]]) -> Population:
    """The initial candidate, right on no seed, and its children, each right on its seeds."""
    population = Population(SEEDS)
    add(population, BASE, set(), ())
    for texts, right in children:
        add(population, {**BASE, **texts}, right, (0,))
    return population


def add(
    population: Population, texts: dict[str, str], right: set[int], parents: tuple[int, ...]
) -> None:
    member = Member(Candidate.of(texts), parents, Origin.REFLECTION, len(population))
    scores = {seed: Measurement(float(seed in right)) for seed in SEEDS}
    population.add(member, scores, 0)


def test_plan_when_two_lineages_are_good_at_different_things_lands_on_the_better() -> None:
    population = grown(({"answer": "a1"}, {0, 1}), ({"find": "f1"}, {2, 3, 4}))
    crossing = plan_crossing(population, set(), RNG)
    assert crossing is not None
    assert crossing.triplet == (2, 1, 0)
    assert len(crossing.gate) == 5
    assert {0, 1} <= set(crossing.gate)  # two where the one is better, two where the other is
    assert len({2, 3, 4} & set(crossing.gate)) >= 2


def test_plan_when_tried_before_is_not_made_again() -> None:
    population = grown(({"answer": "a1"}, {0, 1}), ({"find": "f1"}, {2, 3, 4}))
    assert plan_crossing(population, {(2, 1, 0)}, RNG) is None


def test_plan_when_one_descends_from_the_other_is_not_made() -> None:
    population = grown(({"answer": "a1"}, {0, 1}))
    add(population, {**BASE, "answer": "a2"}, {2, 3, 4}, (1,))
    assert plan_crossing(population, set(), RNG) is None


def test_texts_when_one_side_left_a_component_alone_are_plain_else_to_be_merged() -> None:
    population = grown(({"answer": "a1"}, {0, 1}), ({"answer": "a2", "find": "f2"}, {2, 3, 4}))
    assert crossed_texts(population, Crossing(1, 2, 0, ())) == ({"find": "f2"}, ["answer"])
    assert crossed_texts(population, Crossing(2, 1, 0, ())) == ({}, ["answer"])


def test_crossing_when_both_rewrote_the_same_text_is_merged_by_the_model() -> None:
    search = HandDriven(lane_settings(validation=6, budget=400, concurrent=20, merge=True))
    search.answer("g0", 0.5)
    specialists = {"g1": {100, 101}, "g2": {103, 104, 105}}
    while not any(".gate.validation" in key for key in search.open):
        key = min(search.open, key=lambda key: not key.startswith("g"))  # one landing at a time
        right = specialists.get(key.split(".")[0], set())
        search.answer(key, partial(reply, right))
    key = next(key for key in search.open if ".gate.validation" in key)
    gate, merge = search.open[key], search.asked[f"{key.split('.')[0]}.merge.prompt"]
    assert isinstance(gate, EvaluateCandidate)
    assert isinstance(merge, ProposeText)
    assert gate.candidate.texts["prompt"] == f"base {merge.work_id}"
    assert "query" not in merge.messages[-1].content  # no validation example is shown


def reply(right: set[int], item: WorkItem) -> float | str:
    """Lanes and gates succeed; what is scored is right on some validation seeds alone."""
    if not isinstance(item, EvaluateCandidate):
        return fenced(f"base {item.work_id}")
    if item.purpose is Purpose.VALIDATION:
        return float(item.example.seed in right)
    return float(item.purpose in (Purpose.CHILD_MINIBATCH, Purpose.MERGE_GATE))

import dataclasses

import pytest

from ray_promptopt.algorithms.gepa import GepaOptimizer, GepaSettings
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import ConfigError

GOOD = GepaSettings((0, 1), (2, 3), 100)


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("train", (), "train"),
        ("validation", (3, 3), r"validation = \[3\]: name each seed once"),
        ("rollout_budget", 0, "rollout_budget"),
        ("minibatch_size", 0, "minibatch_size"),
        ("epsilon", 1.5, "epsilon"),
        ("top_k", 0, "top_k"),
        ("max_merges", -1, "max_merges"),
        ("patience", 0, "patience"),
        ("pareto_eps", -1e-9, "pareto_eps"),
        ("selection_pressure", 0.9, "selection_pressure"),
        ("archive_size", 0, "archive_size"),
        ("objectives", ("cost",), "add reward"),
        ("objectives", ("reward", "reward"), "each objective once"),
        ("objectives", ("reward", "cost"), "set front to objective, hybrid or cartesian"),
    ],
)
def test_settings_when_a_value_is_out_of_range_name_it(
    field: str, value: object, word: str
) -> None:
    with pytest.raises(ConfigError, match=word):
        dataclasses.replace(GOOD, **{field: value})  # type: ignore[arg-type]


def test_settings_when_several_values_are_wrong_name_all() -> None:
    with pytest.raises(ConfigError) as caught:
        GepaSettings((), (), 0)
    assert [problem.key for problem in caught.value.problems] == [
        "train",
        "validation",
        "rollout_budget",
    ]


def test_optimizer_when_the_initial_candidate_is_empty_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one component"):
        GepaOptimizer(GOOD, Candidate.of({}))

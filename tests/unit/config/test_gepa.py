import pytest

from tests.unit.config.documents import GEPA, gepa, refused

POPULATION = {"initial_size": 4, "num_generations": 3, "children_per_generation": 5}


def test_patience_and_proposals_follow_from_given_generations_alone() -> None:
    plain = gepa().gepa
    given = gepa(gepa__population={**POPULATION, "patience_generations": 2}).gepa
    assert plain is not None
    assert given is not None
    assert (plain.patience, plain.max_proposals) == (None, None)
    assert (given.patience, given.max_proposals, given.num_variants) == (10, 18, 3)
    alone = gepa(gepa__population={"num_generations": 3}).gepa
    assert alone is not None
    assert (alone.max_proposals, alone.num_variants) == (15, 0)


def test_merging_follows_a_given_crossover_rate_unless_said_otherwise() -> None:
    for changes, merge in (
        ({}, False),
        ({"gepa__crossover_rate": 0.5}, True),
        ({"gepa__crossover_rate": 0.0}, False),
        ({"gepa__crossover_rate": 0.5, "gepa__merge": False}, False),
    ):
        config = gepa(**changes).gepa
        assert config is not None
        assert config.merge is merge


def test_a_budget_is_required_and_may_stand_in_termination_config() -> None:
    assert "gepa.rollout.budget" in refused(GEPA, gepa__rollout=None)
    config = gepa(gepa__rollout=None, termination_config={"max_rollouts": 70})
    assert config.limits.max_rollouts == 70


def test_the_smallest_of_several_limits_counts() -> None:
    config = gepa(
        termination_config={"max_rollouts": 70, "max_cost_usd": 3, "max_time_seconds": 60},
        gepa__token={"max_spend_usd": 2.5},
    )
    assert config.limits.max_rollouts == 70
    assert config.limits.max_cost_usd == 2.5
    assert config.limits.max_seconds == 60


def test_a_budget_below_one_proposal_is_refused_with_the_least_that_works() -> None:
    problems = refused(GEPA, gepa__rollout__budget=11)
    assert "the least that works is 12" in problems["gepa.rollout.budget"]
    assert gepa(gepa__rollout__budget=12).limits.max_rollouts == 12


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rollout.budget", 0),
        ("rollout.minibatch_size", True),
        ("rollout.max_concurrent", 0),
        ("population.initial_size", 0),
        ("population.num_generations", -1),
        ("population.selection_pressure", 0.5),
        ("population.crossover_rate", 1.1),
        ("population.patience_generations", 0),
        ("archive.size", 0),
        ("archive.pareto_eps", 0),
        ("archive.feedback_fraction", -0.1),
        ("token.max_limit", 0),
        ("token.max_spend_usd", 0),
        ("proposer_type", "grid"),
        ("candidate_selector", "best"),
        ("schedule", "waves"),
        ("epsilon", 2),
        ("spec_max_tokens", 0),
        ("front_type", "pareto"),
        ("objectives", ["cost"]),
        ("objectives", ["reward", "reward"]),
        ("spec_priority_threshold", -1),
        ("reflection_prompt", "Improve <curr_param>"),
    ],
)
def test_a_value_out_of_range_is_refused_under_its_own_key(key: str, value: object) -> None:
    changes = {"gepa__" + key.replace(".", "__"): value}
    assert refused(GEPA, **changes).keys() == {f"gepa.{key}"} or key == "rollout.max_concurrent"
    assert any(name.endswith(key.split(".")[-1]) for name in refused(GEPA, **changes))


def test_several_objectives_need_fronts_that_see_them() -> None:
    given = ["reward", "prompt_tokens", "cost", "latency"]
    assert "hybrid" in refused(GEPA, gepa__objectives=given)["gepa.front_type"]
    config = gepa(gepa__objectives=given, gepa__front_type="hybrid").gepa
    assert config is not None
    assert config.objectives == tuple(given)


def test_the_spec_proposer_needs_a_spec() -> None:
    assert refused(GEPA, gepa__proposer_type="spec").keys() == {"gepa.spec_path"}


def test_every_stage_of_the_baseline_needs_a_module() -> None:
    prompt = {"metadata": {"pipeline_modules": ["plan", {"stage_id": "answer"}]}}
    modules = [{"module_id": "plan"}, {"module_id": "extra"}]
    assert "answer" in refused(GEPA, initial_prompt=prompt)["gepa.modules"]
    assert (
        "add an entry for answer"
        in (refused(GEPA, initial_prompt=prompt, gepa__modules=modules)["gepa.modules"])
    )
    config = gepa(initial_prompt=prompt, gepa__modules=[*modules, {"module_id": "answer"}])
    assert [stage.name for stage in config.initial_prompt.pipeline_modules] == ["plan", "answer"]


@pytest.mark.parametrize("tools", [[], ["a", "a"], [" "]])
def test_a_useless_list_of_tools_is_refused(tools: list[str]) -> None:
    problems = refused(GEPA, gepa__modules=[{"module_id": "a", "allowed_tools": tools}])
    assert "gepa.modules[0].allowed_tools" in problems


def test_a_module_is_named_once() -> None:
    problems = refused(GEPA, gepa__modules=[{"module_id": "a"}, {"module_id": "a"}])
    assert "['a']" in problems["gepa.modules"]


def test_messages_take_content_for_pattern_and_are_put_in_order() -> None:
    messages = [
        {"role": "user", "content": "{query}", "order": 1},
        {"role": "system", "pattern": "Be brief.", "order": 0},
    ]
    prompt = gepa(initial_prompt={"id": "p", "messages": messages}).initial_prompt
    assert [(message.role, message.pattern) for message in prompt.messages] == [
        ("system", "Be brief."),
        ("user", "{query}"),
    ]


def test_an_empty_or_incomplete_list_of_messages_is_refused() -> None:
    assert "initial_prompt.messages" in refused(GEPA, initial_prompt={"messages": []})
    problems = refused(GEPA, initial_prompt={"messages": [{"role": "user", "patern": "x"}]})
    assert "pattern" in problems["initial_prompt.messages[0].patern"]
    assert "initial_prompt.messages[0].pattern" in problems


def test_a_stage_takes_its_instruction_from_text_or_lines() -> None:
    stages = [
        {"name": "a", "instruction_text": "one"},
        {"module_id": "b", "instruction_lines": ["two", "three"]},
    ]
    config = gepa(
        initial_prompt={"metadata": {"pipeline_modules": stages}},
        gepa__modules=[{"module_id": "a"}, {"module_id": "b"}],
    )
    assert [stage.instruction for stage in config.initial_prompt.pipeline_modules] == [
        "one",
        "two\nthree",
    ]

"""Every option of GEPA changes what the search is made with, or warns that it does nothing."""

from collections.abc import Callable

import pytest

from ray_promptopt.config.gepa_effects import ALWAYS, MODULE_ALWAYS, WHERE
from ray_promptopt.config.keys import GEPA_SETTINGS
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.config.schema_gepa import GepaConfig, GepaModule
from ray_promptopt.runs.optimizers import gepa_settings
from ray_promptopt.runs.plans import num_held_out
from tests.unit.config.documents import GEPA, gepa, refused
from tests.unit.config.option_cases import Case, attribute
from tests.unit.config.test_spec import SPEC

TEMPLATE = "Improve <curr_param> by <side_info>"
SEEDS = {"seeds": list(range(40)), "validation_seeds": list(range(50, 56)), "test_pool": [90, 91]}
ALONE = {"seeds": list(range(40))}


def search(name: str) -> Callable[[RunConfig], object]:
    """A setting of the search, dotted."""

    def see(config: RunConfig) -> object:
        assert config.gepa is not None
        return attribute(gepa_settings(config, config.gepa, "def program(): ..."), name)

    return see


def shown_spec(config: RunConfig) -> object:
    spec = str(search("proposer.spec")(config))
    return [word for word in ("give one label", "be kind", "Example") if word in spec]


SPECIFIED: dict[str, object] = {"proposer_type": "spec", "spec": SPEC}
HYBRID = {"front_type": "hybrid"}

CASES = [
    Case("schedule", "reference", search("pareto_eps"), 1e-6, 0.0),
    Case("archive.pareto_eps", 0.01, search("pareto_eps"), 1e-6, 0.01),
    Case("archive.pareto_eps", 0.01, search("pareto_eps"), 0.0, 0.01, {"schedule": "reference"}),
    Case("racing", False, search("lanes.racing"), True, False),
    Case("rollout.minibatch_size", 5, search("minibatch_size"), 3, 5),
    Case("front_type", "cartesian", search("front"), "instance", "cartesian"),
    Case(
        "objectives",
        ["reward", "cost"],
        search("objectives"),
        ("reward",),
        ("reward", "cost"),
        HYBRID,
    ),
    Case("candidate_selector", "top_k_pareto", search("candidate_selector"), "pareto",
         "top_k_pareto"),
    Case("epsilon", 0.3, search("epsilon"), 0.1, 0.3, {"candidate_selector": "epsilon_greedy"}),
    Case("top_k", 2, search("top_k"), 5, 2, {"candidate_selector": "top_k_pareto"}),
    Case("component_selector", "all", search("component_selector"), "round_robin", "all"),
    Case("merge", True, search("merge"), False, True),
    Case("max_merges", 2, search("max_merges"), 5, 2, {"merge": True}),
    Case("population.crossover_rate", 0.25, search("merge"), False, True),
    Case("population.crossover_rate", 0.25, search("lanes.merge_share"), 0.5, 0.25),
    Case("population.initial_size", 4, search("lanes.num_variants"), 0, 3),
    Case("population.num_generations", 3, search("max_proposals"), None, 15),
    Case("population.children_per_generation", 2, search("max_proposals"), None, 20),
    Case("population.children_per_generation", 2, search("patience"), 15, 6,
         {"population": {"patience_generations": 3}}),
    Case("population.patience_generations", 2, search("patience"), None, 10),
    Case("population.selection_pressure", 2.0, search("selection_pressure"), 1.0, 2.0),
    Case("archive.size", 10, search("archive_size"), None, 10),
    Case("archive.max_size", 10, search("archive_size"), None, 10),
    Case("archive.min_score_threshold", 0.2, search("archive_min_score"), None, 0.2),
    Case("archive.pareto_set_size", 10, lambda config: config.splits.validation,
         tuple(range(12)), tuple(range(10)),
         {"evaluation": ALONE, "archive": {"pareto_set_size": 12}}),
    Case("archive.feedback_fraction", 0.75, lambda config: config.splits.validation,
         tuple(range(20)), tuple(range(10)),
         {"evaluation": ALONE, "archive": {"feedback_fraction": 0.5}}),
    Case("token.max_limit", 200, search("max_prompt_tokens"), None, 200),
    Case("token.enforce_pattern_limit", False, search("max_prompt_tokens"), 200, None,
         {"token": {"max_limit": 200}}),
    Case("token.max_spend_usd", 2.0, lambda config: config.limits.max_cost_usd, None, 2.0),
    Case("evaluation.validation_top_k", 3, num_held_out, 4, 8),
    Case("reflection_prompt", TEMPLATE, search("proposer.template"), None, TEMPLATE),
    Case("mutation.prompt", "Be brief.", search("proposer.guidance"), "", "Be brief."),
    Case("metaprompt", "Be kind.", search("proposer.guidance"), "", "Be kind."),
    Case("proposer_type", "dspy", search("proposer.flavour"), "gepa-ai", "dspy"),
    Case("proposer_mode", "synth", search("proposer.flavour"), "gepa-ai", "synth"),
    Case("proposer_effort", "LOW", search("proposer.effort"), "MEDIUM", "LOW"),
    Case("proposer_output_tokens", "FAST", lambda config: config.reflection.max_completion_tokens,
         None, 10_000),
    Case("spec_max_tokens", 30, lambda config: len(str(search("proposer.spec")(config))) < 200,
         False, True, SPECIFIED),
    Case("spec_priority_threshold", 5, shown_spec, ["give one label", "be kind"],
         ["give one label"], {**SPECIFIED, "spec_include_examples": False}),
    Case("modules", [{"module_id": "a", "max_tokens": 99}], search("max_prompt_tokens"), 200, 99,
         {"token": {"max_limit": 200}}),
]  # fmt: skip

ELSEWHERE = {
    "spec_path": "test_spec.py",
    "spec": "test_spec.py",
    "spec_include_examples": "test_spec.py",
}
"""Options whose proof needs more than two values."""


def warned(config: RunConfig) -> list[str]:
    """Its warnings, but for those of retired models."""
    return [text for text in config.warnings if not text.startswith("policy.model")]


def made(case: Case, *, with_key: bool) -> RunConfig:
    base: dict[str, object] = {
        "initial_prompt": {"metadata": {"pipeline_modules": ["a"]}},
        "gepa__modules": [{"module_id": "a"}],
        "gepa__evaluation": SEEDS,
        "gepa__rollout__budget": 1000,
    }
    return gepa(**case.changes("gepa", with_key=with_key, base=base))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_an_option_that_is_given_changes_what_it_says_and_is_not_warned_of(case: Case) -> None:
    plain, given = made(case, with_key=False), made(case, with_key=True)
    assert (case.see(plain), case.see(given)) == (case.before, case.after)
    assert [text for text in given.warnings if text.startswith(f"gepa.{case.key} ")] == []


def test_every_option_is_proved_to_act_or_is_warned_of() -> None:
    fields = {path: name for name, paths in GEPA_SETTINGS.items() for path in paths}
    proved = {fields.get(case.key, case.key) for case in CASES} | set(ALWAYS) | set(ELSEWHERE)
    derived = {"patience", "max_proposals", "num_variants", "proposer_settings"}
    assert proved == GepaConfig.model_fields.keys() - derived
    acting = {"module_id", "max_tokens", "policy"}
    assert acting | set(MODULE_ALWAYS) == GepaModule.model_fields.keys()


WITHOUT_EFFECT: list[tuple[dict[str, object], str, str]] = [
    ({"mutation__rate": 0.3}, "gepa.mutation.rate = 0.3", "crossover_rate"),
    ({"token__counting_model": "gpt-4"}, "gepa.token.counting_model = 'gpt-4'", "estimated"),
    ({"epsilon": 0.2}, "gepa.epsilon = 0.2", 'candidate_selector = "epsilon_greedy"'),
    ({"top_k": 2}, "gepa.top_k = 2", 'candidate_selector = "top_k_pareto"'),
    (
        {"population__selection_pressure": 2, "candidate_selector": "current_best"},
        "gepa.population.selection_pressure = 2",
        '"pareto" or "top_k_pareto"',
    ),
    ({"max_merges": 2}, "gepa.max_merges = 2", "merge = true"),
    (
        {"population__crossover_rate": 0.5, "schedule": "reference"},
        "gepa.population.crossover_rate = 0.5",
        "max_merges",
    ),
    ({"racing": True, "schedule": "reference"}, "gepa.racing = True", "paper"),
    (
        {"population__initial_size": 5, "schedule": "reference"},
        "gepa.population.initial_size = 5",
        'schedule = "async"',
    ),
    (
        {"population__initial_size": 50},
        "gepa.population.initial_size = 50",
        "the baseline and 4 more are tried",
    ),
    (
        {"token__max_limit": 9, "token__enforce_pattern_limit": False},
        "gepa.token.max_limit = 9",
        "set it to true",
    ),
    ({"spec_max_tokens": 9}, "gepa.spec_max_tokens = 9", 'proposer_type = "spec"'),
    ({"archive__pareto_set_size": 12}, "gepa.archive.pareto_set_size = 12", "validation seeds"),
    ({"archive__feedback_fraction": 0.5}, "gepa.archive.feedback_fraction = 0.5", "validation"),
    (
        {
            "evaluation": ALONE,
            "archive__pareto_set_size": 12,
            "archive__feedback_fraction": 0.5,
        },
        "gepa.archive.feedback_fraction = 0.5",
        "gepa.archive.pareto_set_size is given",
    ),
    ({"rollout__minibatch_size": 8}, "gepa.rollout.minibatch_size = 8", "4 training seeds"),
    (
        {"modules": [{"module_id": "a", "max_instruction_slots": 3}]},
        "gepa.modules[0].max_instruction_slots = 3",
        "gepa.archive.size",
    ),
    (
        {"modules": [{"module_id": "a", "allowed_tools": ["x"]}]},
        "gepa.modules[0].allowed_tools",
        "pass through",
    ),
    (
        {"modules": [{"module_id": "a", "policy": {"model": "gpt-5", "provider": "openai"}}]},
        "gepa.modules[0].policy = 'gpt-5'",
        "gpt-4o-mini",
    ),
    ({"modules": [{"module_id": "b", "max_tokens": 5}]}, "gepa.modules[0].max_tokens = 5", "stage"),
    ({"mutation__synth_temperature": 0.1}, "gepa.mutation.synth_temperature = 0.1", "gepa-ai"),
]


@pytest.mark.parametrize(("given", "what", "remedy"), WITHOUT_EFFECT, ids=lambda part: str(part))
def test_an_option_without_effect_is_warned_of_with_key_value_and_remedy(
    given: dict[str, object], what: str, remedy: str
) -> None:
    config = gepa(**{f"gepa__{name}": value for name, value in given.items()})
    warnings = [text for text in config.warnings if text.startswith(what)]
    assert len(warnings) == 1, config.warnings
    assert remedy in warnings[0]


def test_every_condition_is_tried() -> None:
    tried = " ".join(what for _, what, _ in WITHOUT_EFFECT)
    fields = {name: paths[0] for name, paths in GEPA_SETTINGS.items()}
    spec = {name for name in WHERE if name.startswith("spec")}
    assert [name for name in {*WHERE, *ALWAYS} - spec if fields[name] not in tried] == []


def test_a_plain_config_is_warned_of_nothing() -> None:
    assert warned(gepa()) == []


@pytest.mark.parametrize("fraction", [0.0, 0.05, 1.0])
def test_a_feedback_fraction_that_leaves_a_part_empty_is_refused(fraction: float) -> None:
    problems = refused(
        {
            "algorithm": "gepa",
            "task_app_url": "http://127.0.0.1:1",
            "policy": {"provider": "openai", "model": "gpt-4o-mini"},
            "gepa": {"rollout": {"budget": 100, "minibatch_size": 3}, "evaluation": ALONE},
        },
        gepa__archive__feedback_fraction=fraction,
    )
    assert str(fraction) in problems["gepa.archive.feedback_fraction"]


def test_pessimism_is_what_budgets_have_anyway_and_its_absence_is_warned_of() -> None:
    assert warned(gepa(termination_config={"pessimism_enabled": True})) == []
    (warning,) = warned(gepa(termination_config={"pessimism_enabled": False}))
    assert "pessimism_enabled = false" in warning


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"policy__max_steps": 1}, "policy.max_steps = 1: without effect: the task app decides"),
        ({"policy__policy_name": "mine"}, "policy.policy_name = 'mine': without effect"),
        ({"display": {"tui": True}}, "display: read, without effect"),
        ({"free_tier": True}, "free_tier: read, without effect"),
    ],
)
def test_a_key_beside_the_algorithm_that_does_nothing_is_warned_of(
    changes: dict[str, object], words: str
) -> None:
    assert any(words in warning for warning in gepa(**changes).warnings)


def test_category_costs_are_limits_of_their_own_and_know_two_names() -> None:
    costs = {"rollout": 1.5, "mutation": 0.5}
    config = gepa(termination_config={"max_category_costs_usd": costs})
    assert config.limits.max_category_costs_usd == costs
    wrong = {"max_category_costs_usd": {"proposal": 1.0}}
    problems = refused(GEPA, termination_config=wrong)
    assert any("max_category_costs_usd" in key for key in problems)

import pytest

from tests.unit.config.documents import MIPRO, mipro, refused

STAGE = {"stage_id": "s1", "baseline_instruction": "Answer."}


def test_aliases_of_modules_stages_and_edges_are_read() -> None:
    modules = [
        {
            "id": "m",
            "stages": [STAGE, {"module_stage_id": "s2", "baseline_instruction": "Check."}],
            "edges": [["s1", "s2"], {"from": "s1", "to": "s2"}, {"source": "s2", "target": "s1"}],
        }
    ]
    config = mipro(mipro__modules=modules).mipro
    assert config is not None
    module = config.modules[0]
    assert [stage.stage_id for stage in module.stages] == ["s1", "s2"]
    assert [(edge.source, edge.target) for edge in module.edges] == [
        ("s1", "s2"),
        ("s1", "s2"),
        ("s2", "s1"),
    ]


@pytest.mark.parametrize(
    ("modules", "key"),
    [
        ([{"stages": [STAGE]}], "mipro.modules[0].module_id"),
        ([{"id": "m", "stages": [{"stage_id": "s"}]}], "mipro.modules[0].stages[0]"),
        ([{"id": "m"}, {"id": "m"}], "mipro.modules.module_id"),
        ([{"id": "m", "stages": [STAGE]}, {"id": "n", "stages": [STAGE]}], "stage_id"),
        ([{"id": "m", "stages": [STAGE], "edges": [["s1", "zz"]]}], "mipro.modules.m.edges"),
        ([{"id": "m", "stages": [STAGE], "edges": [["s1"]]}], "mipro.modules[0].edges"),
        ([{"id": "m", "stages": [{**STAGE, "max_demo_slots": 129}]}], "max_demo_slots"),
        ([{"id": "m", "max_instruction_slots": 0}], "max_instruction_slots"),
        ([{"id": "m", "stagess": []}], "mipro.modules[0].stagess"),
        ({"id": "m"}, "mipro.modules"),
    ],
)
def test_faulty_modules_are_refused(modules: object, key: str) -> None:
    assert any(key in name for name in refused(MIPRO, mipro__modules=modules))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("num_iterations", 0),
        ("batch_size", 0),
        ("few_shot_score_threshold", 1.2),
        ("full_eval_every_k", 0),
        ("generate_at_iterations", [-1]),
        ("max_demo_sets", 0),
        ("spec_priority_threshold", -1),
        ("min_bootstrap_demos", 4),
        ("proposer_effort", "HUGE"),
    ],
)
def test_a_value_out_of_range_is_refused(key: str, value: object) -> None:
    assert any(
        name.startswith(f"mipro.{key}") for name in refused(MIPRO, **{f"mipro__{key}": value})
    )


def test_a_key_of_a_sub_table_is_refused_with_the_nearest() -> None:
    assert "gamma" in refused(MIPRO, mipro__tpe={"gama": 0.3})["mipro.tpe.gama"]


def test_a_given_meta_update_table_is_enabled_unless_it_says_no() -> None:
    for table, enabled in (({"keep_k": 4}, True), ({"enabled": False}, False)):
        config = mipro(mipro__meta_update=table).mipro
        assert config is not None
        assert config.meta_update.enabled is enabled


def test_without_a_budget_the_limit_is_what_the_iterations_need() -> None:
    config = mipro(mipro__num_iterations=4, mipro__num_evaluations_per_iteration=2)
    assert config.limits.max_rollouts == 3 + 3 + 8 * 3 + 2 * 3
    assert mipro(mipro__rollout_budget=50).limits.max_rollouts == 50


def test_limits_of_mipro_join_those_of_termination_config() -> None:
    limits = mipro(
        mipro__max_token_limit=900,
        mipro__max_total_tokens=1000,
        mipro__max_wall_clock_seconds=30,
        termination_config={"max_seconds": 60, "max_trials_without_improvement": 4},
    ).limits
    assert (limits.max_tokens, limits.max_seconds) == (900, 30)
    assert limits.max_trials_without_improvement == 4
    free = mipro(mipro__max_token_limit=900, mipro__enforce_token_limit=False).limits
    assert free.max_tokens is None

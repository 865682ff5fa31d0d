import pytest

from tests.unit.config.documents import GEPA, MIPRO, gepa, mipro, refused


def test_a_range_excludes_its_end_and_takes_a_step() -> None:
    assert gepa(gepa__evaluation__seeds={"start": 10, "end": 20, "step": 4}).splits.train == (
        10,
        14,
        18,
    )
    assert gepa(gepa__evaluation__seeds={"end": 4}).splits.train == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ([0, 1, 1], r"[1]: name each seed once"),
        ([-1, 2], "from 0"),
        ([True, 2], "from 0"),
        ({"start": 5, "end": 5}, "holds 0 seeds"),
        ({"start": 0, "end": 5, "step": 0}, "holds 0 seeds"),
        ({"start": 0, "end": 10**12}, "holds 1000000000000 seeds"),
        ({"start": 0, "stop": 5}, "whole numbers"),
        ("0-5", "whole numbers"),
    ],
)
def test_faulty_seeds_are_refused(seeds: object, says: str) -> None:
    assert says in refused(GEPA, gepa__evaluation__seeds=seeds)["gepa.evaluation.seeds"]


@pytest.mark.parametrize(
    "place", ["train_seeds", "evaluation_seeds", "seeds", "gepa__train_seeds", "env_config__seeds"]
)
def test_training_seeds_are_found_wherever_existing_configs_have_them(place: str) -> None:
    assert gepa(gepa__evaluation__seeds=None, **{place: [0, 1, 2]}).splits.train == (0, 1, 2)


@pytest.mark.parametrize("place", ["validation_seeds", "val_seeds", "gepa__val_seeds"])
def test_validation_seeds_are_found_wherever_existing_configs_have_them(place: str) -> None:
    config = gepa(gepa__evaluation__validation_seeds=None, **{place: [7, 8]})
    assert config.splits.validation == (7, 8)


@pytest.mark.parametrize(
    ("changes", "key", "common"),
    [
        ({"gepa__evaluation__validation_seeds": [3, 4]}, "gepa.evaluation.validation_seeds", "[3]"),
        ({"gepa__evaluation__test_pool": [0, 6]}, "gepa.evaluation.test_pool", "[6]"),
        ({"reference_pool": [2, 9]}, "reference_pool", "[2]"),
    ],
)
def test_a_seed_with_two_uses_is_refused(changes: dict[str, object], key: str, common: str) -> None:
    assert common in refused(GEPA, **changes)[key]


def test_parts_in_different_data_splits_do_not_overlap() -> None:
    same = [0, 1, 2, 3]
    config = gepa(
        gepa__evaluation={"seeds": same, "validation_seeds": same, "test_pool": same},
        env_config={"train_split": "train", "validation_split": "dev", "test_pool": "test"},
    )
    splits = config.splits
    assert (splits.train_split, splits.validation_split, splits.test_split) == (
        "train",
        "dev",
        "test",
    )


def test_one_named_split_is_the_split_of_all_parts() -> None:
    splits = gepa(env_config={"split": "train"}).splits
    assert {splits.train_split, splits.validation_split, splits.test_split} == {"train"}
    assert "gepa.evaluation.validation_seeds" in refused(
        GEPA, env_config={"split": "a"}, gepa__evaluation__validation_seeds=[0]
    )


def test_validation_pool_names_the_split_of_the_validation_seeds() -> None:
    splits = gepa(gepa__evaluation__validation_pool="dev", env_config={"pool": "train"}).splits
    assert (splits.train_split, splits.validation_split) == ("train", "dev")


def test_validation_is_set_aside_from_the_training_seeds_when_none_is_given() -> None:
    splits = gepa(
        gepa__evaluation={"seeds": {"end": 20}}, gepa__archive={"pareto_set_size": 12}
    ).splits
    assert splits.validation == tuple(range(12))
    assert splits.train == tuple(range(12, 20))


def test_too_few_seeds_left_for_training_are_refused() -> None:
    problems = refused(
        GEPA, gepa__evaluation={"seeds": {"end": 14}}, gepa__archive={"pareto_set_size": 12}
    )
    assert "leaves 2 of 14" in problems["gepa.archive.pareto_set_size"]


def test_missing_training_seeds_are_refused() -> None:
    assert "gepa.evaluation.seeds" in refused(GEPA, gepa__evaluation=None)


def test_mipro_pools_come_from_its_table_the_top_level_or_env_config() -> None:
    pools = {"bootstrap_train_seeds": [0], "online_pool": [1], "test_pool": [2]}
    bare: dict[str, object] = {"mipro": {}}
    grouped = {"mipro": {"seeds": {"bootstrap": [0], "online": [1], "test": [2]}}}
    for changes in ({"mipro": pools}, {**bare, **pools}, {**bare, "env_config": pools}, grouped):
        splits = mipro(**changes).splits
        assert (splits.train, splits.validation, splits.test) == ((0,), (1,), (2,))


def test_mipro_needs_both_pools_and_a_disjoint_reference() -> None:
    assert refused(MIPRO, mipro={}).keys() == {"mipro.bootstrap_train_seeds", "mipro.online_pool"}
    assert "[3]" in refused(MIPRO, mipro__reference_pool=[3, 9])["mipro.reference_pool"]

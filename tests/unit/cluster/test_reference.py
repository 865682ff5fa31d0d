from collections.abc import Callable

import httpx
import pytest

from ray_promptopt.cluster.reference import read_reference
from ray_promptopt.config.schema import Splits
from ray_promptopt.core.errors import TaskAppError
from tests.fakes.scripted_http import ScriptedHttp

SPLITS = Splits(train=(0, 1), validation=(2, 3), test=(4,), reference=(10, 11, 12))
Metadata = Callable[[int], dict[str, object]]


def query(seed: int) -> dict[str, object]:
    return {"seed": seed, "query": f"q{seed}"}


async def read(metadata: Metadata, splits: Splits = SPLITS) -> tuple[str, ...]:
    def answer(request: httpx.Request) -> httpx.Response:
        seeds = [int(seed) for seed in request.url.params.get_list("seeds")]
        return httpx.Response(200, json=[{"task_metadata": metadata(seed)} for seed in seeds])

    return await read_reference("http://app", "key", splits, ScriptedHttp(answer))


async def test_corpus_is_the_text_of_every_reference_row_once() -> None:
    assert await read(query) == ("q10", "q11", "q12")
    assert await read(lambda seed: {"query": "the same"}) == ("the same",)
    many = SPLITS.model_copy(update={"reference": tuple(range(10, 260))})
    assert len(await read(query, many)) == 250


async def test_a_row_of_several_fields_names_them() -> None:
    (text,) = await read(lambda seed: {"split": "train", "query": "q", "options": ["a", "b"]})
    assert text == 'query: q\noptions: ["a", "b"]'


@pytest.mark.parametrize(
    ("metadata", "words"), [(lambda seed: {"seed": seed}, "says nothing of a row")]
)
async def test_corpus_that_the_app_does_not_give_is_refused_with_the_remedy(
    metadata: Metadata, words: str
) -> None:
    with pytest.raises(TaskAppError, match=f"{words}.*leave reference_pool out"):
        await read(metadata)


async def test_rows_that_are_not_all_there_are_refused() -> None:
    http = ScriptedHttp(lambda request: httpx.Response(200, json=[{}]))
    with pytest.raises(TaskAppError, match="gave 1 rows for 3 seeds"):
        await read_reference("http://app", "key", SPLITS, http)


async def test_rows_of_a_split_that_is_not_named_are_refused_where_they_may_be_test_rows() -> None:
    splits = Splits(
        train=(0, 1), validation=(2, 3), test=(11,), reference=(10, 11),
        train_split="train", test_split="test",
    )  # fmt: skip
    with pytest.raises(TaskAppError, match=r"seeds \[11\] are of split train"):
        await read(query, splits)
    named = await read(lambda seed: {**query(seed), "split": "train"}, splits)
    assert named == ("q10", "q11")
    with pytest.raises(TaskAppError, match="split train"):
        await read(lambda seed: {**query(seed), "split": "test"}, splits)

"""What the calls refuse before Ray is started, and what they read without it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ray

from ray_promptopt import load_run, resume
from ray_promptopt.core.errors import JournalError
from ray_promptopt.python_api import evaluate, load_runs, results_folder
from tests.fakes.world import RUN, config, on_disk


@pytest.mark.parametrize("call", [load_run, resume, evaluate])
def test_call_when_folder_has_no_runs_then_says_so_and_leaves_it_as_it_is(
    call: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(JournalError, match=r"there are no runs in .*--results"):
        call("latest", results=tmp_path)
    assert load_runs(results=tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_evaluate_when_the_search_has_not_ended_then_refuses_and_starts_nothing(
    tmp_path: Path,
) -> None:
    world = on_disk(tmp_path)
    world.create()
    with pytest.raises(JournalError, match=f"resume {RUN}"):
        evaluate("latest", results=tmp_path)
    assert not ray.is_initialized()
    assert world.store.events(RUN) == []


def test_load_run_when_only_the_beginning_of_the_id_is_given_then_finds_it(tmp_path: Path) -> None:
    on_disk(tmp_path).create()
    assert load_run("111", results=tmp_path).run_id == RUN
    assert [view.run_id for view in load_runs(results=tmp_path)] == [RUN]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Path("runs").resolve()),
        ({"RAY_PROMPTOPT_RESULTS": "/some/runs"}, Path("/some/runs")),
        ({"RAY_JOB_CONFIG_JSON_ENV_VAR": "{}"}, Path.home() / "ray_promptopt" / "runs"),
    ],
)
def test_results_folder_when_none_is_given_then_depends_on_where_it_runs(
    environ: dict[str, str], expected: Path
) -> None:
    assert results_folder(None, environ=environ) == expected


def test_results_folder_when_given_then_outranks_the_config() -> None:
    configured = config(results_folder="/configured")
    assert results_folder(Path("/given"), configured) == Path("/given")

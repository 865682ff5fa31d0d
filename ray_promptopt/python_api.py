"""`optimize()`, `resume()`, `evaluate()`, `load_run()`: everything the command line does, as calls.

Each starts what it needs on Ray and ends what it started. Ray is imported when it is needed:
`pause`, `stop` and looking at runs answer at once.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ray_promptopt.cluster.launch import Job, Launch
from ray_promptopt.config.dump import config_from_json, resolved_json
from ray_promptopt.config.loader import load_config
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.config.simple import simple_mipro as simple_mipro
from ray_promptopt.core.errors import ConfigError, ConfigProblem, JournalError
from ray_promptopt.core.ids import RunId, new_run_id
from ray_promptopt.report import write_report
from ray_promptopt.runs.plans import held_out_candidates
from ray_promptopt.runs.progress import ProgressSnapshot
from ray_promptopt.store.journal import RunStore, has_store, sqlite_url
from ray_promptopt.store.orders import Order, give_order
from ray_promptopt.store.run_folder import run_folder, write_run_folder
from ray_promptopt.store.run_lock import is_owned, sole_owner
from ray_promptopt.store.run_view import RunStatus, RunView, load_view
from ray_promptopt.taskapp.client import TaskAppClient

if TYPE_CHECKING:
    from ray_promptopt.cluster.publishing import ServedGateway

_KILLED_OWNER_VANISHES_S = 10.0
"""A driver that was killed takes its coordinator with it, but not in the same instant."""

OnProgress = Callable[[ProgressSnapshot], None]
OnStart = Callable[[Launch, str], None]


@dataclass(frozen=True)
class Callbacks:
    """Who is told: `on_start` of the launch and the dashboard's URL, `on_progress` as it goes."""

    on_start: OnStart = lambda _launch, _dashboard_url: None
    on_progress: OnProgress = lambda _snapshot: None


def optimize(
    config: Path | str | RunConfig,
    *,
    address: str | None = None,
    results: Path | None = None,
    callbacks: Callbacks | None = None,
) -> RunView:
    """Run a config to its end. Raises ConfigError, TaskAppError, ClusterError before anything is
    spent; what happens later is in the view's `status` and `reason`."""
    resolved = config if isinstance(config, RunConfig) else _load(Path(config))
    _check_task_app(resolved)
    folder = results_folder(results, resolved)
    store = RunStore(sqlite_url(folder))
    run_id = new_run_id()
    store.create_run(run_id, name=_name(config), config=resolved_json(resolved))
    return _launch(store, run_id, Job.SEARCH, folder, address, callbacks)


def resume(
    run: str,
    *,
    address: str | None = None,
    results: Path | None = None,
    callbacks: Callbacks | None = None,
) -> RunView:
    """Continue a run from its journal. Raises JournalError when it is unknown or complete."""
    folder = results_folder(results)
    store = _existing_store(folder)
    run_id = store.find_run(run)
    if load_view(store, run_id).status is RunStatus.SUCCEEDED:
        raise JournalError(f"run {run_id} is complete: see `ray-promptopt results {run_id}`")
    _require_free(folder, run_id)
    _check_task_app(config_from_json(store.run(run_id).config, os.environ))
    return _launch(store, run_id, Job.SEARCH, folder, address, callbacks)


def evaluate(
    run: str,
    *,
    address: str | None = None,
    results: Path | None = None,
    callbacks: Callbacks | None = None,
) -> RunView:
    """Score baseline and best prompt on the test seeds; what was scored before is not run again.

    Raises ConfigError when the run's config names no test seeds, JournalError when its search
    has not ended.
    """
    folder = results_folder(results)
    store = _existing_store(folder)
    run_id = store.find_run(run)
    config = config_from_json(store.run(run_id).config, os.environ)
    if not config.splits.test:
        problem = ConfigProblem(
            "test_pool", "not given", "name held-out seeds in the config and start a new run"
        )
        raise ConfigError(run_id, (problem,))
    view = load_view(store, run_id)
    if not view.search_ended:
        raise JournalError(
            f"the search of {run_id} has not ended ({view.status}): finish it with "
            f"`ray-promptopt resume {run_id}`, which evaluates it too"
        )
    chosen = {candidate.id for candidate in held_out_candidates(view, config)}
    if all(set(config.splits.test) <= view.candidates[key].held_out.keys() for key in chosen):
        return view
    _require_free(folder, run_id)
    return _launch(store, run_id, Job.HELD_OUT, folder, address, callbacks)


def pause(run: str, *, results: Path | None = None) -> RunId:
    """Order a running run to send nothing new out until it is told to go on. Raises JournalError
    when nobody runs it."""
    return _order(run, Order.PAUSE, results)


def go_on(run: str, *, results: Path | None = None) -> RunId:
    """Order a paused run to go on. Raises JournalError when nobody runs it."""
    return _order(run, Order.GO, results)


def stop(run: str, *, results: Path | None = None) -> RunId:
    """Order a running run to end cleanly, to be resumed later. Raises JournalError when nobody
    runs it."""
    return _order(run, Order.STOP, results)


def load_run(run: str, *, results: Path | None = None) -> RunView:
    """A run as its journal tells it. `run` is an id, the beginning of one, or `latest`."""
    store = _existing_store(results_folder(results))
    return load_view(store, store.find_run(run))


def load_runs(*, results: Path | None = None) -> list[RunView]:
    """All runs of a results folder, the oldest first."""
    folder = results_folder(results)
    if not has_store(folder):
        return []
    store = RunStore(sqlite_url(folder))
    return [load_view(store, row.run_id) for row in store.runs()]


@contextmanager
def serve_gateway(
    host: str, port: int, *, address: str | None = None, results: Path | None = None
) -> Iterator["ServedGateway"]:
    """A gateway that serves the best prompts of all runs of a results folder."""
    from ray_promptopt.cluster.publishing import served_gateway

    store = RunStore(sqlite_url(results_folder(results)))
    with served_gateway(store, host, port, address=address) as served:
        yield served


def results_folder(
    given: Path | None,
    config: RunConfig | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Path:
    """Where runs are kept: the argument, the config, `RAY_PROMPTOPT_RESULTS`, else `runs`.

    A submitted job's working directory is a copy that Ray throws away, so that a job's runs go to
    the home directory of the node it runs on.
    """
    if given is not None:
        return given.resolve()
    if config is not None and config.results_folder:
        return Path(config.results_folder).expanduser().resolve()
    if environ.get("RAY_PROMPTOPT_RESULTS"):
        return Path(environ["RAY_PROMPTOPT_RESULTS"]).expanduser().resolve()
    if environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR"):
        return Path.home() / "ray_promptopt" / "runs"
    return Path("runs").resolve()


def _existing_store(folder: Path) -> RunStore:
    """Looking for a run must not make an empty store. Raises JournalError when there is none."""
    if not has_store(folder):
        raise JournalError(f"there are no runs in {folder}: name their folder with --results")
    return RunStore(sqlite_url(folder))


def _load(path: Path) -> RunConfig:
    return load_config(path, environ=os.environ)


def _name(config: Path | str | RunConfig) -> str:
    return config.algorithm if isinstance(config, RunConfig) else Path(config).stem


def _check_task_app(config: RunConfig) -> None:
    """Ask the task app for its health, so that a wrong URL or key is known before Ray starts."""
    url = config.task_app.url
    if url is None:
        return

    async def check() -> None:
        client = TaskAppClient(url, config.task_app.api_key.get_secret_value(), timeout_s=10.0)
        try:
            await client.health()
        finally:
            await client.aclose()

    asyncio.run(check())


def _require_free(folder: Path, run_id: RunId) -> None:
    """Refuse a run that another command is at, before anything starts."""
    with sole_owner(folder, run_id, wait_s=_KILLED_OWNER_VANISHES_S):
        pass


def _order(run: str, order: Order, results: Path | None) -> RunId:
    folder = results_folder(results)
    store = _existing_store(folder)
    run_id = store.find_run(run)
    if not is_owned(folder, run_id):
        status = load_view(store, run_id).status
        is_done = status is RunStatus.SUCCEEDED
        remedy = "it is complete" if is_done else f"`ray-promptopt resume {run_id}` takes it up"
        raise JournalError(
            f"run {run_id} is not being run now (its journal says {status}), so that the order to "
            f"{order} has nobody to obey it: {remedy}"
        )
    give_order(store, folder, run_id, order)
    return run_id


def _launch(
    store: RunStore,
    run_id: RunId,
    job: Job,
    folder: Path,
    address: str | None,
    callbacks: Callbacks | None,
) -> RunView:
    from ray_promptopt.cluster.driver import follow, start_services
    from ray_promptopt.cluster.session import ray_session

    told = callbacks or Callbacks()
    config = config_from_json(store.run(run_id).config, os.environ)
    launch = Launch(
        run_id=run_id,
        job=job,
        store_url=store.url,
        results_folder=str(folder),
        gateway_url="",
        task_app_url="",
        task_app_api_key="",
    )
    give_order(store, folder, run_id, Order.GO)
    try:
        with ray_session(address) as dashboard_url:
            started = start_services(config, launch)
            told.on_start(started, dashboard_url)
            follow(started, told.on_progress)
    finally:
        view = load_view(store, run_id)
        write_run_folder(folder, view)
        write_report(view, run_folder(folder, run_id) / "report.html")
    return view

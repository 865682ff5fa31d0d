"""The coordinator of one run as an actor: builds the ports out of actors and drives the run."""

import asyncio
import os
import time
from functools import partial
from pathlib import Path

import ray

from ray_promptopt.cluster import names
from ray_promptopt.cluster.gateway_state import gateway_state
from ray_promptopt.cluster.launch import Job, Launch
from ray_promptopt.cluster.models import price_overrides, run_binding, upstream_model
from ray_promptopt.cluster.optimizer_host import GepaPopulationActor, OptimizerClient
from ray_promptopt.cluster.placement import alive_nodes, here
from ray_promptopt.cluster.program import read_program
from ray_promptopt.cluster.proposals import Proposer
from ray_promptopt.cluster.reference import read_reference
from ray_promptopt.cluster.rollout_pool import RolloutPool
from ray_promptopt.cluster.run_metrics import RunMetrics
from ray_promptopt.cluster.trials import TrialRegistry
from ray_promptopt.config.dump import config_from_json
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.core.examples import Part
from ray_promptopt.rollouts.plan import RolloutSettings
from ray_promptopt.runs.coordinator import Ports, RunCoordinator
from ray_promptopt.runs.orders import OrderWatch
from ray_promptopt.runs.progress import ProgressSnapshot
from ray_promptopt.store.journal import RunStore
from ray_promptopt.store.run_lock import sole_owner
from ray_promptopt.store.run_view import RunStatus

_METRICS_EVERY_S = 1.0
_ROLLOUTS_PER_WORKER = 32
"""A worker only waits: one process carries tens of rollouts."""


class RunHost:
    """Owns the journal of its run while it runs; until then it knows nothing of it."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._coordinator: RunCoordinator | None = None
        self._metrics = RunMetrics(launch.run_id)

    @ray.method
    async def run(self) -> RunStatus:
        """To the end, or until stopped. Raises JournalError when another process runs it."""
        launch = self._launch
        folder = Path(launch.results_folder)
        with sole_owner(folder, launch.run_id):
            store = RunStore(launch.store_url)
            config = config_from_json(store.run(launch.run_id).config, os.environ)
            reflection = upstream_model(config.reflection, launch.embedded_url)
            proposer = Proposer(reflection, price_overrides(config))
            ports = _ports(launch, config, store, proposer)
            coordinator = RunCoordinator(launch.run_id, config, store, ports, folder, time.time)
            self._coordinator = coordinator
            observing = asyncio.create_task(self._observe(coordinator))
            try:
                return await coordinator.run(held_out_only=launch.job is Job.HELD_OUT)
            finally:
                observing.cancel()
                self._metrics.observe(coordinator.progress())
                await proposer.aclose()

    @ray.method
    async def progress(self) -> ProgressSnapshot:
        """Where the run stands now."""
        return self._coordinator.progress() if self._coordinator else ProgressSnapshot()

    @ray.method
    async def request_stop(self, reason: str) -> None:
        """See `RunCoordinator`."""
        if self._coordinator is not None:
            self._coordinator.request_stop(reason)

    async def _observe(self, coordinator: RunCoordinator) -> None:
        while True:
            self._metrics.observe(coordinator.progress())
            await asyncio.sleep(_METRICS_EVERY_S)


RunActor = ray.remote(num_cpus=0, max_restarts=0)(RunHost)


def _ports(launch: Launch, config: RunConfig, store: RunStore, proposer: Proposer) -> Ports:
    state = gateway_state()

    async def start_optimizer() -> OptimizerClient:
        # The store may be a file of this node: whoever replays it must be here.
        population = GepaPopulationActor.options(
            name=names.search_actor(config.algorithm, launch.run_id), scheduling_strategy=here()
        ).remote(launch.store_url, launch.run_id)
        return OptimizerClient(population)

    return Ports(
        trials=TrialRegistry(run_binding(config, launch.run_id, launch.embedded_url), state),
        rollouts=RolloutPool(
            _rollout_settings(launch, config),
            num_workers=config.execution.num_workers or _num_workers(config.max_concurrent),
        ),
        proposals=proposer,
        start_optimizer=start_optimizer,
        read_program=partial(read_program, launch.task_app_url, launch.task_app_api_key),
        read_reference=partial(
            read_reference, launch.task_app_url, launch.task_app_api_key, config.splits
        ),
        next_order=OrderWatch(
            store, Path(launch.results_folder), launch.run_id, asyncio.sleep
        ).next_order,
    )


def _num_workers(max_concurrent: int) -> int:
    """One per node, and enough for the concurrency; two at least, so that one may die."""
    return max(2, len(alive_nodes()), -(-max_concurrent // _ROLLOUTS_PER_WORKER))


def _rollout_settings(launch: Launch, config: RunConfig) -> RolloutSettings:
    shown = config.policy.named or config.policy
    return RolloutSettings(
        run_id=launch.run_id,
        task_app_url=launch.task_app_url,
        task_app_api_key=launch.task_app_api_key,
        gateway_url=launch.gateway_url,
        model=shown.model,
        provider=shown.provider,
        env_name=config.env_name,
        env_config=config.env_config,
        splits={
            Part.TRAIN: config.splits.train_split,
            Part.VALIDATION: config.splits.validation_split,
            Part.TEST: config.splits.test_split,
        },
        temperature=config.policy.temperature,
        max_completion_tokens=config.policy.max_completion_tokens,
        timeout_s=config.execution.task_app_timeout_s,
    )

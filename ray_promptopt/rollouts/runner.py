"""One attempt at one rollout, from a fresh correlation id to a result. It never raises for what
the rollout did: a bad rollout is data, not a crash."""

import time

from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.core.examples import Example
from ray_promptopt.core.ids import CorrelationId, TrialId
from ray_promptopt.core.trace import Trace
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.rollouts.plan import RolloutSettings, rollout_request
from ray_promptopt.rollouts.ports import TaskAppPort, TracePort
from ray_promptopt.rollouts.result import ErrorKind, ErrorRecord, RolloutResult
from ray_promptopt.rollouts.scoring import judge
from ray_promptopt.taskapp.contract import RolloutResponse


class RolloutRunner:
    """Stateless between attempts; any number may run at once."""

    def __init__(self, settings: RolloutSettings, app: TaskAppPort, traces: TracePort) -> None:
        self._settings = settings
        self._app = app
        self._traces = traces

    async def run(
        self, example: Example, trial_id: TrialId, baseline: LearnedBaseline | None
    ) -> RolloutResult:
        """Ask the task app, wait for the gateway's record, judge."""
        try:
            return await self._judged(example, trial_id, baseline)
        except Exception as error:  # noqa: BLE001 - whatever went wrong here: try again
            words = f"the attempt broke off ({type(error).__name__}: {error})"
            broken = ErrorRecord(ErrorKind.INFRASTRUCTURE, words)
            return RolloutResult(Trace(CorrelationId(""), ()), 0.0, error=broken)

    async def _judged(
        self, example: Example, trial_id: TrialId, baseline: LearnedBaseline | None
    ) -> RolloutResult:
        correlation_id = self._traces.expect()
        request = rollout_request(self._settings, example, trial_id, correlation_id)
        started = time.monotonic()
        answer: RolloutResponse | TaskAppError
        try:
            answer = await self._app.rollout(request)
        except TaskAppError as error:
            answer = error
        latency_s = time.monotonic() - started
        trace = await self._traces.barrier(correlation_id)
        return judge(answer, trace, latency_s, baseline)

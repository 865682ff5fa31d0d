"""One attempt at one rollout, from a fresh correlation id to a result. It never raises for what
the rollout did: a bad rollout is data, not a crash."""

import time

from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.core.ids import TrialId, new_correlation_id
from ray_promptopt.core.trace import Trace
from ray_promptopt.core.work import EvaluateCandidate
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
        self, item: EvaluateCandidate, trial_id: TrialId, baseline: LearnedBaseline | None
    ) -> RolloutResult:
        """Ask the task app, wait for the gateway's record, judge."""
        correlation_id = new_correlation_id()
        request = rollout_request(self._settings, item.example, trial_id, correlation_id)
        started = time.monotonic()
        answer: RolloutResponse | TaskAppError
        try:
            answer = await self._app.rollout(request)
        except TaskAppError as error:
            answer = error
        latency_s = time.monotonic() - started
        try:
            trace = await self._traces.barrier(correlation_id, trial_id)
        except Exception as error:  # noqa: BLE001 - whatever the actor's trouble: try again
            lost = ErrorRecord(
                ErrorKind.INFRASTRUCTURE,
                f"the gateway's record is lost ({type(error).__name__}: {error})",
            )
            return RolloutResult(Trace(correlation_id, ()), latency_s, error=lost)
        return judge(answer, trace, latency_s, baseline)

"""The trial ids of one run: made here, made known to the gateway's state, revoked at the end."""

from ray_promptopt.cluster.calls import call
from ray_promptopt.cluster.gateway_state import GatewayStateHandle
from ray_promptopt.cluster.names import GATEWAY_STATE
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import RunId, TrialId, new_trial_id
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.llm.models import PriceOverride, UpstreamModel
from ray_promptopt.prompts.learning import LearnedBaseline


class TrialRegistry:
    """A `TrialPort`: one trial id per candidate, and a fresh one when told to register again.

    A fresh one, because a state that was restarted must not take old rollouts for its own.
    """

    def __init__(
        self,
        run_id: RunId,
        upstream: UpstreamModel,
        prices: dict[str, PriceOverride],
        state: GatewayStateHandle,
    ) -> None:
        self._run_id = run_id
        self._upstream = upstream
        self._prices = prices
        self._state = state
        self._bindings: dict[Candidate | None, TrialBinding] = {}
        self._best: TrialBinding | None = None

    async def register(
        self, candidate: Candidate | None, baseline: LearnedBaseline | None, *, again: bool
    ) -> TrialId:
        """Raises PortLost when the gateway's state is gone for good."""
        binding = self._bindings.get(candidate)
        if binding is None or again:
            binding = self._binding(new_trial_id(), candidate, baseline)
            await call(GATEWAY_STATE, self._state.register.remote(binding))
            self._bindings[candidate] = binding
        if again and self._best is not None:
            await call(GATEWAY_STATE, self._state.serve_best.remote(self._best))
        return binding.trial_id

    async def serve_best(self, candidate: Candidate, baseline: LearnedBaseline) -> None:
        """The run id stands for this candidate from now on."""
        binding = self._binding(TrialId(self._run_id), candidate, baseline)
        await call(GATEWAY_STATE, self._state.serve_best.remote(binding))
        self._best = binding

    async def revoke_all(self) -> None:
        """The gateway forgets this run's trial ids."""
        await call(GATEWAY_STATE, self._state.revoke_run.remote(self._run_id))

    def _binding(
        self, trial_id: TrialId, candidate: Candidate | None, baseline: LearnedBaseline | None
    ) -> TrialBinding:
        return TrialBinding(
            trial_id, self._run_id, self._upstream, candidate, baseline, self._prices
        )

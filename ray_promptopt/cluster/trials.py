"""The trial ids of one run: made here, made known to the gateway's state, revoked at the end."""

from dataclasses import replace

from ray_promptopt.cluster.calls import call
from ray_promptopt.cluster.gateway_state import GatewayStateHandle
from ray_promptopt.cluster.names import GATEWAY_STATE
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import TrialId, new_trial_id
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.prompts.learning import LearnedBaseline


class TrialRegistry:
    """A `TrialPort`: one trial id per candidate, and a fresh one when told to register again.

    A fresh one, because a state that was restarted must not take old rollouts for its own.
    `of_run` is what the run's bindings have in common, under the run's id.
    """

    def __init__(self, of_run: TrialBinding, state: GatewayStateHandle) -> None:
        self._of_run = of_run
        self._state = state
        self._bindings: dict[Candidate | None, TrialBinding] = {}

    async def register(
        self, candidate: Candidate | None, baseline: LearnedBaseline | None, *, again: bool
    ) -> TrialId:
        """Raises PortLost when the gateway's state is gone for good."""
        binding = self._bindings.get(candidate)
        if binding is None or again:
            binding = replace(
                self._of_run, trial_id=new_trial_id(), candidate=candidate, baseline=baseline
            )
            await call(GATEWAY_STATE, self._state.register.remote(binding))
            self._bindings[candidate] = binding
        return binding.trial_id

    async def serve_best(self, candidate: Candidate, baseline: LearnedBaseline) -> None:
        """The run id stands for this candidate from now on."""
        binding = replace(self._of_run, candidate=candidate, baseline=baseline)
        await call(GATEWAY_STATE, self._state.serve_best.remote(binding))

    async def revoke_all(self) -> None:
        """The gateway forgets this run's trial ids."""
        await call(GATEWAY_STATE, self._state.revoke_run.remote(self._of_run.run_id))

"""What all replicas of a gateway share: which trial id stands for what."""

from ray_promptopt.core.ids import RunId
from ray_promptopt.gateway.binding import TrialBinding


class GatewayState:
    """The trial bindings; one per gateway."""

    def __init__(self) -> None:
        self._bindings: dict[str, TrialBinding] = {}
        self._best: dict[str, TrialBinding] = {}

    def register(self, binding: TrialBinding) -> None:
        """Make a trial id known; again with the same binding changes nothing."""
        self._bindings[binding.trial_id] = binding

    def serve_best(self, binding: TrialBinding) -> None:
        """The run id itself stands for this binding from now on."""
        self._best[binding.run_id] = binding

    def resolve(self, reference: str) -> TrialBinding | None:
        """The binding of a trial id or of a run id."""
        return self._bindings.get(reference) or self._best.get(reference)

    def revoke_run(self, run_id: str) -> None:
        """The trial ids of a run stop working; its run id goes on serving the best prompt."""
        ours = [key for key, binding in self._bindings.items() if binding.run_id == run_id]
        for key in ours:
            del self._bindings[key]

    def runs(self) -> set[RunId]:
        """The runs that have trial ids."""
        return {binding.run_id for binding in self._bindings.values()}

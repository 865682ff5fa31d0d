"""The trial that is measured, and the gateway that serves it without Ray."""

from collections.abc import Sequence

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import RunId, new_trial_id
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.gateway.app import GatewayApp
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.state import GatewayState
from ray_promptopt.gateway.traces import TraceEvent, TraceLedger
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.prompts.learning import learn_baseline

BASELINE = "Sort the customer's message into one of the classes."
MESSAGES = (
    {"role": "system", "content": BASELINE},
    {"role": "user", "content": "Where is my parcel?"},
)


def binding(run_id: RunId, base_url: str) -> TrialBinding:
    """A trial of a candidate prompt, whose model answers at the URL."""
    calls = [
        [ChatMessage("system", BASELINE), ChatMessage("user", text)] for text in ("a b c", "d")
    ]
    model = UpstreamModel("openai_compatible", "m", base_url)
    candidate = Candidate.of({"system": "Weigh the verbs before the nouns."})
    return TrialBinding(new_trial_id(), run_id, model, candidate, learn_baseline(calls))


class PlainState:
    """The gateway's state in its own process: what an actor costs is not in it."""

    def __init__(self, trials: Sequence[TrialBinding]) -> None:
        self._state = GatewayState()
        self._ledger = TraceLedger()
        for trial in trials:
            self._state.register(trial)

    async def resolve(self, reference: str) -> TrialBinding | None:
        return self._state.resolve(reference)

    async def record(self, home: str, events: Sequence[TraceEvent]) -> None:
        self._ledger.record(events)


def plain_gateway(trials: Sequence[TrialBinding]) -> GatewayApp:
    """The gateway of these trials."""
    return GatewayApp(PlainState(trials))

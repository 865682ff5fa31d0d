"""Trial ids by run: what the gateway's state forgets when a run ends or is lost."""

from collections.abc import Sequence

from ray_promptopt.core.ids import RunId, TrialId
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.resolver import TrialResolver
from ray_promptopt.gateway.state import GatewayState
from ray_promptopt.gateway.traces import TraceEvent
from ray_promptopt.llm.models import UpstreamModel

MODEL = UpstreamModel("embedded", "embedded/reader", "http://127.0.0.1:1/v1", None, None)


def binding(trial: str, run: str) -> TrialBinding:
    return TrialBinding(TrialId(trial), RunId(run), MODEL, None, None, {})


class Asked:
    """The state a call away, counting questions."""

    def __init__(self, state: GatewayState) -> None:
        self.state = state
        self.questions = 0

    async def resolve(self, reference: str) -> TrialBinding | None:
        self.questions += 1
        return self.state.resolve(reference)

    async def record(self, home: str, events: Sequence[TraceEvent]) -> None:
        raise AssertionError("a resolver records nothing")


def test_runs_are_those_that_have_trial_ids_until_they_are_revoked() -> None:
    state = GatewayState()
    state.register(binding("trial-a", "pl_1"))
    state.register(binding("trial-b", "pl_2"))
    state.serve_best(binding("pl_3", "pl_3"))
    assert state.runs() == {"pl_1", "pl_2"}
    state.revoke_run("pl_1")
    assert state.runs() == {"pl_2"}


async def test_a_replica_forgets_a_revoked_trial_within_seconds_and_asks_once_until_then() -> None:
    now_s = 0.0
    asked = Asked(GatewayState())
    resolver = TrialResolver(asked, clock=lambda: now_s)
    asked.state.register(binding("trial-a", "pl_1"))
    for _ in range(3):
        assert await resolver.resolve("trial-a") is not None
    assert asked.questions == 1
    asked.state.revoke_run("pl_1")
    now_s = 11.0
    assert await resolver.resolve("trial-a") is None

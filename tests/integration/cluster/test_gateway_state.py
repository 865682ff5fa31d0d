from collections.abc import Iterator

import pytest
import ray

from ray_promptopt.cluster.gateway_state import gateway_state
from ray_promptopt.cluster.session import LOCAL, ray_session
from ray_promptopt.core.ids import RunId, TrialId
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.llm.models import UpstreamModel

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module", autouse=True)
def local_ray() -> Iterator[None]:
    with ray_session(LOCAL, dashboard=False):
        yield


def binding(run_id: str, trial_id: str, model: str) -> TrialBinding:
    return TrialBinding(TrialId(trial_id), RunId(run_id), UpstreamModel("openai", model))


def test_state_when_killed_then_serves_the_last_best_of_each_run_and_no_old_trial() -> None:
    state = gateway_state()
    first, last = binding("pl_1", "pl_1", "gpt-5-nano"), binding("pl_1", "pl_1", "gpt-5-mini")
    other, trial = binding("pl_2", "pl_2", "gpt-5"), binding("pl_2", "trial-1", "gpt-5")
    for each in (first, last, other):
        ray.get(state.serve_best.remote(each))
    ray.get(state.register.remote(trial))

    ray.kill(state, no_restart=False)  # type: ignore[arg-type]

    ids = ("pl_1", "pl_2", "trial-1", "pl_3")
    assert ray.get([state.resolve.remote(each) for each in ids]) == [last, other, None, None]

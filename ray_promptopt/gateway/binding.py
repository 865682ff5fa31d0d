"""What a trial id stands for. Immutable, so replicas may keep it as long as they like."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import RunId, TrialId
from ray_promptopt.llm.models import PriceOverride, UpstreamModel
from ray_promptopt.prompts.learning import LearnedBaseline


@dataclass(frozen=True, slots=True)
class TrialBinding:
    """A trial of a run. Without a candidate the call is forwarded as it is (a baseline trial).

    `fallbacks` are tried in order when the upstream fails; `response_cache`: a request that the run
    made before is answered as it was then.
    """

    trial_id: TrialId
    run_id: RunId
    upstream: UpstreamModel
    candidate: Candidate | None = None
    baseline: LearnedBaseline | None = None
    prices: Mapping[str, PriceOverride] = field(default_factory=dict)
    fallbacks: tuple[UpstreamModel, ...] = ()
    response_cache: bool = False

"""What a GEPA run is made with. Plain values, so that the search knows nothing of config files."""

from dataclasses import dataclass, field
from typing import Literal

from ray_promptopt.algorithms.gepa.fronts import FrontSettings, FrontType
from ray_promptopt.algorithms.gepa.lanes.settings import LaneSettings
from ray_promptopt.algorithms.gepa.objectives import ObjectiveName, prompt_tokens
from ray_promptopt.algorithms.gepa.proposers.settings import ProposerSettings
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import ConfigError, ConfigProblem

CandidateSelectorName = Literal["pareto", "current_best", "epsilon_greedy", "top_k_pareto"]
ComponentSelectorName = Literal["round_robin", "all"]


@dataclass(frozen=True, slots=True)
class GepaSettings:
    """Settings of both schedules.

    Raises ConfigError with every problem found.
    """

    train: tuple[int, ...]
    """Seeds that minibatches are drawn from."""
    validation: tuple[int, ...]
    """Seeds that accepted candidates are scored on."""
    rollout_budget: int
    """The most rollouts the search may use."""
    minibatch_size: int = 3
    """Training examples per mutation; at most the number of training seeds is used."""
    front: FrontType = "instance"
    """Which fronts are kept: per validation seed, per objective, both, or per pair of them."""
    objectives: tuple[ObjectiveName, ...] = ("reward",)
    """What candidates are measured on."""
    pareto_eps: float = 0.0
    """Values within this of the best of a front tie with it."""
    rng_seed: int = 0
    """Every random stream derives from it."""
    candidate_selector: CandidateSelectorName = "pareto"
    """How the parent of a mutation is chosen."""
    epsilon: float = 0.1
    """`epsilon_greedy`: the chance of a uniformly drawn parent."""
    top_k: int = 5
    """`top_k_pareto`: how many of the best candidates may be parents."""
    selection_pressure: float = 1.0
    """`pareto`, `top_k_pareto`: a parent's weight is its number of fronts to this power."""
    archive_size: int | None = None
    """How many candidates may be parents of a mutation; None: all."""
    archive_min_score: float | None = None
    """The mean validation score a parent needs, the best apart; None: any."""
    component_selector: ComponentSelectorName = "round_robin"
    """Which components a mutation rewrites."""
    merge: bool = False
    """Whether lineages are crossed."""
    max_merges: int = 5
    """The most merged candidates that may join the population."""
    skip_perfect_score: bool = True
    """Whether a parent that is perfect on its minibatch is left alone."""
    perfect_score: float = 1.0
    """The score from which on an example teaches nothing."""
    patience: int | None = None
    """End after this many proposals in a row without a new best; None: never."""
    max_proposals: int | None = None
    """End after this many proposals; None: no limit."""
    proposer: ProposerSettings = field(default_factory=ProposerSettings)
    """What the reflection model is shown."""
    lanes: LaneSettings = field(default_factory=LaneSettings)
    """The schedule `async` alone."""

    @property
    def fronts(self) -> FrontSettings:
        """Which fronts the population keeps."""
        return FrontSettings(self.front, self.objectives, self.pareto_eps)

    def __post_init__(self) -> None:
        problems = (
            *_seed_problems(self),
            *_range_problems(self),
            *_objective_problems(self),
        )
        if problems:
            raise ConfigError("GEPA settings", problems)

    @property
    def max_prompt_tokens(self) -> int | None:
        """The most tokens of a prompt, and so of a component's new text, told to the model."""
        return self.proposer.max_prompt_tokens

    def is_too_long(self, candidate: Candidate) -> bool:
        """Whether all components together are longer than a prompt may be."""
        limit = self.max_prompt_tokens
        return limit is not None and prompt_tokens(candidate) > limit


def _seed_problems(settings: GepaSettings) -> list[ConfigProblem]:
    problems = []
    for key, seeds in (("train", settings.train), ("validation", settings.validation)):
        if not seeds:
            problems.append(ConfigProblem(key, "[]", "give at least one seed"))
        repeated = sorted({seed for seed in seeds if seeds.count(seed) > 1})
        if repeated:
            problems.append(ConfigProblem(key, str(repeated), "name each seed once"))
    return problems


def _range_problems(settings: GepaSettings) -> list[ConfigProblem]:
    lowest: list[tuple[str, float | None, float]] = [
        ("rollout_budget", settings.rollout_budget, 1),
        ("minibatch_size", settings.minibatch_size, 1),
        ("pareto_eps", settings.pareto_eps, 0),
        ("top_k", settings.top_k, 1),
        ("selection_pressure", settings.selection_pressure, 1),
        ("archive_size", settings.archive_size, 1),
        ("max_merges", settings.max_merges, 0),
        ("patience", settings.patience, 1),
        ("max_proposals", settings.max_proposals, 0),
    ]
    problems = [
        ConfigProblem(key, str(value), f"must be at least {least}")
        for key, value, least in lowest
        if value is not None and value < least
    ]
    if not 0.0 <= settings.epsilon <= 1.0:
        problems.append(ConfigProblem("epsilon", str(settings.epsilon), "must lie in 0..1"))
    return problems


def _objective_problems(settings: GepaSettings) -> list[ConfigProblem]:
    names = settings.objectives
    shown = f"[{', '.join(names)}]"
    if "reward" not in names:
        return [ConfigProblem("objectives", shown, "add reward: the best prompt is chosen by it")]
    if len(set(names)) < len(names):
        return [ConfigProblem("objectives", shown, "name each objective once")]
    if settings.front == "instance" and len(names) > 1:
        fix = "instance fronts see the reward alone: set front to objective, hybrid or cartesian"
        return [ConfigProblem("objectives", shown, fix)]
    return []

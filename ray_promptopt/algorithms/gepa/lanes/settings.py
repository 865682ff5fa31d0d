"""What the schedule `async` is told besides the settings that both schedules share."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """How wide and how the lanes run."""

    max_concurrent: int = 16
    """Work items in flight that lanes are begun for."""
    num_variants: int = 0
    """Lanes at the start that write another version of the initial prompt without evidence."""
    racing: bool = True
    """Whether evaluations end early when the child is clearly worse than the best."""
    merge_share: float = 0.5
    """With merges: the most of all landings that cross two members of the population."""

"""What a run's coordinator is given: plain values, so that it can be made on any node.

The one secret in it, the task app's key, is never stored, logged or shown.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from ray_promptopt.core.ids import RunId


class Job(StrEnum):
    """What a coordinator is started for."""

    SEARCH = "search"
    HELD_OUT = "held_out"


@dataclass(frozen=True, slots=True)
class Launch:
    """One coordinator's orders. The config itself is in the store, under the run id."""

    run_id: RunId
    job: Job
    store_url: str
    results_folder: str
    gateway_url: str
    task_app_url: str
    task_app_api_key: str = field(repr=False)
    embedded_url: str | None = None

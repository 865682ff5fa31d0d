"""What the reflection model is shown: requests in, chat messages out. Pure.

`requests.py` holds what is asked, `settings.py` how much is shown, one file per flavour its words.
"""

from ray_promptopt.algorithms.gepa.proposers.base import Proposer
from ray_promptopt.algorithms.gepa.proposers.registry import PROPOSERS, make_proposer
from ray_promptopt.algorithms.gepa.proposers.requests import (
    MergeRequest,
    ReflectionRequest,
    ReflectiveExample,
    RejectedEdit,
    VerifiedEdit,
)
from ray_promptopt.algorithms.gepa.proposers.settings import Effort, Flavour, ProposerSettings

__all__ = [
    "PROPOSERS",
    "Effort",
    "Flavour",
    "MergeRequest",
    "Proposer",
    "ProposerSettings",
    "ReflectionRequest",
    "ReflectiveExample",
    "RejectedEdit",
    "VerifiedEdit",
    "make_proposer",
]

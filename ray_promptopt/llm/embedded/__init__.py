"""Models that need no key and no network: stand-ins that really read the request they are given.

A reply is a function of the request alone: nothing here opens a file or knows a data set.
"""

from ray_promptopt.llm.embedded.completion import EMBEDDED_MODELS, UnknownModelError, complete
from ray_promptopt.llm.embedded.server import create_embedded_app, run_embedded_server
from ray_promptopt.llm.embedded.settings import EmbeddedSettings, Faults, Latency

__all__ = [
    "EMBEDDED_MODELS",
    "EmbeddedSettings",
    "Faults",
    "Latency",
    "UnknownModelError",
    "complete",
    "create_embedded_app",
    "run_embedded_server",
]

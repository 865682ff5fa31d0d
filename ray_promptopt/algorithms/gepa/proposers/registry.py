"""The flavours by name. A new one is a file with a layout and a line here."""

from dataclasses import replace

from ray_promptopt.algorithms.gepa.proposers.base import Proposer
from ray_promptopt.algorithms.gepa.proposers.dspy import DSPY
from ray_promptopt.algorithms.gepa.proposers.gepa_ai import GEPA_AI
from ray_promptopt.algorithms.gepa.proposers.layout import Layout, LayoutProposer
from ray_promptopt.algorithms.gepa.proposers.settings import Flavour, ProposerSettings
from ray_promptopt.algorithms.gepa.proposers.synth import SYNTH

PROPOSERS: dict[Flavour, Layout] = {"gepa-ai": GEPA_AI, "dspy": DSPY, "synth": SYNTH}


def make_proposer(settings: ProposerSettings) -> Proposer:
    """The proposer of these settings; a template of one's own replaces the reflection alone."""
    layout = PROPOSERS[settings.flavour]
    if settings.template is not None:
        layout = replace(layout, reflect=settings.template, system=None)
    return LayoutProposer(layout, settings)

"""The two APIs that models are called by, one file each: what is a reply, how a stream adds up."""

from ray_promptopt.llm.wire.base import Assembler, Wire
from ray_promptopt.llm.wire.chat import CHAT
from ray_promptopt.llm.wire.responses import RESPONSES

__all__ = ["CHAT", "RESPONSES", "Assembler", "Wire"]

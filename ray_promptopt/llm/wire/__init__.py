"""The two APIs that models are called by, one file each: what is a reply, how a stream adds up."""

from ray_promptopt.llm.wire.base import Assembler, Wire
from ray_promptopt.llm.wire.chat import CHAT

__all__ = ["CHAT", "Assembler", "Wire"]

"""The rewriting of one or more components by the reflection model, with one second try each."""

from dataclasses import dataclass, field

from ray_promptopt.algorithms.parsing import Refusal
from ray_promptopt.core.messages import ChatMessage


@dataclass(slots=True)
class Rewrite:
    """By component: what is asked in the present stage, and what has come back so far: a text, a
    refusal, or the error of a lost call."""

    asked: dict[str, tuple[ChatMessage, ...]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)

    def take(self, component: str, result: str | Refusal) -> None:
        """Note what a reply held."""
        self.refusals.pop(component, None)
        if isinstance(result, Refusal):
            self.refusals[component] = result
        else:
            self.texts[component] = result

    def lose(self, component: str, error: str) -> None:
        """Note a call that was lost for good."""
        self.refusals.pop(component, None)
        self.lost[component] = error

    def discard_reasons(self) -> list[str]:
        """Why components have no new text, one reason each, as they are counted."""
        return [
            *(refusal.reason.value for refusal in self.refusals.values()),
            *("reflection_lost" for _ in self.lost),
        ]

    def complaint(self) -> str:
        """Why components have no new text, in words."""
        refused = [refusal.message for refusal in self.refusals.values()]
        return "; ".join([*refused, *(f"the call was lost: {e}" for e in self.lost.values())])

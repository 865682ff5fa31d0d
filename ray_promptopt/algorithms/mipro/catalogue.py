"""The choices: instructions per component and demo sets per stage, and the arms made of them.

An arm is one combination with its scores. Choices are only ever added or retired, so that a point
names the same combination for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ray_promptopt.algorithms.mipro.tpe import Point, Space, Variable
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.demos import DemoSet
from ray_promptopt.core.stages import stage_of
from ray_promptopt.prompts.demonstrations import demos_as_text


@dataclass(slots=True)
class Instruction:
    """A text of one component, written from what arm `written_from` did; `live` while trials may
    still use it. `proposal` says in words which call wrote it; the baseline's has none."""

    text: str
    written_from: int = 0
    live: bool = True
    proposal: str = ""


@dataclass(slots=True)
class Arm:
    """A combination and its scores by validation seed; `asked` is how far along the fixed order.

    `dropped` when it was clearly worse than the best, and is not scored further.
    """

    point: Point
    iteration: int
    results: dict[int, float] = field(default_factory=dict)
    asked: int = 0
    dropped: bool = False


@dataclass(slots=True)
class Catalogue:
    """Everything that can be combined. Choice 0 of a component is its baseline text.

    `demos_in_text`: each stage's last component ends in its demonstrations; else they stand beside
    the texts.
    """

    components: tuple[str, ...]
    stages: tuple[str, ...]
    instructions: list[list[Instruction]]
    demo_sets: list[list[DemoSet]]
    demos_in_text: bool = False
    arms: list[Arm] = field(default_factory=list)

    @classmethod
    def of(cls, initial: Candidate, *, demos_in_text: bool = False) -> "Catalogue":
        """The baseline alone, with the demonstrations it comes with."""
        texts, demos = initial.texts, dict(initial.demos)
        stages = tuple(dict.fromkeys(map(stage_of, texts)))
        return cls(
            tuple(texts),
            stages,
            [[Instruction(text)] for text in texts.values()],
            [[demos.get(stage, ())] for stage in stages],
            demos_in_text,
            [Arm((0,) * (len(texts) + len(stages)), 0)],
        )

    def space(self, *, include_empty: bool = True) -> Space:
        """What trials may combine now; choice 0 of a stage is left out unless `include_empty`."""
        texts = [
            Variable(
                f"instruction:{name}",
                tuple(place for place, choice in enumerate(choices) if choice.live),
            )
            for name, choices in zip(self.components, self.instructions, strict=True)
        ]
        demos = [
            Variable(f"demos:{stage}", tuple(range(0 if include_empty else 1, len(sets))) or (0,))
            for stage, sets in zip(self.stages, self.demo_sets, strict=True)
        ]
        return Space((*texts, *demos))

    def texts(self, arm: int) -> dict[str, str]:
        """The instructions of a combination, without demonstrations."""
        chosen = zip(self.components, self.instructions, self.arms[arm].point, strict=False)
        return {name: choices[place].text for name, choices, place in chosen}

    def candidate(self, arm: int) -> Candidate:
        """The combination as it is rolled out."""
        point, texts = self.arms[arm].point, self.texts(arm)
        num_texts = len(self.components)
        demos = {
            stage: sets[place]
            for stage, sets, place in zip(
                self.stages, self.demo_sets, point[num_texts:], strict=True
            )
        }
        if not self.demos_in_text:
            return Candidate.of(texts, demos)
        for component in {stage_of(name): name for name in texts}.values():
            chosen = demos[stage_of(component)]
            if chosen:
                texts[component] = f"{texts[component]}\n\n{demos_as_text(chosen)}"
        return Candidate.of(texts)

    def origin(self, arm: int) -> str:
        """Which parts differ from the baseline."""
        point, num_texts = self.arms[arm].point, len(self.components)
        parts = []
        if any(point[:num_texts]):
            parts.append("instruction")
        if any(point[num_texts:]):
            parts.append("demos")
        return "+".join(parts) or "initial"

    def proposals(self, arm: int) -> str:
        """Which call wrote each instruction of an arm that is not the baseline's."""
        chosen = zip(self.components, self.instructions, self.arms[arm].point, strict=False)
        return "; ".join(
            f"{name} by {choices[place].proposal}" for name, choices, place in chosen if place
        )

    def add_arm(self, point: Point, iteration: int) -> int:
        """A new combination; returns its number."""
        self.arms.append(Arm(point, iteration))
        return len(self.arms) - 1

    def choices_of(self, component: str) -> list[Instruction]:
        """Every instruction a component ever had."""
        return self.instructions[self.components.index(component)]

    def parents(self, arm: int) -> tuple[int, ...]:
        """The arms that this one's instructions were written from; the baseline for demos alone."""
        if not arm:
            return ()
        chosen = zip(self.instructions, self.arms[arm].point, strict=False)
        return tuple(
            sorted({choices[place].written_from for choices, place in chosen if place} or {0})
        )

    def add_demo_sets(self, stage: str, sets: Sequence[DemoSet], most: int) -> None:
        """New choices for a stage, up to `most` in all; those it has are left out."""
        known = self.demo_sets[self.stages.index(stage)]
        new = [chosen for chosen in sets if chosen not in known]
        known += new[: max(0, most - len(known))]

"""Another version of an instruction without any evidence: other rules, as the angle asks."""

import random
import re

from ray_promptopt.llm.embedded.labels import find_label_block
from ray_promptopt.llm.embedded.text import words_of
from ray_promptopt.llm.embedded.thesaurus import ways_to_say
from ray_promptopt.llm.embedded.writer.instruction import Instruction, is_told
from ray_promptopt.llm.embedded.writer.task_reading import WriterTask

FORMAT_RULE = "Answer with the label only, spelled exactly as listed."
TIE_RULE = "When two labels seem to fit, prefer the one whose cues are closer to the query."
READ_RULE = "Read the whole query before answering; the last words often carry the request."
MEANING_RULES = (
    "Customers rarely use the words of a label: go by the meaning, not the exact words.",
    "Match the meaning behind the query, synonyms and everyday wording included.",
    "Think about what the customer means; the same wish comes in different words.",
)
_ANGLES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"simple|few words|short|concise", ("Be brief.", "Keep the answer short.")),
    (r"descriptive|detail", ("Look at what is asked for, and about which thing.", READ_RULE)),
    (r"\bform\b|format|strict", (FORMAT_RULE, "Give nothing but the answer itself.")),
    (r"procedure|steps?\b", ("First find the request, then choose, then check the choice.",)),
    (r"pitfalls|confused", (TIE_RULE, "Mind options that look alike: one detail decides.")),
    (r"persona|expert", ("You are an expert who has sorted thousands of such texts.",)),
    (r"stakes|harm", ("A wrong answer is costly: be sure before you answer.",)),
    (r"meaning|intent behind", MEANING_RULES),
    (r"elimination|rule out", ("Rule out what does not fit, then choose what is left.",)),
    (r"matters most|check of", ("Check the answer once more before you give it.",)),
)
_WORDS_TOLD = 6
_PHRASES_TOLD = 3


def varied_instruction(task: WriterTask, temperature: float, rng: random.Random) -> Instruction:
    """The current text with lines for the angles asked for, and in other words what labels mean."""
    current = task.instructions[0]
    labels = tuple(dict.fromkeys([*task.labels, *find_label_block(current).labels]))
    instruction = Instruction(current, frozenset(labels))
    before = instruction.render()
    asked = [lines for pattern, lines in _ANGLES if re.search(pattern, task.around, re.I)]
    for lines in asked:
        instruction.add_rule(lines[int(rng.random() * len(lines)) if temperature > 0 else 0])
    others = [line for _, lines in _ANGLES for line in lines]
    rng.shuffle(others)
    if temperature > 0 and rng.random() < 0.5 * min(temperature, 1.5):
        instruction.add_rule(others[0])
    words = list(dict.fromkeys(w for label in labels for w in words_of(label.replace("_", " "))))
    for word in rng.sample(words, min(len(words), _WORDS_TOLD)):
        for phrase in ways_to_say(word)[:_PHRASES_TOLD]:
            instruction.meaning_of(word).add(phrase)
    if instruction.render() == before:
        unsaid = [line for line in others if not is_told(line, before.split("\n"))]
        instruction.add_rule(unsaid[0] if unsaid else others[0] + " Then answer.")
    return instruction

"""The reflection model: reads the prompt it is given, and answers as a fallible writer would.

The reply is a function of the request (its messages and its sampling seed) and of the world's
settings; it knows nothing of the landscape but what the prompt tells.
"""

import re
from collections.abc import Iterable

import numpy as np

from benchmarks.simulation.landscape import WorldSettings
from benchmarks.simulation.prompt_reading import ReadPrompt, read_prompt
from benchmarks.simulation.tokens import Token, broad, clean, note, read_tokens
from ray_promptopt.algorithms.randomness import stream
from ray_promptopt.core.work import ProposeText

_FORMS = 1_000_000
_UNKNOWN_LESSON = 1_000_000  # beyond any world's lessons: teaches nothing


def reply_to(item: ProposeText, settings: WorldSettings) -> str:
    """The reply: the new text between fences."""
    prompt = "\n\n".join(message.content for message in item.messages)
    asked = read_prompt(prompt)
    rng = stream(item.seed, "reply", prompt)
    text = _merge(asked, settings, rng) if asked.verified else _reflect(asked, settings, rng)
    return f"These are the new instructions.\n```\n{text}\n```\n"


def _merge(asked: ReadPrompt, settings: WorldSettings, rng: np.random.Generator) -> str:
    text = asked.current
    for edit in asked.verified:
        if rng.random() >= settings.merge_loss:
            text = _with(text, edit)
    return text


def _reflect(asked: ReadPrompt, settings: WorldSettings, rng: np.random.Generator) -> str:
    useful = [token for token in (*asked.wanted, *asked.blamed) if _is_open(token, asked)]
    if not useful or rng.random() >= settings.quality:
        return _bad_edit(asked.current, rng)
    order = [useful[int(place)] for place in rng.permutation(len(useful))]
    taken = [order[0], *(t for t in order[1:] if rng.random() < settings.thoroughness)]
    return _with(asked.current, [_taught(token, settings, rng) for token in taken])


def _is_open(token: Token, asked: ReadPrompt) -> bool:
    """Whether teaching this was not rejected before."""
    return token.lesson is not None and clean(token.lesson) not in asked.rejected


def _taught(token: Token, settings: WorldSettings, rng: np.random.Generator) -> Token:
    """The token that the edit writes; a blamed one is narrowed to the clean form."""
    assert token.lesson is not None
    if token.is_broad or rng.random() >= settings.broad_share:
        return Token(clean(token.lesson), token.lesson, 0)
    form = int(rng.integers(1, _FORMS))
    return Token(broad(token.lesson, form), token.lesson, form)


def _bad_edit(text: str, rng: np.random.Generator) -> str:
    """Half of them merely useless; the others lose a lesson, or break what was right."""
    number = int(rng.integers(1, _FORMS))
    if rng.random() < 0.5:
        return f"{text}\n- {note(number)}"
    lessons = [token for token in read_tokens(text) if token.lesson is not None]
    if not lessons:
        return f"{text}\n- {broad(_UNKNOWN_LESSON, number)}"
    lost = lessons[int(rng.integers(len(lessons)))]
    return f"{_without(text, [lost])}\n- {note(number)}"


def _with(text: str, tokens: Iterable[Token]) -> str:
    """The text with these tokens last; an older form of the same lesson goes, but a broad form
    does not drive out the clean one."""
    for token in tokens:
        rivals = [
            old
            for old in read_tokens(text)
            if old.word == token.word or (token.lesson is not None and old.lesson == token.lesson)
        ]
        if token.is_broad and any(not old.is_broad for old in rivals):
            continue
        text = f"{_without(text, rivals)}\n- {token.word}"
    return text


def _without(text: str, tokens: Iterable[Token]) -> str:
    for token in tokens:
        text = re.sub(rf"\n- {token.word}\b", "", text)
    return text

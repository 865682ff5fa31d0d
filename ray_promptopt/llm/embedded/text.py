"""Words, stems and character n-grams of English text: the one tokenizer of the embedded models."""

import re
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")  # noqa: RUF001
_SUFFIXES = (
    ("ations", ""),
    ("ation", ""),
    ("ments", ""),
    ("ment", ""),
    ("ingly", ""),
    ("ities", ""),
    ("ity", ""),
    ("ies", "y"),
    ("ied", "y"),
    ("ings", ""),
    ("ing", ""),
    ("edly", ""),
    ("ed", ""),
    ("ally", ""),
    ("ly", ""),
    ("ions", ""),
    ("ion", ""),
    ("als", ""),
    ("al", ""),
    ("es", ""),
    ("s", ""),
)
_MIN_STEM = 3

_STOP = """
a an and any are as at be been but by can could did do does for from get got had has have hello
help hey hi i i'd i'll i'm i've if in into is it it's its just like me my need of on or our out
please so some such than thank thanks that the their them then there these they this to up us very
want was we were what when where which while who why will with would you your yours am about also
because being here how let make may much must really should tell too no yes one after again all
before im ive way something anything thing things go going know see
"""
STOP_WORDS = frozenset(_STOP.split())
_QUESTION = "how what when where which who why can not no never still"
QUESTION_WORDS = frozenset(_QUESTION.split())


def words_of(text: str) -> list[str]:
    """Lower-case words in order; typographic apostrophes become plain ones."""
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]  # noqa: RUF001


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A light suffix stripper: `topping`, `topped` and `top` are one; so are `fee` and `fees`."""
    if len(word) <= _MIN_STEM or not word.isalpha():
        return word.removesuffix("'s")
    for suffix, replacement in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _MIN_STEM:
            word = word[: -len(suffix)] + replacement
            break
    if len(word) > _MIN_STEM and word[-1] == word[-2] and word[-1] not in "aeilosz":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > _MIN_STEM else word


def stems_of(text: str) -> list[str]:
    """The stems of every word, stop words included, in order."""
    return [stem(word) for word in words_of(text)]


def content_words(text: str) -> list[str]:
    """The words that carry meaning: no stop words, no bare numbers."""
    return [w for w in words_of(text) if w not in STOP_WORDS and not w.isdigit() and len(w) > 1]


@lru_cache(maxsize=50_000)
def ngrams_of(word: str, size: int = 4) -> tuple[str, ...]:
    """Character n-grams of one word with its edges marked; short words give themselves."""
    marked = f"<{word}>"
    if len(marked) <= size:
        return (marked,)
    return tuple(marked[i : i + size] for i in range(len(marked) - size + 1))


STOP_STEMS = frozenset(stem(word) for word in STOP_WORDS)

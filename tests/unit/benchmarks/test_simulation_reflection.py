"""The simulated reflection model answers to the words of the prompt, not to its layout."""

from dataclasses import replace

import pytest

from benchmarks.simulation.landscape import WorldSettings
from benchmarks.simulation.prompt_reading import read_prompt
from benchmarks.simulation.reflection_model import reply_to
from benchmarks.simulation.tokens import read_tokens
from ray_promptopt.algorithms.gepa.proposers import (
    PROPOSERS,
    Flavour,
    MergeRequest,
    ProposerSettings,
    ReflectionRequest,
    ReflectiveExample,
    RejectedEdit,
    VerifiedEdit,
    make_proposer,
)
from ray_promptopt.algorithms.parsing import parse_reflection
from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.work import Evidence, ProposeText

CURRENT = "Answer the query.\n- rule1\n- rule2x5"
MISSES_4 = ReflectiveExample(Evidence("query 1", "reply", "wrong: the answer needs rule4"), 0.0)
MISLED = ReflectiveExample(
    Evidence("query 2", "reply", "wrong: the assistant was misled by rule2x5"), 0.0
)
PERFECT = WorldSettings(quality=1.0, thoroughness=1.0)
MERGE = """\
These are the current instructions:
```
Answer the query.
- rule1
```

Each of the following verified edits was made to an older version of them.

## Edit 1
```
Answer the query.
- rule7
```
It was right on:
- query 3: the answer needs rule7

## Edit 2
```
Answer the query.
- rule8
- rule9
```

## Edits that were tried and rejected
### Edit 1
```
Answer the query.
- rule13
```
It made these examples worse: the answer needs rule13

Merge the verified edits into the current instructions.
"""


def ask(prompt: str, seed: int = 1) -> ProposeText:
    return ProposeText(WorkId(f"p{seed}"), (ChatMessage("user", prompt),), seed)


def words(prompt: str, settings: WorldSettings = PERFECT, seed: int = 1) -> set[str]:
    reply = reply_to(ask(prompt, seed), settings)
    text = parse_reflection(reply, truncated=False, current_text="", required=())
    assert isinstance(text, str)
    assert text.startswith("Answer the query.")
    return {token.word for token in read_tokens(text)}


def reflection_prompt(*examples: ReflectiveExample, current: str = CURRENT) -> str:
    request = ReflectionRequest("system", current, examples, ())
    return joined(make_proposer(ProposerSettings()).reflect(request))


def joined(messages: tuple[ChatMessage, ...]) -> str:
    return "\n\n".join(message.content for message in messages)


def test_a_perfect_writer_teaches_what_is_missing_and_narrows_what_misled() -> None:
    assert words(reflection_prompt(MISSES_4)) == {"rule1", "rule2x5", "rule4"}
    assert words(reflection_prompt(MISSES_4, MISLED)) == {"rule1", "rule2", "rule4"}


def test_one_lesson_is_taught_per_edit_by_a_writer_that_is_not_thorough() -> None:
    misses_6 = ReflectiveExample(Evidence("", "", "wrong: the answer needs rule6"), 0.0)
    single = replace(PERFECT, thoroughness=0.0)
    prompt = reflection_prompt(MISSES_4, misses_6)
    taught = {frozenset(words(prompt, single, seed) - {"rule1", "rule2x5"}) for seed in range(20)}
    assert taught == {frozenset({"rule4"}), frozenset({"rule6"})}


def test_quality_is_the_share_of_edits_that_teach_something() -> None:
    prompt, settings = reflection_prompt(MISSES_4), replace(PERFECT, quality=0.3)
    useful = sum("rule4" in words(prompt, settings, seed) for seed in range(400))
    assert 90 <= useful <= 150
    bad = [w for seed in range(50) if "rule4" not in (w := words(prompt, settings, seed))]
    assert any("rule1" not in w for w in bad), "some bad edits lose a lesson"
    assert any({"rule1", "rule2x5"} < w for w in bad), "others merely add a note"


def test_a_bad_writer_breaks_an_empty_text_or_says_nothing_useful() -> None:
    prompt = reflection_prompt(MISSES_4, current="Answer the query.")
    written = [words(prompt, replace(PERFECT, quality=0.0), seed) for seed in range(30)]
    assert any(token.startswith("note") for w in written for token in w)
    assert any(read_tokens(token)[0].is_broad for w in written for token in w)


def test_the_reply_is_a_function_of_the_request() -> None:
    settings = replace(PERFECT, quality=0.5)
    item = ask(reflection_prompt(MISSES_4), seed=3)
    assert reply_to(item, settings) == reply_to(item, settings)
    others = {reply_to(replace(item, seed=seed), settings) for seed in range(10)}
    assert len(others) > 1


def test_a_merge_takes_every_verified_edit_and_nothing_that_was_rejected() -> None:
    assert words(MERGE) == {"rule1", "rule7", "rule8", "rule9"}


def test_a_lossy_merge_loses_whole_edits() -> None:
    merged = [words(MERGE, replace(PERFECT, merge_loss=0.5), seed) for seed in range(200)]
    kept = sum("rule7" in w for w in merged)
    assert 75 <= kept <= 125
    assert all(("rule8" in w) == ("rule9" in w) for w in merged)
    assert all("rule1" in w and "rule13" not in w for w in merged)


def test_a_merge_does_not_bring_a_broad_form_back() -> None:
    prompt = MERGE.replace("- rule1\n", "- rule7\n", 1).replace(
        "- rule7\n```\nIt", "- rule7x3\n```\nIt"
    )
    assert words(prompt) == {"rule7", "rule8", "rule9"}


def test_a_lesson_rejected_on_this_text_is_not_taught_again() -> None:
    rejected = "\n\nThese edits of it were rejected:\n```\nAnswer the query.\n- rule4\n```\n"
    prompt = reflection_prompt(MISSES_4) + rejected
    assert read_prompt(prompt).rejected == {"rule4"}
    assert "rule4" not in words(prompt)


@pytest.mark.parametrize("flavour", PROPOSERS)
def test_every_layout_of_a_reflection_is_understood(flavour: Flavour) -> None:
    rejected = RejectedEdit(f"{CURRENT}\n- rule9", 1.0, 0.0, 3, "wrong: the answer needs rule3")
    request = ReflectionRequest("system", CURRENT, (MISSES_4, MISLED), (), (rejected,))
    read = read_prompt(joined(make_proposer(ProposerSettings(flavour)).reflect(request)))
    assert read.current == CURRENT
    assert [token.word for token in read.wanted] == ["rule4"]
    assert [token.word for token in read.blamed] == ["rule2x5"]
    assert read.rejected == {"rule9"}
    assert read.verified == ()


@pytest.mark.parametrize("flavour", PROPOSERS)
def test_every_layout_of_a_merge_is_understood(flavour: Flavour) -> None:
    long = "Answer the query.\n" + "\n".join(f"- rule{number}" for number in range(20, 50))
    edits = (
        VerifiedEdit(long, f"{long}\n- rule7", 0.0, 1.0, (MISSES_4,)),
        VerifiedEdit("Answer the query.", "Answer the query.\n- rule8", 0.0, 1.0, ()),
        VerifiedEdit(long, long.replace("rule30", "rule31x4"), 0.0, 1.0, ()),
    )
    request = MergeRequest("system", long, edits, ())
    read = read_prompt(joined(make_proposer(ProposerSettings(flavour)).merge(request)))
    assert read.current == long
    words = [[token.word for token in edit] for edit in read.verified]
    assert words == [["rule7"], ["rule8"], ["rule31x4"]]

"""The writer: reads any layout, writes guidance that helps, keeps what must be kept."""

import json
import re
from typing import Any

import pytest

from ray_promptopt.llm.embedded import complete
from ray_promptopt.llm.embedded.prompt_reading import read_prompt
from ray_promptopt.llm.embedded.requests import Turn
from ray_promptopt.llm.embedded.writer.instruction import HEADING, MEANINGS_HEADING

CURRENT = (
    'Sort the message.\nQuery: {query}\n- refund_status: asks where a refund is; cues "money back"'
)
TEXT = "I have been waiting for my parcel for two weeks"
FAILED = f'Expected delivery_delay but the answer was order_tracking for: "{TEXT}"'
TRAILER = (
    "Your task is to write a new instruction.\nProvide the new instructions within ``` blocks."
)


def _gepa(current: str = CURRENT, examples: str | None = None, trailer: str = TRAILER) -> str:
    shown = examples or (
        f"# Example 1\n## Inputs\n### query\n{TEXT}\n\n"
        f"## Generated Outputs\norder_tracking\n\n## Feedback\n{FAILED}\n"
    )
    return (
        "I provided an assistant with the following instructions to perform a task for me:\n"
        f"```\n{current}\n```\n\n"
        "The following are examples of different task inputs provided to the assistant along with "
        "the assistant's response for each of them, and some feedback on how the assistant's "
        f"response could be better:\n```\n{shown}\n```\n\n{trailer}"
    )


XML = f"""<current_instruction>
{CURRENT}
</current_instruction>
<examples>
<example>
<input>Customer Query: {TEXT}

Available Intents:
1. refund_status
2. delivery_delay
3. order_tracking
</input>
<output>order_tracking</output>
<feedback>Incorrect. The correct label is `delivery_delay`, not `order_tracking`.</feedback>
</example>
</examples>
Write an improved instruction."""
MARKDOWN = f"""## Current instruction
{CURRENT}

## Examples
### Example 1
**Input:** Query: {TEXT}
**Output:** order_tracking
**Feedback:** should have been "delivery_delay" instead of order_tracking

## Task
Write a better instruction."""
JSON = json.dumps(
    {
        "current_instruction": CURRENT,
        "examples": [{"inputs": {"query": TEXT}, "output": "order_tracking", "feedback": FAILED}],
        "task": "Propose a new instruction",
    }
)


def _reply(prompt: str, **more: Any) -> str:
    body = {"model": "embedded/writer", "messages": [{"role": "user", "content": prompt}], **more}
    return str(complete(body)["choices"][0]["message"]["content"])


def _write(prompt: str, **more: Any) -> str:
    written = re.fullmatch(r"```\n(.*)\n```", _reply(prompt, **more), re.DOTALL)
    assert written is not None
    return written[1]


def _line_of(label: str, text: str) -> str:
    lines = [line for line in text.split("\n") if line.startswith(f"- {label}:")]
    assert len(lines) == 1, text
    return lines[0]


@pytest.mark.parametrize(
    "prompt", [_gepa(), XML, MARKDOWN, JSON], ids=["gepa", "xml", "md", "json"]
)
def test_reflection_when_laid_out_in_any_way_then_teaches_the_expected_label(prompt: str) -> None:
    written = _write(prompt)
    cues = re.findall(r'"([^"]+)"', _line_of("delivery_delay", written))
    assert cues
    assert all(cue in TEXT.lower() and len(cue.split()) <= 3 for cue in cues)
    assert "Query: {query}" in written
    assert '- refund_status: asks where a refund is; cues "money back"' in written
    assert "order_tracking:" not in written


def test_reflection_when_label_has_a_line_then_adds_to_it() -> None:
    current = 'Sort it.\n- delivery_delay: cues "late"; not cancel_order'
    line = _line_of("delivery_delay", _write(_gepa(current)))
    assert '"late"' in line
    assert line.count('"') > 2
    assert "not cancel_order" in line


def test_reflection_when_seeds_differ_then_texts_differ() -> None:
    texts = {_write(_gepa(), temperature=1.0, seed=seed) for seed in range(12)}
    assert len(texts) >= 6
    assert len({_write(_gepa(), temperature=0, seed=seed) for seed in range(12)}) == 1
    assert _write(_gepa(), temperature=1.0, seed=7) == _write(_gepa(), temperature=1.0, seed=7)


def test_reflection_when_format_is_complained_about_then_asks_for_the_label_only() -> None:
    shown = "# Example 1\n## Inputs\nhello\n## Generated Outputs\nIt seems so\n## Feedback\n"
    written = _write(_gepa(examples=shown + "Wrong format: answered in a sentence."))
    assert "label only" in written


def test_reflection_when_an_edit_was_rejected_then_its_cues_are_avoided() -> None:
    def cues(trailer: str) -> list[str]:
        return re.findall(r'"([^"]+)"', _line_of("delivery_delay", _write(_gepa(trailer=trailer))))

    first = cues(TRAILER)[0]
    tried = f'Edits already tried and rejected:\n- delivery_delay: cues "{first}"\n\n{TRAILER}'
    assert first not in cues(tried)


def test_reflection_when_a_limit_is_named_then_keeps_to_it() -> None:
    many = "\n".join(f'- topic_{n}: cues "alpha {n}", "beta {n}", "gamma"' for n in range(60))
    current = f"Sort the message.\nQuery: {{query}}\n{many}"
    written = _write(_gepa(current, trailer=f"Use at most 120 words. {TRAILER}"))
    assert len(written.split()) <= 120
    assert "{query}" in written


def test_reflection_when_told_to_shorten_then_is_shorter() -> None:
    many = "\n".join(f'- topic_{n}: cues "alpha {n}", "beta {n}", "gamma"' for n in range(60))
    written = _write(_gepa(many, trailer=f"The prompt is too long, shorten it. {TRAILER}"))
    assert len(written.split()) < 0.7 * len(many.split())


def test_reflection_when_repeated_then_stays_bounded() -> None:
    text = "Sort the message."
    for n in range(120):
        words = " ".join(
            f"{stem}{chr(97 + n % 26)}{chr(97 + n // 26)}" for stem in ("zo", "ka", "mu")
        )
        shown = (
            f"# Example 1\n## Inputs\n{words}\n## Feedback\nExpected topic_{n} but got topic_x\n"
        )
        text = _write(_gepa(text, shown), temperature=1.0, seed=n)
    assert len(text.split()) <= 900


def test_merge_when_two_edits_share_a_base_then_has_the_lines_of_both() -> None:
    prompt = (
        "Base prompt:\n```\nSort it: {query}\n```\n"
        'Prompt A:\n```\nSort it: {query}\n- refund_status: cues "money back"\n```\n'
        'Prompt B:\n```\nSort it: {query}\nBe brief.\n- refund_status: cues "reimbursed"\n```\n'
        "Combine both into a single instruction within ``` blocks."
    )
    merged = _write(prompt)
    line = _line_of("refund_status", merged)
    assert '"money back"' in line
    assert '"reimbursed"' in line
    assert "Be brief." in merged
    assert merged.count("{query}") == 1


def test_proposal_when_given_demos_and_a_summary_then_is_written_from_both() -> None:
    prompt = (
        "Use the information below to propose a better instruction.\n"
        'DATASET SUMMARY: Customer texts.\n- refund_status: cues "money back"\n'
        "TASK DEMO(S):\nQuery: my parcel is late\nIntent: delivery_delay\n\n"
        "BASIC INSTRUCTION: Sort the message.\nTIP: Be creative.\nPROPOSED INSTRUCTION:"
    )
    written = _write(prompt)
    assert written.startswith("Sort the message.")
    assert '"money back"' in _line_of("refund_status", written)
    assert "parcel" in _line_of("delivery_delay", written)


def test_summary_when_asked_for_then_tells_of_each_label() -> None:
    said = _reply(
        "Summarise the data set from these.\nQuery: my parcel is late\nIntent: delivery_delay"
    )
    assert "```" not in said
    assert "delivery_delay" in said


def test_fences_when_the_current_text_has_fences_then_are_still_closed() -> None:
    current = "Answer like this:\n```json\n{}\n```\nSort it."
    said = _reply(_gepa(current))
    opening = said.split("\n", 1)[0]
    assert said.endswith("\n" + opening)
    assert "```json" in said


@pytest.mark.parametrize(
    ("answer", "good"),
    [
        ("We refund the order within five days and apologise for the delay.", True),
        ("Bananas.", False),
    ],
)
def test_judge_when_given_criteria_then_scores_by_them(answer: str, good: bool) -> None:
    prompt = (
        "Score the response against this rubric.\nCriteria:\n- refund: says when the refund comes, "
        f"in days\n- apology: apologise for the delay\n\nResponse: {answer}\n\nReply as JSON."
    )
    verdict = json.loads(_reply(prompt))
    assert set(verdict["criteria"]) == {"refund", "apology"}
    assert (verdict["score"] > 0.5) is good


def test_judge_when_a_schema_is_given_then_fills_it() -> None:
    schema = {
        "type": "object",
        "properties": {"score": {"type": "number"}, "explanation": {"type": "string"}},
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "v", "schema": schema}}
    said = _reply("Judge by the rubric:\n- polite\n\nAnswer: polite words", response_format=wanted)
    assert set(json.loads(said)) == {"score", "explanation"}


def test_reflection_when_applied_then_the_reader_answers_the_failed_query_rightly() -> None:
    labels = "Intents:\n1. delivery_delay\n2. order_tracking\n3. refund_status"

    def ask(system: str) -> str:
        messages = [
            {"role": "system", "content": f"{system}\nReply with only the label."},
            {"role": "user", "content": f"Query: it is two weeks, no parcel, order\n\n{labels}"},
        ]
        reply = complete({"model": "reader", "messages": messages})
        return str(reply["choices"][0]["message"]["content"])

    assert ask("Sort it.") == "order_tracking"
    assert ask(_write(_gepa("Sort it."))) == "delivery_delay"


def test_reflection_when_feedback_is_a_score_alone_then_learns_from_the_right_answer() -> None:
    shown = (
        '# Example 1\n## Inputs\nQuery: the sofa came torn\n\n## Generated Outputs\n{"intent": '
        '"damaged_item"}\n\n## Feedback\nThis response got a score of 1.\n'
    )
    written = [_write(_gepa(examples=shown), temperature=1.0, seed=seed) for seed in range(8)]
    assert any("damaged_item:" in text and "sofa" in text for text in written)
    wrong = _gepa(examples=shown.replace("score of 1.", "score of 0."))
    assert all("damaged_item:" not in _write(wrong, temperature=1.0, seed=n) for n in range(8))


def test_vocabulary_when_written_then_its_heading_is_no_instruction_to_the_reader() -> None:
    text = f'Sort it.\n\n{MEANINGS_HEADING}\n- "widget" mean password\n\n{HEADING}'
    assert read_prompt((Turn("system", text),), ("password_reset", "refund")).by_meaning is None
    told = f"{text}\nGo by the meaning, not the exact words."
    assert read_prompt((Turn("system", told),), ()).by_meaning is not None

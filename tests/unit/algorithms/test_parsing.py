import pytest

from ray_promptopt.algorithms.parsing import Refusal, RefusalReason, parse_reflection

CURRENT = "Answer {query}."


def parse(reply: str, truncated: bool = False) -> str | Refusal:
    return parse_reflection(reply, truncated=truncated, current_text=CURRENT, required=("{query}",))


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("```\nDo {query}\n```", "Do {query}"),
        ("Sure:\n```\n\n  Do {query}  \n\n```\nGood luck.", "Do {query}"),
        ("```text\nDo {query}\n```", "Do {query}"),
        ("```\r\nDo {query}\r\n```\r\n", "Do {query}"),
        ("  ```\nDo {query}\n  ```", "Do {query}"),
        ("```\nDo {query}\n```json\n{}\n```\nend\n```", "Do {query}\n```json\n{}\n```\nend"),
        ("````\nDo {query}\n```\nx\n```\nend\n````", "Do {query}\n```\nx\n```\nend"),
        ("Use ``` marks.\n```\nDo {query}\n```", "Do {query}"),
        ("```\nUse `{query}` and ```inline``` marks\n```", "Use `{query}` and ```inline``` marks"),
    ],
)
def test_parse_when_there_is_one_closed_block_gives_its_content(reply: str, text: str) -> None:
    assert parse(reply) == text


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("Do {query}", RefusalReason.UNFENCED),
        ("", RefusalReason.UNFENCED),
        ("```Do {query}```", RefusalReason.UNFENCED),
        ("```\nDo {query}", RefusalReason.UNCLOSED),
        ("```\nDo {query}\n```json\n{}\n```", RefusalReason.UNCLOSED),
        ("````\nDo {query}\n```", RefusalReason.UNCLOSED),
        ("```\nDo {query}\n```\nor\n```\nAsk {query}\n```", RefusalReason.SEVERAL_BLOCKS),
        ("```Do this now\nwith {query}\n```", RefusalReason.TEXT_ON_FENCE),
        ("```\n   \n```", RefusalReason.EMPTY),
        ("```\n```", RefusalReason.EMPTY),
        ("```\nDo query\n```", RefusalReason.LOST_WILDCARD),
        (f"```\n {CURRENT}\n```", RefusalReason.UNCHANGED),
    ],
)
def test_parse_when_the_reply_is_not_surely_a_new_text_says_why(
    reply: str, reason: RefusalReason
) -> None:
    refusal = parse(reply)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason


def test_parse_when_truncated_is_refused_even_with_a_whole_block() -> None:
    refusal = parse("```\nDo {query}\n```", truncated=True)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.TRUNCATED


def test_refusal_when_wildcards_are_lost_names_them() -> None:
    refusal = parse("```\nDo it\n```")
    assert isinstance(refusal, Refusal)
    assert "{query}" in refusal.message


def test_parse_when_above_the_token_limit_says_both_lengths() -> None:
    def long(max_tokens: int) -> str | Refusal:
        return parse_reflection(
            "```\nDo it for {query}, now.\n```",
            truncated=False,
            current_text=CURRENT,
            required=(),
            max_tokens=max_tokens,
        )

    refusal = long(5)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.TOO_LONG
    assert "about 6 tokens, and at most 5" in refusal.message
    assert long(6) == "Do it for {query}, now."

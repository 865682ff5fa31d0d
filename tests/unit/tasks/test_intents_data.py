import itertools
import re
from collections import Counter

import pytest

from ray_promptopt.tasks.intents.app import build_config, load_splits

SPLITS = load_splits()
ROWS = [row for rows in SPLITS.values() for row in rows]


def plain(text: str) -> str:
    """A text without case, punctuation and spacing."""
    return " ".join(re.findall(r"\w+", text.lower()))


def test_intents_whole_data_set_then_has_at_least_20_intents_of_25_utterances() -> None:
    counts = Counter(row.label for row in ROWS)
    assert len(counts) >= 20
    assert min(counts.values()) >= 25


@pytest.mark.parametrize("split", sorted(SPLITS))
def test_intents_in_each_split_then_every_intent_is_there_equally_often(split: str) -> None:
    counts = Counter(row.label for row in SPLITS[split])
    assert counts.keys() == {row.label for row in ROWS}
    assert len(set(counts.values())) == 1


def test_intents_across_all_splits_then_no_utterance_occurs_twice() -> None:
    counts = Counter(plain(row.text) for row in ROWS)
    assert [text for text, count in counts.items() if count > 1] == []


def test_intents_whatever_the_row_then_text_is_clean_and_label_a_name() -> None:
    for row in ROWS:
        assert row.text == row.text.strip()
        assert 8 <= len(row.text) <= 300
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", row.label)
        assert row.label not in row.text


@pytest.mark.parametrize("split", sorted(SPLITS))
def test_intents_in_any_stretch_of_seeds_then_is_not_sorted_by_label(split: str) -> None:
    labels = [row.label for row in SPLITS[split]]
    neighbours = sum(a == b for a, b in itertools.pairwise(labels))
    assert neighbours < len(labels) / 10


def test_intents_task_app_then_describes_its_splits() -> None:
    taskset = build_config().describe_taskset()
    assert taskset["splits"] == {name: len(rows) for name, rows in SPLITS.items()}
    assert len(taskset["labels"]) == len(set(taskset["labels"])) >= 20

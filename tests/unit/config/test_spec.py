import json
from pathlib import Path

import pytest

from ray_promptopt.config.loader import load_config
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.config.spec import SystemSpec
from ray_promptopt.config.spec_text import spec_text
from ray_promptopt.core.errors import ConfigError
from ray_promptopt.core.tokens import estimate_tokens
from tests.unit.config.documents import GEPA, changed, gepa, refused

SPEC: dict[str, object] = {
    "metadata": {"id": "spec.bank", "title": "Bank", "version": "1.0.0"},
    "rules": [
        {"id": "R-low", "title": "Tone", "priority": 2, "constraints": {"should": ["be kind"]}},
        {
            "id": "R-high",
            "title": "One label",
            "priority": 9,
            "constraints": {"must": ["give one label"], "must_not": ["explain"]},
            "examples": [{"kind": "bad", "prompt": "card gone", "response": "Oh dear."}],
        },
    ],
    "principles": [{"id": "P-1", "text": "Meaning decides."}],
    "glossary": [{"term": "label", "definition": "an intent", "aliases": ["class"]}],
}


def loaded(folder: Path, spec: object, *, name: str = "bank.json", **more: object) -> RunConfig:
    (folder / name).write_text(spec if isinstance(spec, str) else json.dumps(spec))
    given = {"gepa__proposer_type": "spec", "gepa__spec_path": name, **more}
    table = changed(GEPA, **given)
    config = folder / "run.toml"
    config.write_text(_toml(table))
    return load_config(config, environ={})


def _toml(table: dict[str, object]) -> str:
    """Enough TOML for these tests: nested tables of JSON scalars and lists."""
    lines: list[str] = []

    def write(part: dict[str, object], path: str) -> None:
        lines.extend(f"{k} = {json.dumps(v)}" for k, v in part.items() if not isinstance(v, dict))
        for key, value in part.items():
            if isinstance(value, dict):
                lines.append(f"[{path}{key}]")
                write(value, f"{path}{key}.")

    write(table, "")
    return "\n".join(lines)


def faults(folder: Path, spec: object, **more: object) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, spec, **more)  # type: ignore[arg-type]
    return {problem.key: problem.remedy for problem in caught.value.problems}


def test_spec_is_read_from_a_path_relative_to_the_config_file(tmp_path: Path) -> None:
    config = loaded(tmp_path, SPEC).gepa
    assert config is not None
    assert config.spec == SystemSpec.model_validate(SPEC)


def test_spec_may_be_toml(tmp_path: Path) -> None:
    text = (
        '[metadata]\nid = "s"\ntitle = "t"\nversion = "1"\n'
        '[[rules]]\nid = "R"\ntitle = "One"\nconstraints.must = ["do"]\n'
    )
    config = loaded(tmp_path, text, name="bank.toml").gepa
    assert config is not None
    assert config.spec is not None
    assert config.spec.rules[0].constraints.must == ("do",)


def test_spec_may_stand_in_the_config_itself() -> None:
    config = gepa(gepa__proposer_type="spec", gepa__spec=SPEC).gepa
    assert config is not None
    assert config.spec is not None
    both = refused(GEPA, gepa__proposer_type="spec", gepa__spec=SPEC, gepa__spec_path="a.json")
    assert both.keys() == {"gepa.spec_path"}


def test_spec_that_is_missing_broken_or_no_object_is_refused_with_its_path(tmp_path: Path) -> None:
    assert (
        "give the path of a readable"
        in refused(GEPA, gepa__proposer_type="spec", gepa__spec_path="nowhere.json")[
            "gepa.spec_path"
        ]
    )
    assert "no valid JSON" in faults(tmp_path, "{")["gepa.spec_path"]
    assert "one object" in faults(tmp_path, [])["gepa.spec_path"]


@pytest.mark.parametrize(
    ("part", "key"),
    [
        ({"rules": []}, "rules"),
        ({"rules": [{"id": "R", "title": "x", "priority": 11}]}, "rules.0.priority"),
        ({"rules": [{"id": "R", "title": "x", "constraint": {}}]}, "rules.0.constraint"),
        ({"metadata": {"id": "s", "title": "t"}}, "metadata.version"),
        ({"rules": [{"id": "R", "title": "x"}, {"id": "R", "title": "y"}]}, "rules"),
    ],
)
def test_spec_off_its_schema_is_refused_under_the_key_in_its_file(
    tmp_path: Path, part: dict[str, object], key: str
) -> None:
    assert faults(tmp_path, {**SPEC, **part}).keys() == {f"gepa.spec_path (bank.json): {key}"}


def test_spec_of_which_nothing_would_be_shown_is_refused(tmp_path: Path) -> None:
    found = faults(tmp_path, SPEC, gepa__spec_priority_threshold=10)
    assert "the highest priority in the spec is 9" in found["gepa.spec_priority_threshold"]
    found = faults(tmp_path, SPEC, gepa__spec_max_tokens=5)
    assert "not even the spec's first rule fits" in found["gepa.spec_max_tokens"]


def test_spec_without_the_spec_proposer_is_warned_of() -> None:
    config = gepa(gepa__spec_path="nowhere.json")
    assert config.gepa is not None
    assert config.gepa.spec is None
    assert 'it needs proposer_type = "spec"' in config.warnings[-1]


def test_text_shows_rules_by_priority_with_prohibitions_and_examples() -> None:
    text = spec_text(SystemSpec.model_validate(SPEC), max_tokens=5000)
    assert text.index("One label (R-high, priority 9)") < text.index("Tone (R-low")
    assert "- must: give one label\n- must not: explain\n- bad answer to «card gone»: Oh" in text
    assert "- label (also: class): an intent" in text
    assert "Meaning decides." in text


def test_text_over_its_limit_drops_examples_first_and_the_highest_rule_last() -> None:
    spec = SystemSpec.model_validate(SPEC)
    whole = estimate_tokens(spec_text(spec, max_tokens=5000))
    seen = []
    for limit in range(whole, 0, -1):
        text = spec_text(spec, max_tokens=limit)
        assert estimate_tokens(text) <= limit
        seen.append(tuple(word in text for word in ("Oh dear", "label (also", "R-low", "R-high")))
    assert list(dict.fromkeys(seen)) == [
        (True, True, True, True),
        (False, True, True, True),
        (False, False, True, True),
        (False, False, False, True),
        (False, False, False, False),
    ]


def test_text_leaves_out_rules_below_the_threshold_and_examples_when_told() -> None:
    spec = SystemSpec.model_validate(SPEC)
    text = spec_text(spec, max_tokens=5000, include_examples=False, priority_threshold=3)
    assert "R-low" not in text
    assert "Oh dear" not in text

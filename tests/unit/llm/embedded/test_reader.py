"""The reader: what it reads, how far, and that nothing but the request decides its reply."""

import json
import random
import time
from typing import Any

import pytest

from ray_promptopt.llm.embedded import complete

LABELS = [
    "refund_status",
    "refund_request",
    "order_tracking",
    "delivery_delay",
    "cancel_order",
    "payment_declined",
    "change_address",
    "password_reset",
]
BASE = "You sort customer messages. Call the tool with one intent."
GUIDANCE = """
- refund_status: cues "hasn't come back", "credited"
- refund_request: cues "unhappy", "doesn't fit"
- order_tracking: cues "where is", "package"
- delivery_delay: cues "still waiting", "late"
- cancel_order: cues "changed my mind", "stop"
- payment_declined: cues "card was rejected", "won't go through"
- change_address: cues "moved", "new street"
- password_reset: cues "log in", "locked out"
"""
TOY = [
    ("my money hasn't come back yet", "refund_status"),
    ("when am I credited for the boots", "refund_status"),
    ("it doesn't fit, take it back", "refund_request"),
    ("I am unhappy with these shoes", "refund_request"),
    ("where is my package", "order_tracking"),
    ("has the package left", "order_tracking"),
    ("I am still waiting for the box", "delivery_delay"),
    ("it is four days late", "delivery_delay"),
    ("I changed my mind about the lamp", "cancel_order"),
    ("please stop it from being sent", "cancel_order"),
    ("the card was rejected at checkout", "payment_declined"),
    ("it won't go through at the till", "payment_declined"),
    ("we moved last week", "change_address"),
    ("send it to my new street", "change_address"),
    ("I cannot log in", "password_reset"),
    ("locked out since today", "password_reset"),
]
READERS = ["embedded/reader", "embedded/reader-nano"]
TOOL = {
    "type": "function",
    "function": {
        "name": "classify",
        "parameters": {
            "type": "object",
            "properties": {"intent": {"type": "string"}},
            "required": ["intent"],
        },
    },
}


def _body(query: str, system: str = BASE, model: str = READERS[0], **more: Any) -> dict[str, Any]:
    listed = "\n".join(f"{n}. {label}" for n, label in enumerate(LABELS, start=1))
    user = f"Customer Query: {query}\n\nAvailable Intents:\n{listed}\n\nClassify this query."
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    return {"model": model, "messages": messages, "temperature": 0, **more}


def _ask(query: str, system: str = BASE, model: str = READERS[0], **more: Any) -> str:
    reply = complete(_body(query, system, model, tools=[TOOL], tool_choice="required", **more))
    call = reply["choices"][0]["message"]["tool_calls"][0]["function"]
    assert call["name"] == "classify"
    return str(json.loads(call["arguments"])["intent"])


def _content(body: dict[str, Any]) -> str:
    return str(complete(body)["choices"][0]["message"]["content"])


def _accuracy(system: str, model: str = READERS[0]) -> float:
    return sum(_ask(text, system, model) == label for text, label in TOY) / len(TOY)


@pytest.mark.parametrize("model", READERS)
def test_accuracy_when_guidance_is_better_then_is_much_higher(model: str) -> None:
    plain, guided = _accuracy(BASE, model), _accuracy(BASE + GUIDANCE, model)
    assert plain <= 0.5
    assert guided >= plain + 0.4


def test_accuracy_when_guidance_lies_beyond_the_span_then_falls() -> None:
    filler = "The weather report of the harbour master was quiet and long. " * 400
    near, far = _accuracy(BASE + GUIDANCE), _accuracy(BASE + "\n" + filler + GUIDANCE)
    assert far <= near - 0.3


def test_span_when_model_is_nano_then_is_shorter() -> None:
    filler = "The weather report of the harbour master was quiet and long. " * 160
    system = BASE + "\n" + filler + GUIDANCE
    assert _accuracy(system, READERS[1]) < _accuracy(system, READERS[0])


def test_guidance_when_cue_is_too_broad_then_steals_from_the_neighbour() -> None:
    query = "about the refund for the kettle"
    broad = '\n- refund_request: cues "kettle", "refund", "for the"'
    assert _ask(query) == "refund_status"
    assert _ask(query, BASE + broad) == "refund_request"


def test_guidance_when_labels_claim_the_same_cue_then_neither_gains_much() -> None:
    query = "the parrot sings"
    clear = '\n- password_reset: cues "parrot sings"'
    rivals = "".join(f'\n- {label}: cues "parrot sings"' for label in LABELS)
    assert _ask(query, BASE + clear) == "password_reset"
    assert _ask(query, BASE + clear + rivals) == _ask(query, BASE + rivals)


@pytest.mark.parametrize(
    "line",
    [
        '- change_address: cues: "purple giraffe"',
        "change_address — somebody speaks of a purple giraffe",
        "Use change_address when the customer has a purple giraffe.",
        '"purple giraffe" -> change_address',
        "If they mention a purple giraffe or a zebra, choose `change_address`, not cancel_order.",
        "**change_address**: purple giraffe",
        "### change_address\n- purple giraffe\n- zebra",
        "Query: my purple giraffe\nIntent: change_address",
    ],
)
def test_guidance_when_put_in_another_way_then_is_read_all_the_same(line: str) -> None:
    assert _ask("a purple giraffe", f"{BASE}\n{line}") == "change_address"
    assert _ask("a purple giraffe") != "change_address"


def test_guidance_when_synonyms_are_given_then_names_are_matched_through_them() -> None:
    assert _ask("my widget is gone") != "password_reset"
    assert _ask("my widget is gone", BASE + '\n- "widget" means password') == "password_reset"


def test_demonstrations_when_sent_as_turns_then_are_learned_from() -> None:
    body = _body("a purple giraffe ate it", tools=[TOOL], tool_choice="required")
    demos = [
        {"role": "user", "content": "Customer Query: the purple giraffe"},
        {"role": "assistant", "content": "cancel_order"},
    ]
    body["messages"][1:1] = demos
    call = complete(body)["choices"][0]["message"]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"intent": "cancel_order"}


def test_label_when_an_earlier_stage_suggests_it_then_is_favoured() -> None:
    body = _body("hello there", tools=[TOOL], tool_choice="required")
    body["messages"][1]["content"] += "\nSuggested intent: payment_declined"
    call = complete(body)["choices"][0]["message"]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"intent": "payment_declined"}


def test_labels_when_only_the_tool_has_them_then_are_taken_from_its_enum() -> None:
    fields = {"label": {"type": "string", "enum": ["cat_food", "dog_food"]}}
    tool = {
        "type": "function",
        "function": {"name": "sort", "parameters": {"type": "object", "properties": fields}},
    }
    body = {
        "model": "embedded/reader",
        "messages": [{"role": "user", "content": "Query: a bone for my dog"}],
        "tools": [tool],
    }
    call = complete(body)["choices"][0]["message"]["tool_calls"][0]["function"]
    assert json.loads(call["arguments"]) == {"label": "dog_food"}


def test_reply_when_white_space_or_key_order_differ_then_is_the_same() -> None:
    body = _body("it won't   go through", BASE + GUIDANCE)
    other = json.loads(json.dumps(body).replace("classify", "classify"))
    other["messages"] = [
        {key: m[key].replace("\n\n", "\n \n") for key in reversed(m)} for m in body["messages"]
    ]
    other["messages"][1]["content"] = other["messages"][1]["content"].replace("   ", " ") + "  \n"
    assert _content(dict(reversed(other.items()))) == _content(body)


def test_form_when_nothing_asks_for_one_then_is_a_sentence() -> None:
    said = _content(_body("where is my package", "You sort customer messages."))
    assert said.startswith("It seems")
    assert "_" not in said


def test_form_when_only_the_label_is_asked_for_then_is_the_label() -> None:
    system = "You sort customer messages. Reply with only the label."
    assert _content(_body("track the order", system)) == "order_tracking"


def test_form_when_json_is_asked_for_in_words_then_is_json_with_that_key() -> None:
    system = 'Answer in JSON, like {"category": "..."}'
    assert json.loads(_content(_body("track the order", system))) == {"category": "order_tracking"}


def test_form_when_a_schema_is_given_then_has_its_required_fields() -> None:
    properties = {
        "intent": {"type": "string", "enum": LABELS},
        "confidence": {"type": "number"},
        "reason": {"type": "string"},
    }
    schema = {"type": "object", "properties": properties, "required": ["intent", "reason"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    said = json.loads(_content(_body("track the order", response_format=wanted)))
    assert said["intent"] == "order_tracking"
    assert 0 <= said["confidence"] <= 1
    assert isinstance(said["reason"], str)


def test_tool_when_choice_is_none_then_is_not_called() -> None:
    body = _body("track the order", tools=[TOOL], tool_choice="none")
    assert "tool_calls" not in complete(body)["choices"][0]["message"]


def test_sampling_when_temperature_is_zero_then_never_varies_with_the_seed() -> None:
    assert len({_ask("hello", seed=seed) for seed in range(20)}) == 1


def test_sampling_when_temperature_is_high_then_follows_the_seed() -> None:
    query = "hello, my order and refund"
    answers = [_ask(query, temperature=1.5, seed=seed) for seed in range(40)]
    again = [_ask(query, temperature=1.5, seed=seed) for seed in range(40)]
    assert answers == again
    assert len(set(answers)) > 1


def test_question_when_there_are_no_labels_then_is_answered_from_the_text() -> None:
    context = "Context: Berlin is the capital of Germany. Lyon lies on the Rhone."
    user = f"{context}\n\nQuestion: What is the capital of Germany?"
    body = {"model": "embedded/reader", "messages": [{"role": "user", "content": user}]}
    assert "Berlin" in _content(body)


def test_speed_when_the_prompt_has_77_labels_then_is_a_few_milliseconds() -> None:
    labels = [f"topic_{chr(97 + n % 26)}{n}_issue" for n in range(77)]
    lines = "\n".join(f'- {label}: cues "word {n}", "thing {n}"' for n, label in enumerate(labels))
    listed = "\n".join(f"{n}. {label}" for n, label in enumerate(labels, start=1))
    system = {"role": "system", "content": f"{BASE}\n{lines}"}
    rng = random.Random(0)
    queries = [f"thing {rng.randrange(77)} is wrong with word {n}" for n in range(101)]
    bodies = [
        {
            "model": "embedded/reader",
            "messages": [
                system,
                {"role": "user", "content": f"Query: {query}\n\nIntents:\n{listed}"},
            ],
        }
        for query in queries
    ]
    complete(bodies[0])
    durations = []
    for body in bodies[1:]:
        begin = time.perf_counter()
        complete(body)
        durations.append(time.perf_counter() - begin)
    assert sorted(durations)[50] < 0.005

from dataclasses import replace

import pytest

from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.core.examples import Example, Part
from ray_promptopt.core.ids import CorrelationId, TrialId
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.trace import Exchange, Trace
from ray_promptopt.core.usage import NO_SPEND, Spend, Usage
from ray_promptopt.core.work import StageCall
from ray_promptopt.prompts.pipeline import DeclaredStage, learn_pipeline
from ray_promptopt.rollouts.plan import RolloutSettings, rollout_request
from ray_promptopt.rollouts.result import ErrorKind
from ray_promptopt.rollouts.scoring import judge
from ray_promptopt.taskapp.contract import RolloutMetrics, RolloutResponse

CID = CorrelationId("trace_" + "a" * 32)
PAID = Spend(Usage(10, 5), 0.01, 1)


def exchange(
    failure: str | None = None,
    code: str | None = None,
    *,
    fatal: bool = False,
    candidate_fault: bool = False,
    status_code: int = 502,
) -> Exchange:
    return Exchange(
        messages=(ChatMessage("user", "Where is it?"),),
        reply="answer",
        model="m",
        spend=PAID,
        latency_s=0.1,
        status_code=200 if failure is None else status_code,
        failure=failure,
        failure_code=code,
        fatal=fatal,
        candidate_fault=candidate_fault,
    )


def answer(reward: float | None = 1.0, **details: object) -> RolloutResponse:
    return RolloutResponse(metrics=RolloutMetrics(mean_return=reward, details=dict(details)))


@pytest.mark.parametrize(
    ("given", "exchanges", "kind"),
    [
        (answer(0.0), [exchange("outage", "upstream_error")], ErrorKind.INFRASTRUCTURE),
        (answer(0.0), [exchange("bad key", "invalid_api_key", fatal=True)], ErrorKind.FATAL),
        (answer(0.0), [exchange("no match", "substitution_failed", status_code=422)],
         ErrorKind.REJECTED),
        (answer(0.0), [exchange("n = 2", "unsupported_parameter", status_code=400)],
         ErrorKind.REJECTED),
        (answer(0.0), [exchange("busy", "rate_limit_exceeded", status_code=429)],
         ErrorKind.INFRASTRUCTURE),
        (answer(0.0), [exchange("gone", "unknown_trial")], ErrorKind.INFRASTRUCTURE),
        (answer(0.0), [exchange(), exchange("lost", "gateway_lost")], ErrorKind.INFRASTRUCTURE),
        (answer(1.0), [], ErrorKind.INFRASTRUCTURE),
        (answer(None), [exchange()], ErrorKind.REJECTED),
        (answer(float("nan")), [exchange()], ErrorKind.REJECTED),
        (TaskAppError("down", retryable=True), [], ErrorKind.INFRASTRUCTURE),
        (TaskAppError("key", retryable=False, status_code=401), [], ErrorKind.FATAL),
        (
            TaskAppError("x refused the API key (400)", retryable=False, status_code=400),
            [],
            ErrorKind.FATAL,
        ),
        (TaskAppError("no seed", retryable=False, status_code=400), [], ErrorKind.REJECTED),
        (
            TaskAppError("502 since the model failed", retryable=True, status_code=502),
            [exchange("bad key", "invalid_api_key", fatal=True)],
            ErrorKind.FATAL,
        ),
    ],
)  # fmt: skip
def test_judge_when_something_failed_then_the_gateways_record_decides_and_nothing_is_scored(
    given: RolloutResponse | TaskAppError, exchanges: list[Exchange], kind: ErrorKind
) -> None:
    result = judge(given, Trace(CID, tuple(exchanges)), 1.0, None)
    assert result.score is None
    assert result.error is not None
    assert result.error.kind is kind
    assert result.spend == sum((PAID for _ in exchanges), NO_SPEND)


def test_judge_when_all_is_well_then_scores_with_evidence() -> None:
    result = judge(answer(0.5, feedback="Nearly."), Trace(CID, (exchange(),)), 1.0, None)
    assert result.score == 0.5
    assert result.evidence is not None
    assert (result.evidence.inputs, result.evidence.output, result.evidence.feedback) == (
        "Where is it?",
        "answer",
        "Nearly.",
    )


def test_judge_when_the_prompt_itself_is_at_fault_then_it_is_charged_in_words() -> None:
    failed = exchange("too long", "context_length_exceeded", candidate_fault=True)
    result = judge(TaskAppError("500", retryable=True), Trace(CID, (failed,)), 1.0, None)
    assert result.score == 0.0
    assert result.evidence is not None
    assert "too long" in result.evidence.feedback


def test_request_holds_what_shipped_apps_require_and_no_prompt() -> None:
    settings = RolloutSettings(
        run_id="pl_1",
        task_app_url="http://app",
        task_app_api_key="secret-key",
        gateway_url="http://gate/",
        model="gpt-4o-mini",
        provider="openai",
        env_name="shop",
        env_config={"pool": "x"},
        splits={Part.TRAIN: "train", Part.TEST: None, Part.VALIDATION: "dev"},
        temperature=0.0,
        max_completion_tokens=64,
        timeout_s=5.0,
    )
    request = rollout_request(settings, Example(Part.VALIDATION, 7), TrialId("trial-1"), CID)
    assert request["env"] == {
        "env_name": "shop",
        "seed": 7,
        "config": {"pool": "x", "index": 7, "split": "dev"},
    }
    assert request["policy"]["config"] == {
        "model": "gpt-4o-mini",
        "provider": "openai",
        "inference_url": f"http://gate/v1/trial-1?cid={CID}",
        "trace_correlation_id": CID,
        "temperature": 0.0,
        "max_completion_tokens": 64,
    }
    assert request["mode"] == "eval"
    assert request["ops"]
    assert "secret-key" not in repr(settings)


def test_judge_of_a_pipeline_tells_what_each_stage_was_given_and_answered() -> None:
    def call(stage: str, data: str, reply: str) -> Exchange:
        messages = (ChatMessage("system", f"You {stage}."), ChatMessage("user", data))
        return replace(exchange(), messages=messages, reply=reply)

    rollouts = [
        [call("plan", f"q{n}", f"p{n}"), call("answer", f"p{n}", f"a{n}")] for n in range(3)
    ]
    calls = [[one.messages for one in rollout] for rollout in rollouts]
    baseline = learn_pipeline(calls, [DeclaredStage("plan"), DeclaredStage("answer")])
    evidence = judge(answer(1.0), Trace(CID, tuple(rollouts[1])), 1.0, baseline).evidence
    assert evidence is not None
    assert evidence.calls == (StageCall("plan", "q1", "p1"), StageCall("answer", "p1", "a1"))
    assert (evidence.inputs, evidence.output) == ("q1", "[plan] p1\n[answer] a1")


def test_judge_when_the_models_server_asked_for_a_wait_then_the_error_says_how_long() -> None:
    busy = replace(exchange("busy", "rate_limit_exceeded"), retry_after_s=42.0)
    result = judge(answer(0.0), Trace(CID, (busy,)), 1.0, None)
    assert result.error is not None
    assert result.error.retry_after_s == 42.0


@pytest.mark.parametrize(
    ("details", "right"),
    [
        ({"predicted": "answer", "expected": "reply"}, "reply"),
        ({"predicted": "other", "expected": "reply"}, ""),
        ({"predicted": None, "expected": "reply"}, ""),
        ({"expected": "reply"}, ""),
        ({}, ""),
    ],
)
def test_judge_knows_the_right_output_where_the_app_tells_both_labels(
    details: dict[str, object], right: str
) -> None:
    evidence = judge(answer(0.0, **details), Trace(CID, (exchange(),)), 1.0, None).evidence
    assert evidence is not None
    assert evidence.right_output == right

"""From a task app's answer and the gateway's record to a result. Pure.

The gateway's record decides: many apps swallow a failed model call and report a reward of 0.
"""

from collections.abc import Sequence

from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.core.trace import Exchange, Trace
from ray_promptopt.core.work import Evidence, StageCall
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.prompts.substitution import data_of, stage_in
from ray_promptopt.rollouts.result import ErrorKind, ErrorRecord, RolloutResult
from ray_promptopt.taskapp.contract import RolloutResponse
from ray_promptopt.taskapp.rewards import feedback_of, labels_of, reward_of

_KEY_REFUSED = frozenset({401, 403, 404})
_NOT_TAKEN = frozenset({400, 413, 422})
"""Of the gateway or of the model's server: the app would send the same call again."""


def judge(
    answer: RolloutResponse | TaskAppError,
    trace: Trace,
    latency_s: float,
    baseline: LearnedBaseline | None,
) -> RolloutResult:
    """A score with its evidence, or the error and whose fault it was."""
    failed = next((exchange for exchange in trace.exchanges if exchange.failure), None)
    if failed is not None and failed.candidate_fault:
        return _charged_to_candidate(failed, trace, latency_s, baseline)
    error = _failed_call(failed) if failed is not None else None
    if error is None and isinstance(answer, TaskAppError):
        error = _app_failed(answer)
    if error is None and isinstance(answer, RolloutResponse):
        return _scored(answer, trace, latency_s, baseline)
    return RolloutResult(trace, latency_s, error=error, spend=trace.spend)


def _scored(
    answer: RolloutResponse, trace: Trace, latency_s: float, baseline: LearnedBaseline | None
) -> RolloutResult:
    error: ErrorRecord | None = None
    score = 0.0
    if not trace.exchanges:
        # Perhaps its call never reached a gateway that was being restarted: worth another try.
        error = ErrorRecord(
            ErrorKind.INFRASTRUCTURE,
            "the task app answered without calling the model at policy.config.inference_url, so "
            "its score says nothing about a prompt: let it call the URL that it is given",
        )
    else:
        try:
            score = reward_of(answer)
        except TaskAppError as bad:
            error = ErrorRecord(ErrorKind.REJECTED, str(bad))
    if error is not None:
        return RolloutResult(trace, latency_s, error=error, spend=trace.spend)
    calls = _calls(trace.exchanges, baseline)
    evidence = Evidence(
        inputs=_inputs(trace.exchanges[0], baseline),
        output=_outputs(trace.exchanges, calls),
        feedback=feedback_of(answer) or f"The reward was {score:g}.",
        calls=calls,
        right_output=_right_output(answer, trace.exchanges[-1].reply),
    )
    return RolloutResult(trace, latency_s, score=score, evidence=evidence, spend=trace.spend)


def _charged_to_candidate(
    failed: Exchange, trace: Trace, latency_s: float, baseline: LearnedBaseline | None
) -> RolloutResult:
    evidence = Evidence(
        inputs=_inputs(failed, baseline),
        output="",
        feedback=f"The model could not be called with this prompt: {failed.failure}.",
    )
    return RolloutResult(trace, latency_s, score=0.0, evidence=evidence, spend=trace.spend)


def _failed_call(failed: Exchange) -> ErrorRecord:
    message = f"a model call failed: {failed.failure}"
    if failed.fatal:
        return ErrorRecord(ErrorKind.FATAL, message)
    if failed.status_code in _NOT_TAKEN:
        return ErrorRecord(ErrorKind.REJECTED, message)
    return ErrorRecord(ErrorKind.INFRASTRUCTURE, message, failed.retry_after_s)


def _app_failed(error: TaskAppError) -> ErrorRecord:
    if error.retryable:
        return ErrorRecord(ErrorKind.INFRASTRUCTURE, str(error))
    key_refused = error.status_code in _KEY_REFUSED or "API key" in str(error)
    return ErrorRecord(ErrorKind.FATAL if key_refused else ErrorKind.REJECTED, str(error))


def _inputs(exchange: Exchange, baseline: LearnedBaseline | None) -> str:
    if baseline is not None:
        return data_of(exchange.messages, stage_in(exchange.messages, baseline))
    return "\n".join(message.content for message in exchange.messages if message.role == "user")


def _calls(
    exchanges: Sequence[Exchange], baseline: LearnedBaseline | None
) -> tuple[StageCall, ...]:
    """What each stage of a pipeline was given and answered; empty where there is one stage."""
    if baseline is None or len(baseline.stages) == 1:
        return ()
    calls = []
    for exchange in exchanges:
        stage = stage_in(exchange.messages, baseline)
        calls.append(StageCall(stage.name, data_of(exchange.messages, stage), exchange.reply))
    return tuple(calls)


def _right_output(answer: RolloutResponse, reply: str) -> str:
    """The model's reply with the expected label in the place of its own; empty when not known."""
    labels = labels_of(answer)
    if labels is None or reply.count(labels.predicted) != 1:
        return ""
    return reply.replace(labels.predicted, labels.expected)


def _outputs(exchanges: Sequence[Exchange], calls: Sequence[StageCall]) -> str:
    if calls:
        return "\n".join(f"[{call.stage}] {call.output}" for call in calls)
    return "\n".join(exchange.reply for exchange in exchanges)

"""`dspy.MIPROv2` as a contestant: its own `compile`, its own prompts, our models and rows.

Its program sends the task's own conversation; the demonstrations it chooses end the system message,
as this project's do, so that both are read alike. It is given every chance to be fast: evaluations
go out side by side up to the limit that all contestants share, and its cache is kept.
"""

import contextlib
import io
import json
import logging
import re
import warnings
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import dspy
from dspy.utils.callback import BaseCallback

from benchmarks.versus.model_server import WRITER
from benchmarks.versus.problem import Problem
from benchmarks.versus_dspy.calls import Calls
from benchmarks.versus_dspy.record import Answer
from ray_promptopt.algorithms.randomness import model_seed
from ray_promptopt.algorithms.wording import tagged
from ray_promptopt.core.demos import Demo
from ray_promptopt.core.examples import Part
from ray_promptopt.prompts.demonstrations import demos_as_text
from ray_promptopt.tasks.classifier import Row, answered_label, is_right

_FENCED = re.compile(r"^`{3,}\w*\n(?P<text>.*)\n`{3,}\s*$", re.DOTALL)


def compile_with_package(
    problem: Problem, calls: Calls, policy_model: str, *, size: str, seed: int
) -> tuple[Answer, ...]:
    """Run to its end; the texts it would have given back, from when on each."""
    task = dspy.Signature("query -> intent", problem.task.instruction)
    adapter = _Adapter(problem)
    policy = _Policy(problem, calls, policy_model)
    validation = [_example(problem, Part.VALIDATION, n) for n in problem.places(Part.VALIDATION)]
    watch = _Watch(calls, len(validation))
    optimizer = dspy.MIPROv2(
        metric=_metric,
        prompt_model=_Writer(calls, seed),
        task_model=policy,
        auto=size,
        num_threads=1,  # The clock schedules them; in one thread a run is the same each time.
        seed=seed,
    )
    with _quiet(), dspy.context(lm=policy, adapter=adapter, callbacks=[watch]):
        optimizer.compile(
            dspy.Predict(task),
            trainset=[_example(problem, Part.TRAIN, n) for n in problem.places(Part.TRAIN)],
            valset=validation,
        )
    return tuple(watch.answers)


def _example(problem: Problem, part: Part, place: int) -> Any:
    row = problem.row(part, place)
    return dspy.Example(query=row.text, intent=row.label).with_inputs("query")


def _metric(example: Any, prediction: Any, trace: Any = None) -> bool:
    return is_right(Row(example.query, example.intent), prediction.intent)


@contextlib.contextmanager
def _quiet() -> Any:
    """The package prints, logs, and warns of what its next version will not have."""
    logging.getLogger("dspy").setLevel(logging.ERROR)
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


class _Adapter(dspy.Adapter):
    """The task's own conversation for the task; for everything else what the package has to say,
    every field between tags, which is a layout that the embedded writer reads well."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self._problem = problem

    def format(
        self, signature: Any, demos: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]
    ) -> Any:
        """The messages of one call."""
        if "intent" in signature.output_fields:
            text = system_text(signature.instructions, demos)
            return self._problem.body(text, Row(inputs["query"], ""), "")["messages"]
        ((name, wanted),) = signature.output_fields.items()
        fields = [tagged(field, str(value)) for field, value in inputs.items()]
        description = wanted.json_schema_extra["desc"]
        parts = [signature.instructions, *fields, f"{name}: {description}"]
        return [{"role": "user", "content": "\n\n".join(parts)}]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The whole answer is the one field that was asked for, without the fence around it."""
        (field,) = signature.output_fields
        fenced = _FENCED.match(completion.strip())
        return {field: fenced["text"] if fenced else completion}


def system_text(instruction: str, demos: Sequence[Mapping[str, Any]]) -> str:
    """The instruction and, behind it, the demonstrations as this project writes them."""
    shown = [Demo(demo["query"], json.dumps({"intent": demo["intent"]})) for demo in demos]
    return "\n\n".join([instruction, *([demos_as_text(shown)] if shown else [])])


class _Model(dspy.BaseLM):
    """One of the embedded models."""

    def _response(self, text: str) -> Any:
        message = SimpleNamespace(content=text, tool_calls=None)
        choice = SimpleNamespace(message=message, finish_reason="stop")
        return SimpleNamespace(choices=[choice], usage={}, model=self.model)


class _Policy(_Model):
    """Answers the task with its one tool."""

    def __init__(self, problem: Problem, calls: Calls, model: str) -> None:
        super().__init__(model=model, temperature=0.0)
        self._problem = problem
        self._calls = calls

    def forward(self, prompt: Any = None, messages: Any = None, **_: Any) -> Any:
        """The label in the tool call."""
        body = self._problem.body("", Row("", ""), self.model) | {"messages": messages}
        return self._response(answered_label(self._calls.complete(body)) or "")


class _Writer(_Model):
    """Writes; each call that the cache does not know has a seed of its own."""

    def __init__(self, calls: Calls, seed: int) -> None:
        super().__init__(model=WRITER, temperature=1.0)
        self._calls = calls
        self._seed = seed

    def forward(self, prompt: Any = None, messages: Any = None, **asked: Any) -> Any:
        """The reply as it stands."""
        told = self.kwargs | asked
        body = {
            "model": self.model,
            "messages": messages,
            "temperature": told["temperature"],
            "seed": model_seed(self._seed, "dspy", str(told.get("rollout_id", ""))),
        }
        return self._response(self._calls.complete(body)["content"])


class _Watch(BaseCallback):
    """Hears of every evaluation: of when it is side by side, and of who is best after it."""

    def __init__(self, calls: Calls, num_validation: int) -> None:
        self.answers: list[Answer] = []
        self._calls = calls
        self._num_validation = num_validation
        self._program: Any = None
        self._num_rows = 0
        self._best_score = -1.0

    def on_evaluate_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """Its calls go out together."""
        self._program, self._num_rows = inputs["program"], len(inputs["devset"])
        self._calls.clock.begin_side_by_side()

    def on_evaluate_end(
        self, call_id: str, outputs: Any, exception: BaseException | None = None
    ) -> None:
        """As the package does: the best is the first of the highest full evaluation."""
        if exception is not None:
            raise exception
        self._calls.clock.end_side_by_side()
        if self._num_rows == self._num_validation and outputs.score > self._best_score:
            self._best_score = outputs.score
            predictor = self._program
            text = system_text(predictor.signature.instructions, predictor.demos)
            self.answers.append(Answer(self._calls.clock.now_s, self._calls.total, text))

"""Rollouts whose task app streams its model call, over real HTTP through the gateway."""

import json
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ray_promptopt.core.usage import UsageSource
from ray_promptopt.core.work import FailedOutcome, RolloutOutcome
from ray_promptopt.store.events import RolloutFinished
from ray_promptopt.taskapp.policy import chat_completions_url
from tests.fakes.http import MESSAGES
from tests.fakes.providers import FakeProvider, Streamed, streamed
from tests.integration.rollouts.test_rollouts_over_http import ITEM, RUN, outside

PIECES = streamed("on ", "its ", "way")


class StreamingApp:
    """Takes whatever came of a stream for the answer, and reports a reward of 1 for any."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.app = Starlette(routes=[Route("/rollout", self._rollout, methods=["POST"])])

    async def _rollout(self, request: Request) -> Response:
        config = (await request.json())["policy"]["config"]
        body = {"model": config["model"], "messages": MESSAGES, "stream": True}
        self.answers.append("")
        async with httpx.AsyncClient(timeout=10.0) as client:
            url = chat_completions_url(config["inference_url"])
            try:
                async with client.stream("POST", url, json=body) as reply:
                    async for line in reply.aiter_lines():
                        self._take(line)
            except httpx.HTTPError:
                pass
        return JSONResponse({"metrics": {"mean_return": 1.0}})

    def _take(self, line: str) -> None:
        data = line.removeprefix("data: ")
        if data.startswith("{"):
            for choice in json.loads(data).get("choices", []):
                self.answers[-1] += choice["delta"].get("content") or ""


async def test_rollout_when_its_app_streams_then_is_scored_with_the_whole_reply_and_its_bill(
    tmp_path: Path,
) -> None:
    app, model = StreamingApp(), FakeProvider([Streamed(PIECES)])
    async with outside(tmp_path, app.app, model) as world:
        outcome = await world.execute()
        trace = world.store.trace(RUN, ITEM.work_id)
        assert world.executor.ledger.tokens.spent == 110
        assert world.executor.ledger.rollouts.spent == 1
    assert app.answers == ["on its way"]
    assert isinstance(outcome, RolloutOutcome)
    assert (outcome.score, outcome.evidence.output) == (1.0, "on its way")
    assert trace is not None
    (exchange,) = trace.exchanges
    assert (exchange.reply, exchange.status_code, exchange.failure) == ("on its way", 200, None)
    assert [message.role for message in exchange.messages] == [one["role"] for one in MESSAGES]
    usage = exchange.spend.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (100, 10)
    assert usage.source is UsageSource.PROVIDER


BROKEN = {
    "the connection breaks": Streamed(PIECES[:3], then="break"),
    "it ends too early": Streamed(PIECES[:3]),
    "an error comes": Streamed([*PIECES[:3], b'data: {"error": {"message": "overloaded"}}\n\n']),
    "a frame is cut in half": Streamed([*PIECES[:3], PIECES[3][:20]]),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_rollout_when_its_stream_breaks_midway_then_is_not_scored_and_tried_again(
    tmp_path: Path, broken: Streamed
) -> None:
    app, model = StreamingApp(), FakeProvider([broken, Streamed(PIECES)])
    async with outside(tmp_path, app.app, model) as world:
        outcome = await world.execute()
        (failed,) = world.failures()
        events = [stored.event for stored in world.store.events(RUN)]
        (finished,) = [event for event in events if isinstance(event, RolloutFinished)]
        spent = world.executor.ledger.tokens.spent
    assert app.answers == ["on its ", "on its way"]
    assert failed.kind == "infrastructure"
    assert isinstance(outcome, RolloutOutcome)
    assert outcome.evidence.output == "on its way"
    assert finished.attempts == 2
    # What came of the broken stream was paid for as well.
    assert failed.spend.usage.source is UsageSource.ESTIMATED
    assert spent == 110 + failed.spend.usage.total_tokens > 110


async def test_rollout_when_every_stream_breaks_then_is_given_up_and_never_scored(
    tmp_path: Path,
) -> None:
    app, model = StreamingApp(), FakeProvider([Streamed(PIECES[:3], then="break")])
    async with outside(tmp_path, app.app, model) as world:
        outcome = await world.execute()
        assert world.executor.ledger.rollouts.spent == 0
    assert isinstance(outcome, FailedOutcome)
    assert "broke off in the middle of its answer" in outcome.error
    assert len(app.answers) == 3

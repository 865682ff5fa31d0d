"""DSPy programs as task apps: their language model is the gateway, by its `api_base` alone."""

from typing import Any, Literal

import dspy
import pytest

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import new_trial_id
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.prompts.learning import learn_baseline
from tests.fakes.chat_clients import base_url, in_thread, tool_call
from tests.fakes.interceptor import MODELS, Interceptor, intercepting
from tests.fakes.providers import Answer, Streamed, completed, openai_error, streamed

# The library warns about itself.
pytestmark = pytest.mark.filterwarnings("ignore")

LABEL = completed("[[ ## label ## ]]\nlost_parcel\n\n[[ ## completed ## ]]")
LABEL_JSON = completed('{"label": "lost_parcel"}')


class Sort(dspy.Signature):  # type: ignore[misc]
    """Sort the customer's message into one of the classes."""

    message: str = dspy.InputField()
    label: Literal["lost_parcel", "refund"] = dspy.OutputField()


def model(gateway: Interceptor, **options: Any) -> Any:
    """What a task app makes of its inference URL. DSPy's own cache would hide calls."""
    where = {"api_base": base_url(gateway), "api_key": "any", "cache": False}
    return dspy.LM("openai/gpt-4o-mini", **where, **options)


@pytest.mark.parametrize("provider", MODELS)
async def test_a_program_predicts_through_the_gateway(provider: str) -> None:
    async with intercepting(LABEL, provider=provider, candidate=None) as gateway:
        with dspy.context(lm=model(gateway), adapter=dspy.ChatAdapter()):
            predict = dspy.Predict(Sort)
            predictions = [
                await predict.acall(message="Where is it?"),
                await in_thread(lambda: predict(message="Where is it?")),
            ]
        exchanges = await gateway.exchanges()
    assert [prediction.label for prediction in predictions] == ["lost_parcel"] * 2
    assert [exchange.spend.usage.total_tokens for exchange in exchanges] == [110] * 2


async def test_a_program_is_learned_from_its_calls_and_gets_a_candidate_that_it_never_sees() -> (
    None
):
    async with intercepting(LABEL, candidate=None) as gateway:
        lm = model(gateway)
        with dspy.context(lm=lm, adapter=dspy.ChatAdapter()):
            for message in ("Where is it?", "I want my money back."):
                await dspy.Predict(Sort).acall(message=message)
        learned = learn_baseline([list(one.messages) for one in await gateway.exchanges()])
        own = learned.initial_candidate()
        better = Candidate.of({name: f"Zebra. {text}" for name, text in own.texts.items()})
        upstream = gateway.binding.upstream
        gateway.binding = TrialBinding(
            new_trial_id(), gateway.binding.run_id, upstream, better, learned
        )
        gateway.state.plain.register(gateway.binding)
        gateway.next_rollout()
        lm = model(gateway)
        with dspy.context(lm=lm, adapter=dspy.ChatAdapter()):
            prediction = await dspy.Predict(Sort).acall(message="It never came.")
        sent = gateway.provider.requests[-1]["messages"]
    assert prediction.label == "lost_parcel"
    assert sent[0]["content"].startswith("Zebra. Your input fields are")
    assert "It never came." in sent[1]["content"]
    assert "Zebra" not in str(lm.history)


async def test_structured_output_is_asked_for_by_its_schema() -> None:
    async with intercepting(LABEL_JSON, candidate=None) as gateway:
        with dspy.context(lm=model(gateway), adapter=dspy.JSONAdapter()):
            prediction = await dspy.Predict(Sort).acall(message="Where is it?")
        sent = gateway.provider.requests[0]["response_format"]["json_schema"]
    assert prediction.label == "lost_parcel"
    assert sent["schema"]["properties"]["label"]["enum"] == ["lost_parcel", "refund"]


async def test_a_prediction_is_streamed_word_by_word() -> None:
    pieces = streamed("[[ ## label ## ]]\n", "lost", "_parcel", "\n\n[[ ## completed ## ]]")
    async with intercepting(Streamed(pieces), candidate=None) as gateway:
        with dspy.context(lm=model(gateway), adapter=dspy.ChatAdapter()):
            listener = dspy.streaming.StreamListener(signature_field_name="label")
            predict = dspy.streamify(dspy.Predict(Sort), stream_listeners=[listener])
            *words, prediction = [one async for one in predict(message="Where is it?")]
        (exchange,) = await gateway.exchanges()
    assert "".join(word.chunk for word in words) == prediction.label == "lost_parcel"
    assert len(words) > 1
    assert exchange.spend.usage.total_tokens == 110


def find(number: int) -> str:
    """Find a parcel."""
    return f"parcel {number} is at the depot"


async def test_tools_reach_the_model_and_its_call_of_one_comes_back() -> None:
    class Ask(dspy.Signature):  # type: ignore[misc]
        """Answer the customer."""

        message: str = dspy.InputField()
        tools: list[dspy.Tool] = dspy.InputField()
        calls: dspy.ToolCalls = dspy.OutputField()

    async with intercepting(tool_call(), candidate=None) as gateway:
        adapter = dspy.ChatAdapter(use_native_function_calling=True)
        with dspy.context(lm=model(gateway), adapter=adapter):
            asked = dspy.Predict(Ask)
            prediction = await asked.acall(message="Where is 7?", tools=[dspy.Tool(find)])
        (sent,) = gateway.provider.requests[0]["tools"]
        (exchange,) = await gateway.exchanges()
    (call,) = prediction.calls.tool_calls
    assert (call.name, call.args) == ("find", {"number": 7})
    assert sent["function"]["name"] == "find"
    assert exchange.reply == 'find({"number": 7})'


@pytest.mark.parametrize(
    ("answer", "attempts"),
    [(openai_error(500, None, "oops"), 5), (openai_error(400, "bad_thing", "no"), 1)],
)
async def test_its_own_retries_cost_no_second_row_of_the_gateways(
    answer: Answer, attempts: int
) -> None:
    async with intercepting(answer, candidate=None) as gateway:
        with (
            dspy.context(lm=model(gateway, num_retries=1), adapter=dspy.ChatAdapter()),
            pytest.raises(dspy.LMError),
        ):
            await dspy.Predict(Sort).acall(message="Where is it?")
        assert len(gateway.provider.requests) == attempts
        exchanges = await gateway.exchanges()
    assert all(exchange.failure for exchange in exchanges)

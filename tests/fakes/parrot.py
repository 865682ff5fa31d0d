"""A provider that repeats what it was asked, in every place where one may."""

import json
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from tests.fakes.providers import DONE_FRAME, chunk, completed
from tests.fakes.responses import event, response, response_events

Echo = Callable[[str], Response]


def _json(body: Any, status: int = 200, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(json.dumps(body), status, named, media_type="application/json")


def _sse(*frames: bytes) -> Response:
    return Response(b"".join(frames), media_type="text/event-stream")


def _completion(**fields: Any) -> dict[str, Any]:
    return {**completed().body, **fields}


def _choice(**fields: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "an answer"}
    return _completion(
        choices=[{"index": 0, "message": message, "finish_reason": "stop", **fields}]
    )


def _failed(prompt: str) -> dict[str, Any]:
    error = {"code": prompt, "message": prompt}
    return response(echo=prompt, status="failed", error=error)


def _line(prompt: str) -> str:
    """As it may stand in a header or a line."""
    return " ".join(prompt.split())


def _quoted(prompt: str) -> bytes:
    return json.dumps(prompt).encode()


LAST = chunk({}, end="stop")
CHAT: dict[str, Echo] = {
    "a field of the completion": lambda p: _json(_completion(prompt=p, messages=[{"content": p}])),
    "a choice's echo of the prompt": lambda p: _json(_choice(prompt_logprobs=[p], prompt_text=p)),
    "the message of an error": lambda p: _json({"error": {"message": p, "code": "context"}}, 400),
    "code, type and param of an error": lambda p: _json(
        {"error": {"message": "m", "code": p, "type": p, "param": p}}, 400
    ),
    "a list of errors": lambda p: _json([{"error": {"message": p, "status": p}}], 400),
    "an error in a 200": lambda p: _json({"error": {"message": p, "code": 400}}),
    "an error page": lambda p: Response(f"<h1>{p}</h1>", 400),
    "an answer that is no JSON": lambda p: Response(p, 200),
    "a failed generation": lambda p: _json(
        {"error": {"code": "json_validate_failed", "message": p, "failed_generation": p}}, 400
    ),
    "a header": lambda p: _json(_completion(), x_prompt=_line(p), set_cookie=_line(p)),
    "a redirect": lambda p: _json({}, 307, location=f"/{_line(p)}"),
}
STREAM: dict[str, Echo] = {
    "a field of a chunk": lambda p: _sse(chunk({"content": "a"}, prompt=p), LAST, DONE_FRAME),
    "a choice of a chunk": lambda p: _sse(
        chunk({"content": "a"}).replace(b'"delta"', b'"prompt": %s, "delta"' % _quoted(p)),
        LAST, DONE_FRAME,
    ),
    "a comment": lambda p: _sse(f": {_line(p)}\n\n".encode(), LAST, DONE_FRAME),
    "the id of an event": lambda p: _sse(f"id: {_line(p)}\n".encode() + LAST, DONE_FRAME),
    "the name of an event": lambda p: _sse(f"event: {_line(p)}\n".encode() + LAST, DONE_FRAME),
    "beside the end mark": lambda p: _sse(LAST, f": {_line(p)}\n".encode() + DONE_FRAME),
    "an error event": lambda p: _sse(
        chunk({"content": "a"}), b'data: {"error": {"message": %s}}\n\n' % _quoted(p)
    ),
    "an event that is no JSON": lambda p: _sse(
        chunk({"content": "a"}), f"data: {_line(p)}\n\n".encode()
    ),
    "half an event": lambda p: _sse(chunk({"content": "a"}), f"data: {_line(p)}".encode()),
    "after the end mark": lambda p: _sse(LAST, DONE_FRAME, f"data: {_line(p)}\n\n".encode()),
}  # fmt: skip
RESPONSES: dict[str, Echo] = {
    "instructions": lambda p: _json(response(echo=p)),
    "a field of the response": lambda p: _json(response(input=p, prompt={"text": p})),
    "a failed response": lambda p: _json(_failed(p)),
}
RESPONSE_STREAM: dict[str, Echo] = {
    "instructions in three events": lambda p: _sse(*response_events("a", echo=p)),
    "a failed response": lambda p: _sse(event("response.failed", 0, response=_failed(p))),
    "an error event": lambda p: _sse(event("error", 0, code=p, message=p, param=p)),
    "an event of the provider's own": lambda p: _sse(
        event("debug.prompt", 0, text=p), *response_events("a")
    ),
    "the name of an event": lambda p: _sse(
        *response_events("a")[:4],
        response_events("a")[4].replace(b"event: ", f"event: {_line(p)} ".encode()),
        response_events("a")[5],
    ),
}


def repeating(echo: Echo) -> Callable[[dict[str, Any]], Response]:
    """An entry of a script: the echo of the prompt that stands in the request."""

    def answer(body: dict[str, Any]) -> Response:
        return echo(body.get("instructions") or body["messages"][0]["content"])

    return answer

"""The client of a task app. Every failure says what happened at which URL and what to do."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import aiohttp
import httpx
from pydantic import BaseModel, ValidationError

from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.taskapp.contract import RolloutResponse, TaskInfo
from ray_promptopt.taskapp.http import AiohttpHttp, Http, HttpReply

M = TypeVar("M", bound=BaseModel)

_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
_HOST = re.compile(r"^[\w.:-]+$")
_KEY_REFUSED = frozenset({401, 403})


class TaskAppClient:
    """One task app. Close it with `aclose`. Raises TaskAppError on a URL or a key of no use."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout_s: float,
        http: Http | None = None,
    ) -> None:
        _refuse_unusable(base_url, api_key)
        headers = {"X-API-Key": api_key} if api_key else {}
        self.base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._http = http or AiohttpHttp(headers, timeout_s)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def health(self) -> dict[str, Any]:
        """`GET /health`."""
        return await self._object("GET", "/health")

    async def info(self) -> dict[str, Any]:
        """`GET /info`."""
        return await self._object("GET", "/info")

    async def task_info(self, seeds: Sequence[int] = ()) -> list[TaskInfo] | dict[str, Any]:
        """The whole task set without seeds, else one TaskInfo per seed."""
        params = [("seeds", str(seed)) for seed in seeds]
        raw = await self._json("GET", "/task_info", params=params)
        if not seeds:
            return raw if isinstance(raw, dict) else {"taskset": raw}
        rows = raw if isinstance(raw, list) else [raw]
        return [self._checked(TaskInfo, row, "/task_info") for row in rows]

    async def metadata(self) -> dict[str, Any] | None:
        """The program's source (`GET /metadata`); None where the app does not offer it."""
        try:
            return await self._object("GET", "/metadata")
        except TaskAppError as error:
            if error.status_code in (404, 405):
                return None
            raise

    async def rollout(self, request: Mapping[str, Any]) -> RolloutResponse:
        """`POST /rollout`."""
        raw = await self._json("POST", "/rollout", body=request)
        return self._checked(RolloutResponse, raw, "/rollout")

    async def _object(self, method: str, path: str) -> dict[str, Any]:
        raw = await self._json(method, path)
        if not isinstance(raw, dict):
            raise self._error(path, "answered with JSON that is no object", retryable=False)
        return raw

    async def _json(
        self, method: str, path: str, *, params: Sequence[tuple[str, str]] = (), body: Any = None
    ) -> Any:
        url = f"{self.base_url}{path}"
        try:
            reply = await self._http.ask(method, url, params=list(params), body=body)
        except (aiohttp.ClientError, OSError) as error:
            raise self._error(path, self._no_answer(error), retryable=True) from error
        if reply.status_code >= 300:
            raise self._refused(path, reply)
        try:
            return json.loads(reply.raw)
        except (ValueError, RecursionError) as error:
            what = (
                f"answered {reply.status_code} with something that is no JSON "
                f"({reply.text[:60]!r}): is this a task app?"
            )
            raise self._error(path, what, retryable=False) from error

    def _no_answer(self, error: Exception) -> str:
        if isinstance(error, aiohttp.ClientConnectorError):
            number = error.os_error.errno or 0
            reason = os.strerror(number) if number > 0 else error.os_error.strerror
            return f"cannot be reached ({reason}): start it, or correct its URL"
        if isinstance(error, TimeoutError):
            return (
                f"did not answer within {self._timeout_s:g} s: see its log, or raise "
                "execution.task_app_timeout_s"
            )
        return f"broke the connection off ({type(error).__name__}): see its log"

    def _refused(self, path: str, reply: HttpReply) -> TaskAppError:
        status, text = reply.status_code, reply.text[:300]
        if status in _KEY_REFUSED or (status == 400 and "api key" in text.lower()):
            what = (
                f"refused the API key ({status}): set ENVIRONMENT_API_KEY to the key that the task "
                "app was started with"
            )
        elif status == 404:
            what = "answered 404: is this the task app's base URL?"
        elif status < 400:
            what = f"redirects to {reply.location} ({status}): give the URL that it really has"
        else:
            what = f"answered {status}: {text}"
        return self._error(path, what, retryable=status in _RETRYABLE, status_code=status)

    def _checked(self, model: type[M], raw: Any, path: str) -> M:
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the answer"
            what = f"answered off the contract: {where}: {first['msg']}"
            raise self._error(path, what, retryable=False) from error

    def _error(
        self, path: str, what: str, *, retryable: bool, status_code: int | None = None
    ) -> TaskAppError:
        return TaskAppError(
            f"task app {self.base_url}{path} {what}", retryable=retryable, status_code=status_code
        )


def _refuse_unusable(base_url: str, api_key: str) -> None:
    try:
        url = httpx.URL(base_url)
        usable = url.scheme in ("http", "https") and _HOST.match(url.host) is not None
    except httpx.InvalidURL:
        usable = False
    if not usable:
        raise TaskAppError(
            f"the task app's URL {base_url!r} is none: give it as http://host:port", retryable=False
        )
    if not (api_key.isascii() and api_key.isprintable()):
        raise TaskAppError(
            "the task app's API key holds characters that no HTTP header can carry: correct "
            "ENVIRONMENT_API_KEY, here and at the task app",
            retryable=False,
        )

"""The task app client with more calls at once than HTTP libraries allow by default."""

import asyncio
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ray_promptopt.taskapp.client import TaskAppClient

NUM_CALLS = 130


async def test_calls_beyond_a_hundred_at_once_are_all_under_way_together_with_the_key() -> None:
    all_here = asyncio.Barrier(NUM_CALLS)

    async def info(request: Request) -> Response:
        assert request.headers["x-api-key"] == "key"
        await all_here.wait()
        return JSONResponse({"service": "counts"})

    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    app = Starlette(routes=[Route("/info", info)])
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    client = TaskAppClient(f"http://127.0.0.1:{listener.getsockname()[1]}", "key", timeout_s=20.0)
    try:
        answers = await asyncio.gather(*(client.info() for _ in range(NUM_CALLS)))
    finally:
        await client.aclose()
        server.should_exit = True
        await serving
    assert answers == [{"service": "counts"}] * NUM_CALLS

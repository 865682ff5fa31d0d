import httpx
import pytest

from ray_promptopt.cluster.program import read_program
from tests.fakes.scripted_http import ScriptedHttp


@pytest.mark.parametrize(
    ("response", "program"),
    [
        (httpx.Response(200, json={"program_code": "def f(): ...\n"}), "def f(): ..."),
        (httpx.Response(200, json={"program_code": None}), ""),
        (httpx.Response(404), ""),
        (httpx.Response(500, text="boom"), ""),
        (httpx.Response(200, text="no JSON"), ""),
    ],
)
async def test_program_is_the_apps_source_and_empty_when_it_gives_none(
    response: httpx.Response, program: str
) -> None:
    http = ScriptedHttp(lambda request: response)
    assert await read_program("http://app", "key", http) == program

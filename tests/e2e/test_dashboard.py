"""The Grafana dashboard: every metric that it asks for is one that a run and the gateway export;
and what the same run, with a response cache and a fallback, leaves in its stored traces."""

import itertools
import json
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ray_promptopt.core.usage import NO_SPEND
from ray_promptopt.llm.embedded.completion import complete
from ray_promptopt.store.events import RolloutFinished
from tests.e2e.clusters import PROJECT, Cluster, free_port, ray_head
from tests.e2e.processes import finish, start_command
from tests.e2e.small_run import Journal, write_config
from tests.e2e.test_custody import serving_in_a_thread
from tests.e2e.test_existing_cluster import intents, request_body

pytestmark = pytest.mark.ray

DASHBOARD = PROJECT / "docs" / "grafana" / "ray_promptopt.json"
METRIC = re.compile(r"ray_promptopt_\w+")
UNUSUAL = {
    5: (503, "busy"),
    9: (429, "insufficient_quota"),
    14: (400, "a_code_of_its_own"),
}
"""What the model server answers now and then: a retry, a stand-in and a failed attempt follow."""
SOURCES = {
    (None, "local"),
    ("openai_compatible/local (insufficient_quota)", "embedded/reader-nano"),
}
"""`fallback_from` and `model` of every answer that counts."""


class LocalModel:
    """An openai_compatible server, so that its calls have no known price."""

    def __init__(self) -> None:
        self._number = itertools.count()
        self.app = Starlette(routes=[Route("/v1/chat/completions", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        body = await request.json()
        status, code = UNUSUAL.get(next(self._number) % 20, (200, ""))
        if body.get("stream"):
            status, code = UNUSUAL[9]
        if status != 200:
            return JSONResponse({"error": {"message": "no", "code": code}}, status)
        answer = complete({**body, "model": "embedded/reader-nano"})
        return JSONResponse({**answer, "model": "local"})


def config(folder: Path, port: int) -> Path:
    """A run that has everything a dashboard can show."""
    path = write_config(folder, gateway="response_cache = true", latency_s=0.05)
    own = f"""provider = "openai_compatible"
model = "local"
base_url = "http://127.0.0.1:{port}/v1"
fallbacks = [{{ provider = "embedded", model = "embedded/reader-nano" }}]
"""
    text = path.read_text()
    path.write_text(text.replace('provider = "embedded"\nmodel = "embedded/reader-nano"\n', own, 1))
    return path


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def asked_for() -> set[str]:
    return set(METRIC.findall(DASHBOARD.read_text()))


def exported(cluster: Cluster) -> set[str]:
    try:
        text = httpx.get(cluster.metrics_url, timeout=10.0).text
    except httpx.HTTPError:
        return set()
    return {found[0] for line in text.splitlines() if (found := METRIC.match(line))}


class Ran(NamedTuple):
    """One run of `config`, and the metrics that were seen meanwhile and right after."""

    journal: Journal
    seen: set[str]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder, port, seen = tmp_path_factory.mktemp("ran"), free_port(), set[str]()
    with ray_head() as cluster, serving_in_a_thread(LocalModel().app, port):
        run = start_command(
            *("run", str(config(folder, port)), "--address", cluster.address),
            *("--results", str(folder)),
            cwd=folder,
            environ=cluster.environ,
        )
        while run.poll() is None:
            seen |= exported(cluster)
            time.sleep(0.3)
        ended = finish(run)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        found = re.search(r"run (pl_\w+)\s+\(gateway (http://[\d.:]+)\)", ended.stdout)
        assert found
        url = f"{found[2]}/v1/{found[1]}/chat/completions"
        task = intents()
        body = {**request_body(task, task.splits["test"][0]), "stream": True}
        deadline_s = time.monotonic() + 30.0
        while asked_for() - seen and time.monotonic() < deadline_s:
            httpx.post(url, json=body, timeout=30.0)
            seen |= exported(cluster)
            time.sleep(0.3)
    return Ran(Journal(folder), seen)


def test_every_metric_that_the_dashboard_asks_for_is_exported(ran: Ran) -> None:
    assert asked_for() - ran.seen == set()


def test_where_each_answer_came_from_is_read_back_from_the_stored_traces(ran: Ran) -> None:
    total = NO_SPEND
    for event in ran.journal.events():
        if not isinstance(event, RolloutFinished):
            continue
        exchanges = ran.journal.exchanges(event.outcome.work_id)
        spend = event.outcome.spend
        assert sum(exchange.cached for exchange in exchanges) == spend.cached_calls
        stood_in = [exchange.fallback_from is not None for exchange in exchanges]
        assert sum(stood_in) == spend.fallback_calls
        assert {(exchange.fallback_from, exchange.model) for exchange in exchanges} <= SOURCES
        total += spend
    assert total.cached_calls > 0
    assert total.fallback_calls > 0


def test_the_dashboard_is_one_that_grafana_can_place_and_fill() -> None:
    board = json.loads(DASHBOARD.read_text())
    variables = {variable["name"] for variable in board["templating"]["list"]}
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = set(
            itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"]))
        )
        assert at["x"] + at["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells
    for panel in panels():
        assert panel["description"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        for target in panel["targets"]:
            used = set(re.findall(r"\$\{?(\w+)\}?", target["expr"] + panel["datasource"]["uid"]))
            assert used <= variables
            assert METRIC.search(target["expr"])
            assert target["expr"].count("(") == target["expr"].count(")")

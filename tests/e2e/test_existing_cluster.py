"""The ways to run on a cluster that somebody else keeps: join it, submit to it, serve from it."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ray_promptopt.llm.embedded.completion import complete
from ray_promptopt.tasks.classifier import ClassifierTask, Row
from ray_promptopt.tasks.intents.app import INSTRUCTION, load_splits
from tests.e2e.clusters import PROJECT, SMALL, Cluster, free_port, ray_head
from tests.e2e.processes import run_command, start_command, wait_for

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ray_head() as head:
        yield head


def intents() -> ClassifierTask:
    splits = load_splits()
    labels = sorted({row.label for row in splits["train"]})
    return ClassifierTask(
        "intents", "", "", INSTRUCTION, "intents_classify", splits, "train", labels
    )


def request_body(task: ClassifierTask, row: Row) -> dict[str, Any]:
    """What the application sends, with the prompt it always had."""
    return {
        "model": "embedded/reader-nano",
        "messages": task.messages(row.text),
        "tools": [task.tool()],
        "tool_choice": "required",
        "temperature": 0.0,
    }


def with_prompt(body: dict[str, Any], prompt: str) -> dict[str, Any]:
    system, *rest = body["messages"]
    return {**body, "messages": [{**system, "content": prompt}, *rest]}


def answer(reply: dict[str, Any]) -> str:
    arguments: str = reply["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    return arguments


def best_prompt(folder: Path) -> str:
    (prompt,) = json.loads((folder / "best_prompt.json").read_text()).values()
    return str(prompt)


def assert_serves(gateway_url: str, run_id: str, prompt: str) -> None:
    """The gateway answers as the model does with this prompt, and not as with the baseline."""
    task = intents()
    bodies = [request_body(task, row) for row in task.splits["test"][:24]]
    url = f"{gateway_url}/v1/{run_id}/chat/completions"
    served = [answer(httpx.post(url, json=body, timeout=60.0).json()) for body in bodies]
    assert served == [answer(complete(with_prompt(body, prompt))) for body in bodies]
    assert served != [answer(complete(body)) for body in bodies]


def gateway_of(output: str) -> tuple[str, str]:
    """The run's id and its gateway, as the command prints them."""
    found = re.search(r"run (pl_\w+)\s+\(gateway (http://[\d.:]+)\)", output)
    assert found, output
    return found[1], found[2]


def trial_ids(request_log: Path) -> set[str]:
    return set(re.findall(r"trial-[0-9a-f]{32}", request_log.read_text()))


def status_of_trial(gateway_url: str, trial_id: str) -> int:
    task = intents()
    url = f"{gateway_url}/v1/{trial_id}/chat/completions"
    body = request_body(task, task.splits["test"][0])
    return httpx.post(url, json=body, timeout=60.0).status_code


def actors(cluster: Cluster) -> dict[str, str]:
    """Name → state, of the actors that the dashboard lists as not dead."""
    headers = {"Authorization": f"Bearer {cluster.environ['RAY_AUTH_TOKEN']}"}
    url = f"{cluster.dashboard_url}/api/v0/actors?limit=1000"
    listed = httpx.get(url, headers=headers, timeout=30.0).json()["data"]["result"]["result"]
    return {actor["name"]: actor["state"] for actor in listed if actor["state"] != "DEAD"}


def end_serve(cluster: Cluster) -> None:
    assert cluster.ray("serve", "shutdown", "-y").returncode == 0
    wait_for(
        lambda: not [name for name in actors(cluster) if name.startswith("SERVE_")],
        what="the end of Serve",
    )


def test_a_run_joins_the_cluster_and_its_gateway_goes_on_serving_the_best_prompt(
    cluster: Cluster, tmp_path: Path
) -> None:
    log = tmp_path / "requests.jsonl"
    ran = run_command(
        *("run", str(SMALL), "--address", cluster.address, "--results", str(tmp_path)),
        cwd=tmp_path,
        environ={**cluster.environ, "TASK_APP_REQUEST_LOG": str(log)},
    )
    assert ran.returncode == 0, ran.stderr
    run_id, gateway_url = gateway_of(ran.stdout)

    assert_serves(gateway_url, run_id, best_prompt(tmp_path / run_id))
    assert [name for name in actors(cluster) if run_id in name] == []
    revoked = next(iter(trial_ids(log)))
    wait_for(lambda: status_of_trial(gateway_url, revoked) == 404, what="a revoked trial's 404")


def test_two_runs_at_the_same_time_share_one_gateway(cluster: Cluster, tmp_path: Path) -> None:
    end_serve(cluster)
    commands = [
        start_command(
            *("run", str(SMALL), "--address", cluster.address, "--results", str(tmp_path / name)),
            cwd=tmp_path,
            environ=cluster.environ,
        )
        for name in ("one", "two")
    ]
    outputs = [command.communicate(timeout=200) for command in commands]
    assert [command.returncode for command in commands] == [0, 0], outputs
    (first, gateway_url), (second, other_url) = (gateway_of(out) for out, _ in outputs)
    assert gateway_url == other_url
    assert_serves(gateway_url, first, best_prompt(tmp_path / "one" / first))
    assert_serves(gateway_url, second, best_prompt(tmp_path / "two" / second))


def test_a_submitted_job_is_small_tells_its_progress_and_leaves_its_results(
    cluster: Cluster,
) -> None:
    config = str(SMALL.relative_to(PROJECT))
    job = cluster.ray(
        *("ray", "job", "submit", "--working-dir", ".", "--", "ray-promptopt", "run", config)
    )
    assert job.returncode == 0, job.stdout + job.stderr
    assert "succeeded" in job.stdout
    assert "searching · rollouts" in job.stdout
    run_id, gateway_url = gateway_of(job.stdout)
    folder = cluster.home / "ray_promptopt" / "runs" / run_id
    assert (folder / "report.html").exists()
    assert_serves(gateway_url, run_id, best_prompt(folder))
    packages = list((cluster.home / "ray").rglob("_ray_pkg_*.zip"))
    uploaded = list((cluster.home / "ray").rglob("_ray_pkg_*/ray_promptopt"))
    assert uploaded
    kept_out = {".venv", ".git", "runs", ".mypy_cache"}
    assert not kept_out & {entry.name for entry in uploaded[0].parent.iterdir()}
    assert sum(package.stat().st_size for package in packages) < 5_000_000


def test_a_deployed_gateway_is_used_by_runs_and_left_alone_by_the_gateway_command(
    cluster: Cluster, tmp_path: Path
) -> None:
    end_serve(cluster)
    port = free_port()
    described = (PROJECT / "serve" / "gateway.yaml").read_text()
    assert "host: 127.0.0.1" in described
    yaml = tmp_path / "gateway.yaml"
    yaml.write_text(described.replace("8765", str(port)))
    deployed = cluster.ray("serve", "deploy", str(yaml))
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr

    ran = run_command(
        *("run", str(SMALL), "--address", cluster.address, "--results", str(tmp_path)),
        cwd=tmp_path,
        environ=cluster.environ,
    )
    assert ran.returncode == 0, ran.stderr
    run_id, gateway_url = gateway_of(ran.stdout)
    assert gateway_url == f"http://127.0.0.1:{port}"

    serving = start_command(
        *("gateway", "--port", str(port), "--address", cluster.address, "--results", str(tmp_path)),
        cwd=tmp_path,
        environ=cluster.environ,
    )
    assert serving.stdout is not None
    assert gateway_url in serving.stdout.readline()
    serving.send_signal(signal.SIGINT)
    serving.communicate(timeout=60)
    assert_serves(gateway_url, run_id, best_prompt(tmp_path / run_id))
    assert "RUNNING" in cluster.ray("serve", "status").stdout

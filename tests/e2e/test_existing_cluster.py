"""The ways to run on a cluster that somebody else keeps: join it, submit to it, serve from it."""

import json
import re
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from ray_promptopt.core.work import Purpose
from ray_promptopt.llm.embedded.completion import complete
from ray_promptopt.store.run_view import RunStatus
from ray_promptopt.tasks.classifier import ClassifierTask, Row
from ray_promptopt.tasks.intents.app import INSTRUCTION, load_splits
from tests.e2e.clusters import PROJECT, SMALL, Cluster, free_port, listed, ray_head
from tests.e2e.processes import (
    finish,
    run_command,
    start_command,
    wait_for,
    wait_while_running,
)
from tests.e2e.small_run import Journal, write_config

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
    return {
        actor["name"]: actor["state"]
        for actor in listed(cluster, "actors")
        if actor["state"] != "DEAD"
    }


def end_serve(cluster: Cluster) -> None:
    assert cluster.ray("serve", "shutdown", "-y").returncode == 0
    wait_for(
        lambda: not [name for name in actors(cluster) if name.startswith("SERVE_")],
        what="the end of Serve",
    )


def has_metric(cluster: Cluster, name: str, run_id: str) -> bool:
    """Whether the page that Prometheus scrapes has a value of this run that is not 0."""
    page = httpx.get(cluster.metrics_url, timeout=30.0).text
    lines = [line for line in page.splitlines() if line.startswith(f"ray_{name}")]
    return any(f'run_id="{run_id}"' in line and float(line.split()[-1]) > 0 for line in lines)


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


def test_a_driver_killed_on_a_cluster_leaves_nothing_behind_and_its_run_can_be_resumed(
    cluster: Cluster, tmp_path: Path
) -> None:
    log = tmp_path / "requests.jsonl"
    config = write_config(tmp_path, latency_s=0.5)
    driver = start_command(
        *("run", str(config), "--address", cluster.address, "--results", "runs"),
        cwd=tmp_path,
        environ={**cluster.environ, "TASK_APP_REQUEST_LOG": str(log)},
    )
    journal = Journal(tmp_path / "runs")
    wait_while_running(driver, lambda: journal.num_rollouts(Purpose.INITIAL_VALIDATION) == 12)
    run_id = journal.run_id
    roles = ("run", "gepa-population", "rollout-worker:0", "task-app:intents")
    expected = {f"{role}:{run_id}" for role in roles} | {"gateway-state", "embedded-models"}
    assert expected <= {re.sub(r":[0-9a-f]{8}$", "", name) for name in actors(cluster)}
    for name in ("promptopt_rollouts", "promptopt_in_flight", "promptopt_best_score"):
        wait_while_running(driver, partial(has_metric, cluster, name, run_id))
    driver.kill()
    finish(driver)

    wait_for(
        lambda: not [name for name in actors(cluster) if run_id in name], what="the actors' end"
    )
    assert "HEALTHY" in cluster.ray("serve", "status").stdout
    resumed = run_command(
        *("resume", run_id, "--address", cluster.address, "--results", "runs"),
        cwd=tmp_path,
        environ=cluster.environ,
    )
    assert resumed.returncode == 0, resumed.stderr
    _, gateway_url = gateway_of(resumed.stdout)
    lost = next(iter(trial_ids(log)))
    wait_for(lambda: status_of_trial(gateway_url, lost) == 404, what="a lost trial's 404")


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


def test_a_job_with_an_unusable_config_fails_and_says_why(cluster: Cluster) -> None:
    job = cluster.ray(
        *("ray", "job", "submit", "--working-dir", "tests/e2e", "--"),
        *("ray-promptopt", "run", "no_such_config.toml"),
    )
    assert job.returncode != 0
    assert "no_such_config.toml" in job.stdout
    assert "Traceback" not in job.stdout
    assert "failed" in job.stdout + job.stderr


def test_a_stopped_job_ends_cleanly_and_its_run_can_be_resumed(
    cluster: Cluster, tmp_path: Path
) -> None:
    config = write_config(tmp_path, latency_s=0.5)
    results = cluster.home / "ray_promptopt" / "stopped"
    submitted = cluster.ray(
        *("ray", "job", "submit", "--no-wait", "--submission-id", "stopped", "--working-dir"),
        *(str(tmp_path), "--", "ray-promptopt", "run", config.name, "--results", str(results)),
    )
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr
    journal = Journal(results)
    wait_for(lambda: journal.num_rollouts() > 12, what="rollouts of the job", timeout_s=120.0)
    stopped = cluster.ray("ray", "job", "stop", "stopped")
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    wait_for(lambda: journal.view().status is RunStatus.INTERRUPTED, what="the run's clean end")
    assert journal.view().reason == "stopped by SIGTERM"
    resumed = run_command(
        *("resume", "latest", "--address", cluster.address, "--results", str(results)),
        cwd=tmp_path,
        environ=cluster.environ,
    )
    assert resumed.returncode == 0, resumed.stderr
    journal.assert_counted_once_and_in_order()


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


def test_a_gateway_port_other_than_the_clusters_is_refused_with_the_remedy(
    cluster: Cluster, tmp_path: Path
) -> None:
    refused = run_command(
        *("gateway", "--port", "1", "--address", cluster.address, "--results", str(tmp_path)),
        cwd=tmp_path,
        environ=cluster.environ,
    )
    assert refused.returncode == 1
    assert "gateway.port = 1" in refused.stderr
    assert "serve shutdown" in refused.stderr


def test_a_cluster_that_wants_a_token_is_named_as_such_without_one(
    cluster: Cluster, tmp_path: Path
) -> None:
    without = {**cluster.environ, "RAY_AUTH_TOKEN": "", "RAY_AUTH_MODE": "disabled"}
    refused = run_command(
        *("run", str(SMALL), "--address", cluster.address, "--results", str(tmp_path)),
        cwd=tmp_path,
        environ=without,
    )
    assert refused.returncode == 1
    assert "RAY_AUTH_MODE=token" in refused.stderr


_RENAME_RAY = """
import json, sys
from ray._raylet import GcsClient
client = GcsClient(address=sys.argv[1])
key, namespace = b"CLUSTER_METADATA", b"cluster"
described = json.loads(client.internal_kv_get(key, namespace))
print(described["ray_version"])
described["ray_version"] = sys.argv[2]
client.internal_kv_put(key, json.dumps(described).encode(), True, namespace)
"""


def test_a_cluster_of_another_ray_version_is_named_with_both_versions(
    cluster: Cluster, tmp_path: Path
) -> None:
    def rename_ray(version: str) -> str:
        renamed = cluster.ray(sys.executable, "-c", _RENAME_RAY, cluster.address, version)
        assert renamed.returncode == 0, renamed.stderr
        return renamed.stdout.strip()

    real = rename_ray("1.2.3")
    try:
        refused = run_command(
            *("run", str(SMALL), "--address", cluster.address, "--results", str(tmp_path)),
            cwd=tmp_path,
            environ=cluster.environ,
        )
    finally:
        assert rename_ray(real) == "1.2.3"
    assert refused.returncode == 1
    assert "Ray: 1.2.3" in refused.stderr
    assert f"Ray: {real}" in refused.stderr
    assert "ray job submit" in refused.stderr

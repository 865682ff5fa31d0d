"""The section of `docs/benchmarks.md` that the load's results give."""

import json
from pathlib import Path
from typing import Any

from benchmarks.load.cpu import DRIVER, HAPROXY, RAY_SYSTEM

_KINDS = {
    "RunHost": "coordinator",
    "GepaPopulation": "population",
    "RolloutWorker": "rollout workers",
    "GatewayStateHost": "gateway state",
    "ServeReplica": "gateway replica",
    "ProxyActor": "Serve's own proxy",
    HAPROXY: HAPROXY,
    DRIVER: "command",
    RAY_SYSTEM: "Ray's own processes",
}
OTHERS = "other parts of Serve and Ray"


def section(path: Path) -> str:
    """Two tables: pace, and where the CPU goes."""
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {value}" for name, value in entries[0]["versions"].items())
    return "\n\n".join([_pace(entries), _cpu(entries), f"Versions: {versions}."])


def _pace(entries: list[dict[str, Any]]) -> str:
    head = (
        "| load | in flight | nodes | latency s | rollouts | reflections | seconds | bound | "
        "rollouts/s | slots busy | start-up s | load average |\n|---|" + "---:|" * 11
    )
    rows = [
        f"| {e['load']['name']} | {e['load']['max_concurrent']} | {e['load']['num_nodes']} | "
        f"{e['load']['policy_median_s']:g} | {e['rollouts']} | {e['proposals']} | "
        f"{e['wall_s']:.1f} | {e['bound_s']:.1f} | {e['rollouts_per_s']:.1f} | "
        f"{e['utilisation']:.0%} | {e['start_up_s']:.0f} | {e['load_average']:.1f} |"
        for e in entries
    ]
    return "\n".join([head, *rows])


def _cpu(entries: list[dict[str, Any]]) -> str:
    """Milliseconds of CPU per rollout by process."""
    names = [*_KINDS.values(), OTHERS]
    head = f"| CPU ms per rollout | all | {' | '.join(names)} |\n|---|" + "---:|" * (len(names) + 1)
    rows = []
    for entry in entries:
        by_name = dict.fromkeys(names, 0.0)
        for kind, spent_ms in entry["cpu_ms"].items():
            by_name[_KINDS.get(kind, OTHERS)] += spent_ms
        cells = " | ".join(f"{spent_ms:.2f}" for spent_ms in by_name.values())
        rows.append(f"| {entry['load']['name']} | {sum(by_name.values()):.1f} | {cells} |")
    return "\n".join([head, *rows])

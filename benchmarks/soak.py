"""The gateway on Ray Serve under half an hour of load: `python -m benchmarks.soak`.

Whole and streamed calls in rollouts, with refusals, streams that break off and callers that hang
up; candidates and runs come and go. Asked: does any process grow, and does the ledger know of
every call that the model server has counted?
"""

import json
import os
import platform
import urllib.request
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import click

from benchmarks.serving.environ import HAPROXY, NO_HAPROXY
from benchmarks.serving.memory import MemoryLog
from benchmarks.serving.processes import app_process
from benchmarks.serving.upstream import BenchUpstream

RESULTS = Path(__file__).parent / "results" / "soak.json"
_LATENCY_MS = 20
_REFUSE_ONE_IN = 97
_BREAK_ONE_IN = 53


def agrees(ledger: Mapping[str, int], counted: Mapping[str, int]) -> bool:
    """Whether the gateway's ledger has every call that the model server has counted, as it ended.

    A refused call was made again by the gateway.
    """
    return (
        ledger["calls"] == counted["calls"] - counted["refused"]
        and ledger["answered"] == counted["whole"] + counted["streams"]
        and ledger["calls"] - ledger["answered"] == counted["broken"]
    )


@click.command()
@click.option("--minutes", default=30.0, show_default=True, help="How long.")
@click.option("--rollouts-per-s", default=15.0, show_default=True, help="Of three calls each.")
@click.option("--haproxy", is_flag=True, help="Through Ray Serve's HAProxy.")
@click.option("--out", type=click.Path(path_type=Path), default=RESULTS)
def main(minutes: float, rollouts_per_s: float, haproxy: bool, out: Path) -> None:
    """Run the load, print what grew, write the samples."""
    # Serve reads them when it is imported.
    os.environ.update(HAPROXY if haproxy else NO_HAPROXY)
    from benchmarks.serving.soaking import soak

    memory = MemoryLog()
    with app_process(BenchUpstream, _REFUSE_ONE_IN, _BREAK_ONE_IN) as upstream:
        model_url = f"{upstream.url}/{_LATENCY_MS}/v1"
        ledger = soak(model_url, memory, rollouts_per_s, minutes * 60)
        with urllib.request.urlopen(f"{upstream.url}/count") as answer:
            counted = Counter(json.load(answer))
    result = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "versions": {name: version(name) for name in ("ray-promptopt", "ray", "aiohttp")},
        "haproxy": haproxy,
        "minutes": minutes,
        "rollouts_per_s": rollouts_per_s,
        "ledger": dict(sorted(ledger.items())),
        "upstream": dict(sorted(counted.items())),
        "ledger_agrees": agrees(ledger, counted),
        "growth": {
            kind: growth._asdict() | {"flat": growth.flat}
            for kind, growth in memory.growth().items()
        },
        "samples": memory.samples,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result) + "\n", encoding="utf-8")
    for part in ("growth", "ledger", "upstream", "ledger_agrees"):
        click.echo(f"{part}: {json.dumps(result[part], indent=1)}")


if __name__ == "__main__":
    main()

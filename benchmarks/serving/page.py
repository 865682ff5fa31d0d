"""The gateway's sections of the page: what a call costs by each way, and half an hour of load."""

import json
from pathlib import Path
from typing import Any

_OURS = "gateway, "
_TARGETS = (
    "Targets: at 32 connections at least 1,000 calls/s, 10 times LiteLLM's proxy and a quarter of "
    "the passthrough; at one connection at most 2 ms added at the median and 3 ms to the first "
    "byte of a stream; at 16 connections at most 10 ms at the 99th percentile."
)


def section(results: Path) -> str:
    """Of `gateway.json`: a table per mode and latency, and what became of the targets."""
    record = json.loads(results.read_text(encoding="utf-8"))
    cells = [cell for way in record["ways"] for cell in way["cells"]]
    parts = [_TARGETS, _verdicts(cells)]
    for latency_ms in sorted({cell["latency_ms"] for cell in cells}):
        for mode in ("whole", "stream"):
            chosen = [c for c in cells if (c["mode"], c["latency_ms"]) == (mode, latency_ms)]
            parts += [f"#### {mode}, answered after {latency_ms} ms", _table(chosen)]
    loads = [way["load_average_before"] for way in record["ways"]]
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    parts.append(
        f"{record['cores']} cores, load average before a way {min(loads)} to {max(loads)}. "
        f"Versions: python {record['python']}, {versions}."
    )
    return "\n\n".join(parts)


def _table(cells: list[dict[str, Any]]) -> str:
    direct = {c["connections"]: c for c in cells if c["way"] == "direct"}
    head = (
        "| way | connections | calls/s | median added ms | p99 added ms | first byte added ms | "
        "CPU ms per call | pieces |\n|---|" + "---:|" * 7
    )
    rows = []
    for cell in cells:
        base = direct[cell["connections"]]
        added = [cell[name] - base[name] for name in ("median_ms", "p99_ms", "first_byte_ms")]
        cpu = "-" if cell["cpu_ms"] is None else f"{cell['cpu_ms']:.2f}"
        told = " | ".join("-" if cell is base else f"{value:.1f}" for value in added)
        rows.append(
            f"| {cell['way']} | {cell['connections']} | {cell['calls_per_s']:,.0f} | {told} | "
            f"{cpu} | {cell['pieces']:.0f} |"
        )
    return "\n".join([head, *rows])


def _verdicts(cells: list[dict[str, Any]]) -> str:
    """One row per way of the gateway's: the figures that the targets name."""
    found = {(c["way"], c["mode"], c["latency_ms"], c["connections"]): c for c in cells}

    def get(way: str, mode: str, connections: int, name: str) -> float:
        return float(found[way, mode, 0, connections][name])

    head = (
        "| way | calls/s at 32 | times LiteLLM | of the passthrough | median added at 1 | "
        "first byte added at 1, stream | p99 added at 16 |\n|---|" + "---:|" * 6
    )
    rows = []
    ways = dict.fromkeys(cell["way"] for cell in cells)
    for way in (way for way in ways if way.startswith(_OURS)):
        pace = get(way, "whole", 32, "calls_per_s")
        others = [
            f"{pace / get(other, 'whole', 32, 'calls_per_s'):.{digits}f}" if other in ways else "-"
            for other, digits in (("LiteLLM proxy", 1), ("passthrough", 2))
        ]
        added = [
            get(way, mode, connections, name) - get("direct", mode, connections, name)
            for mode, connections, name in (
                ("whole", 1, "median_ms"), ("stream", 1, "first_byte_ms"), ("whole", 16, "p99_ms"),
            )
        ]  # fmt: skip
        told = " | ".join(f"{value:.1f} ms" for value in added)
        rows.append(f"| {way} | {pace:,.0f} | {others[0]} | {others[1]} | {told} |")
    return "\n".join([head, *rows])


def soak_section(results: Path) -> str:
    """Of `soak.json`: what grew, and whether the ledger agrees."""
    record = json.loads(results.read_text(encoding="utf-8"))
    ledger, upstream = record["ledger"], record["upstream"]
    head = "| process | MB at the end | MB per hour (95 %) | |\n|---|---:|---:|---|"
    rows = [
        f"| {kind} | {grown['size_mb']:.0f} | {grown['mb_per_hour']:+.1f} "
        f"({grown['low']:+.1f} to {grown['high']:+.1f}) | {'flat' if grown['flat'] else 'grows'} |"
        for kind, grown in record["growth"].items()
    ]
    agrees = "every one" if record["ledger_agrees"] else "NOT every one"
    way = "with" if record["haproxy"] else "without"
    told = (
        f"{record['minutes']:g} minutes at {record['rollouts_per_s']:g} rollouts of three calls a "
        f"second, {way} HAProxy: the model server counted {upstream['calls']:,} calls "
        f"({upstream['whole']:,} whole, {upstream['streams']:,} streamed, {upstream['broken']:,} "
        f"broken off, {upstream['refused']:,} refused and made again), "
        f"{ledger['callers that hung up']:,} callers hung up. The ledger has {agrees} of them as "
        "it ended. Growth is measured after the first third of the time."
    )
    return "\n\n".join([told, "\n".join([head, *rows])])

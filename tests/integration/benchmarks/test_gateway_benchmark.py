"""The gateway's benchmark runs, fills every cell, and the page reads them. Not figures."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.serving.page import section


def test_every_cell_of_the_ways_without_ray_is_measured_and_told(tmp_path: Path) -> None:
    output = tmp_path / "gateway.json"
    ways = ("direct", "passthrough", "gateway, uvicorn alone")
    chosen = [word for way in ways for word in ("--way", way)]
    command = ["-m", "benchmarks.gateway", *chosen, "--seconds", "0.02", "--out", str(output)]
    subprocess.run([sys.executable, *command], check=True, capture_output=True, timeout=200)
    measured = json.loads(output.read_text("utf-8"))["ways"]
    cells = [cell for way in measured for cell in way["cells"]]
    assert {(c["way"], c["mode"], c["latency_ms"], c["connections"]) for c in cells} == {
        (way, mode, latency_ms, connections)
        for way in ways
        for mode in ("whole", "stream")
        for latency_ms in (0, 20)
        for connections in (1, 16, 32, 64)
    }
    assert all(cell["calls"] >= cell["connections"] for cell in cells)
    assert all((cell["cpu_ms"] is None) == (cell["way"] == "direct") for cell in cells)
    page = section(output)
    assert page.count("| gateway, uvicorn alone |") == 1 + 2 * 2 * 4

"""The gateway's benchmark runs and fills every cell. Not figures."""

import json
import subprocess
import sys
from pathlib import Path


def test_every_cell_is_measured_directly_and_through_the_gateway(tmp_path: Path) -> None:
    output = tmp_path / "gateway.json"
    command = ["-m", "benchmarks.gateway", "--seconds", "0.2", "--output", str(output)]
    subprocess.run([sys.executable, *command], check=True, capture_output=True, timeout=120)
    cells = json.loads(output.read_text("utf-8"))["cells"]
    assert {(cell["way"], cell["mode"], cell["connections"]) for cell in cells} == {
        (way, mode, connections)
        for way in ("direct", "gateway")
        for mode in ("whole", "stream")
        for connections in (1, 16, 64)
    }
    assert all(cell["calls"] >= cell["connections"] for cell in cells)
    assert all((cell["cpu_ms"] is None) == (cell["way"] == "direct") for cell in cells)

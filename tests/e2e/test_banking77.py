"""Banking77 from a folder of CSV files, through the real command."""

import json
import os
from pathlib import Path

import pytest

from tests.e2e.clusters import PROJECT
from tests.e2e.processes import run_command

pytestmark = pytest.mark.ray
CONFIG = PROJECT / "configs" / "banking77_gepa.toml"
SMALLER = (
    ("budget = 1200", "budget = 600"),
    ("end = 10003, step = 90", "end = 10003, step = 180"),
    ("end = 1540, step = 3", "end = 1540, step = 6"),
)


@pytest.fixture
def data() -> Path:
    named = os.environ.get("BANKING77_DIR")
    places = [Path(named)] if named else []
    places.append(PROJECT.parent / "shared" / "data" / "banking77")
    for place in places:
        if (place / "train.csv").exists():
            return place
    pytest.skip(f"Banking77 is not here: looked in {', '.join(map(str, places))}")


def test_the_shipped_config_with_half_its_budget_finds_a_better_prompt_that_holds_on_other_rows(
    data: Path, tmp_path: Path
) -> None:
    config = CONFIG.read_text()
    for shipped, smaller in SMALLER:
        assert shipped in config
        config = config.replace(shipped, smaller)
    (tmp_path / "smaller.toml").write_text(config)
    ran = run_command(
        *("run", "smaller.toml", "--json", "--address", "local"),
        cwd=tmp_path,
        environ={"BANKING77_DIR": str(data)},
    )
    assert ran.returncode == 0, ran.stderr
    outcome = json.loads(ran.stdout)
    assert outcome["rollouts"] <= outcome["rollout_budget"] == 600
    assert outcome["best_validation"] > outcome["baseline_validation"]
    held_out = outcome["held_out"]
    assert held_out["seeds"] == 257
    assert held_out["interval_95"][1] > 0  # so few rows cannot always tell a gain from none


def test_a_run_without_the_data_says_where_it_can_come_from(tmp_path: Path) -> None:
    ran = run_command(
        *("run", str(CONFIG), "--address", "local"),
        cwd=tmp_path,
        environ={"BANKING77_DIR": str(tmp_path / "nowhere")},
    )
    assert ran.returncode == 1
    assert "train.csv cannot be read" in ran.stderr
    assert "BANKING77_DIR" in ran.stderr

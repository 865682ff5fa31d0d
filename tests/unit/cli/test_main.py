import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ray_promptopt.cli.main import cli

COMMANDS = ("demo", "validate", "check-task-app", "run", "resume", "evaluate", "pause",
            "continue", "stop", "results", "explain-intercept", "gateway", "embedded-models",
            "task-app")  # fmt: skip


def test_help_then_names_every_command_with_what_it_does() -> None:
    shown = CliRunner().invoke(cli, ["--help"], terminal_width=80).output
    listed = [line.split() for line in shown.partition("Commands:")[2].splitlines() if line]
    assert [words[0] for words in listed] == [*COMMANDS]
    assert all(len(words) > 2 for words in listed)
    assert "..." not in shown.partition("Commands:")[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_then_says_what_every_option_is_for(command: str) -> None:
    found = cli.get_command(None, command)  # type: ignore[arg-type]
    assert found is not None
    for parameter in found.params:
        assert parameter.param_type_name == "argument" or getattr(parameter, "help", None), (
            f"{command} {parameter.opts}"
        )


def test_command_when_misspelled_then_is_refused() -> None:
    done = CliRunner().invoke(cli, ["optimise"])
    assert done.exit_code == 2
    assert "No such command 'optimise'" in done.output


def test_validate_then_loads_nothing_that_only_runs_need(tmp_path: Path) -> None:
    code = (
        "import sys; from ray_promptopt.cli.main import cli\n"
        "try: cli(['validate', 'absent.toml'])\n"
        "except Exception: pass\n"
        "print(sorted({'ray', 'fastapi', 'sqlalchemy', 'numpy', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.strip() == "[]"

"""The code in docs/task-apps.md is what it says: the checker finds nothing wrong with it."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.e2e.clusters import PROJECT, free_port
from tests.e2e.processes import run_command, wait_for

KEY = {"ENVIRONMENT_API_KEY": "of-the-guide"}


@pytest.fixture(scope="module")
def programs() -> list[str]:
    text = (PROJECT / "docs" / "task-apps.md").read_text()
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


def is_up(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def test_the_python_example_passes_check_task_app(programs: list[str], tmp_path: Path) -> None:
    (tmp_path / "task_app.py").write_text(programs[0])
    port = free_port()
    serve = f"import task_app as t; t.run_task_app(t.build_config, port={port})"
    app = subprocess.Popen([sys.executable, "-c", serve], cwd=tmp_path, env={**os.environ, **KEY})
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: is_up(url), what="the example's first answer")
        checked = run_command("check-task-app", url, cwd=tmp_path, environ=KEY)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "FAIL" not in checked.stdout
    finally:
        app.kill()
        app.wait(timeout=30)


def test_the_modal_entrypoint_names_its_app_and_serves_the_task_app(programs: list[str]) -> None:
    tree = ast.parse(programs[1])
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    apps = [call for call in calls if ast.unparse(call.func) == "modal.App"]
    assert [ast.literal_eval(app.args[0]) for app in apps] == ["my-task-app"]
    served = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert "modal.asgi_app()" in [ast.unparse(deco) for deco in served[0].decorator_list]
    assert "create_task_app(build_config())" in ast.unparse(served[0])

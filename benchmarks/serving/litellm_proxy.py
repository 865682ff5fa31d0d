"""LiteLLM's proxy, in an environment of its own: its pins are not this project's."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.serving.processes import HOST, Serving, free_port

VERSION = "1.105.0"
_ENVIRONMENT = Path(__file__).parents[2] / ".venv-litellm"
_LONGEST_START_S = 120.0


def install() -> Path:
    """The proxy's command; installed the first time, which takes a minute or two."""
    command = _ENVIRONMENT / "bin" / "litellm"
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", _ENVIRONMENT], check=True)
        pip = [
            str(_ENVIRONMENT / "bin" / "pip"),
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        subprocess.run([*pip, f"litellm[proxy]=={VERSION}"], check=True)
    return command


@contextmanager
def litellm_proxy(models: Mapping[str, str]) -> Iterator[Serving]:
    """The proxy with one worker; `models` are names and the base URLs of their servers."""
    command, port = install(), free_port()
    entries = "".join(
        f"  - model_name: {name}\n    litellm_params:\n      model: openai/{name}\n"
        f"      api_base: {url}\n      api_key: any\n"
        for name, url in models.items()
    )
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(f"model_list:\n{entries}", encoding="utf-8")
        options = [
            "--config",
            str(config),
            "--host",
            HOST,
            "--port",
            str(port),
            "--num_workers",
            "1",
        ]
        environ = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            "LITELLM_MODE": "PRODUCTION",
            # Without a key it takes every request: it has less to do.
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        }
        log_path = Path(folder) / "log"
        with log_path.open("w") as log:
            process = subprocess.Popen(
                [str(command), *options], env=environ, stdout=log, stderr=log, cwd=folder
            )
        try:
            if not _comes_up(f"http://{HOST}:{port}/health/liveliness", process):
                raise RuntimeError(
                    f"LiteLLM's proxy did not come up:\n{log_path.read_text()[-800:]}"
                )
            yield Serving(f"http://{HOST}:{port}", process.pid)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _comes_up(url: str, process: subprocess.Popen[bytes]) -> bool:
    deadline_s = time.monotonic() + _LONGEST_START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1.0):
                return True
        except OSError:
            time.sleep(0.2)
    return False

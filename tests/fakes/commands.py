"""The command line, here or in a process of its own, while the test's loop goes on serving."""

import asyncio
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from ray_promptopt.cli import main

KEY = "the-task-apps-key"


class Finished(NamedTuple):
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


async def ray_promptopt(*arguments: str) -> Finished:
    """`ray-promptopt …` in a thread: quicker than a process."""
    stdout, stderr = StringIO(), StringIO()

    def run() -> int:
        try:
            main(arguments)
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    with redirect_stdout(stdout), redirect_stderr(stderr):
        code = await asyncio.to_thread(run)
    return Finished(code, stdout.getvalue(), stderr.getvalue())


async def ray_promptopt_process(*arguments: str, cwd: Path) -> Finished:
    """The same as a user starts it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ray_promptopt.cli",
        *arguments,
        cwd=cwd,
        env={**os.environ, "ENVIRONMENT_API_KEY": KEY},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    return Finished(process.returncode or 0, stdout.decode(), stderr.decode())

"""Headless Chromium: what a page's DOM is after its scripts ran, and what its console said."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_CONSOLE = re.compile(r'CONSOLE[:(]\d+\)?\] "(.*)", source')


@dataclass(frozen=True)
class Rendered:
    dom: str
    console: list[str]


def render(page: Path, profile: Path, *, width: int = 1280) -> Rendered:
    """Skips the test without Chromium, unless REQUIRE_CHROMIUM says that it must be there."""
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        if os.environ.get("REQUIRE_CHROMIUM"):
            pytest.fail("REQUIRE_CHROMIUM is set and no Chromium is installed")
        pytest.skip("Chromium is not installed")
    done = subprocess.run(
        [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            f"--user-data-dir={profile}", f"--window-size={width},1000",
            "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return Rendered(done.stdout, _CONSOLE.findall(done.stderr))

"""What Ray Serve finds in its environment when a command starts Ray."""

import os
from pathlib import Path

import pytest

from ray_promptopt.cluster.fast_path import fast_path

SWITCH = "RAY_SERVE_ENABLE_HA_PROXY"
SOCKET = "RAY_SERVE_HAPROXY_SOCKET_PATH"


def test_haproxy_is_on_while_ray_is_ours_with_its_files_in_a_folder_of_our_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    before = dict(os.environ)
    with fast_path():
        assert os.environ[SWITCH] == "1"
        folder = Path(os.environ[SOCKET]).parent
        assert folder.stat().st_mode & 0o077 == 0
        # Ray adds a node's id of 56 letters; a socket's path has 108 at the most.
        assert len(f"{folder}/{'n' * 56}/admin.sock.99999.tmp") < 100
    assert dict(os.environ) == before
    assert not folder.exists()


def test_whoever_said_no_keeps_serves_own_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "0")
    before = dict(os.environ)
    with fast_path():
        assert dict(os.environ) == before


def test_what_the_user_set_of_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    monkeypatch.setenv("RAY_SERVE_HAPROXY_METRICS_ENABLED", "1")
    with fast_path():
        assert os.environ["RAY_SERVE_HAPROXY_METRICS_ENABLED"] == "1"
    assert os.environ["RAY_SERVE_HAPROXY_METRICS_ENABLED"] == "1"

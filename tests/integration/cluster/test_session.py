from pathlib import Path

import pytest

from ray_promptopt.cluster.session import LOCAL, ray_session
from ray_promptopt.core.errors import ClusterError

pytestmark = pytest.mark.ray


def test_local_ray_when_it_does_not_come_up_then_its_reason_and_a_remedy_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_long_for_sockets = tmp_path / ("x" * 120)
    too_long_for_sockets.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(too_long_for_sockets))
    with (
        pytest.raises(ClusterError, match=r"did not come up \(OSError: .*--address"),
        ray_session(LOCAL, dashboard=False),
    ):
        pass

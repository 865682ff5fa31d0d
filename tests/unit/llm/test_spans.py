"""When spans are made at all, and that nothing is loaded or needed for them otherwise."""

import logging
import subprocess
import sys

import pytest

from ray_promptopt.llm.spans import NoSpans, call_spans

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_SERVICE_NAME": "x"},
        {**ENDPOINT, "OTEL_SDK_DISABLED": "True"},
        {**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_without_an_exporter_there_are_no_spans_and_no_warning(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(call_spans(environ), NoSpans)
    assert not caplog.records


def test_a_protocol_that_is_not_spoken_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    environ = {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    assert isinstance(call_spans(environ), NoSpans)
    (record,) = caplog.records
    assert "grpc" in record.message
    assert "http/protobuf" in record.message


_WITHOUT = """
import logging, sys
sys.modules["opentelemetry.exporter"] = None  # what an import finds where it is not installed
from ray_promptopt.gateway.app import GatewayApp
from ray_promptopt.llm.spans import call_spans
logging.basicConfig(format="%(message)s", stream=sys.stdout)
assert not [name for name in sys.modules if name.startswith("opentelemetry.sdk")]
print(type(call_spans({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})).__name__)
"""


def test_an_exporter_that_is_not_installed_is_warned_of_with_the_remedy() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _WITHOUT], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    warning, kind = ran.stdout.splitlines()
    assert "ray-promptopt[otel]" in warning
    assert kind == "NoSpans"

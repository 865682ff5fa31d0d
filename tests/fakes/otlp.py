"""A collector that speaks OTLP over HTTP, as the protocol's own protobuf messages describe it."""

from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.requests import Request
from starlette.responses import Response


@dataclass
class Collector:
    """An ASGI app that keeps what it is sent: raw, and read."""

    paths: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        self.paths.append(request.url.path)
        self.headers.append(dict(request.headers))
        self.bodies.append(await request.body())
        answer = ExportTraceServiceResponse().SerializeToString()
        response = Response(answer, media_type="application/x-protobuf")
        await response(scope, receive, send)

    @property
    def spans(self) -> list[Span]:
        """In the order in which they came."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def service_names(self) -> set[str]:
        """What the senders call themselves."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return {
            attribute.value.string_value
            for request in requests
            for resource in request.resource_spans
            for attribute in resource.resource.attributes
            if attribute.key == "service.name"
        }


def attributes(span: Span) -> dict[str, Any]:
    """Name to plain value."""
    return {pair.key: _plain(pair) for pair in span.attributes}


def _plain(pair: KeyValue) -> Any:
    kind = pair.value.WhichOneof("value")
    if kind == "array_value":
        return [_of(value) for value in pair.value.array_value.values]
    return _of(pair.value)


def _of(value: AnyValue) -> Any:
    return getattr(value, str(value.WhichOneof("value")))

"""`CallSpans` over the OpenTelemetry SDK, sent by OTLP/HTTP in the background.

Everything that the OTEL_* variables say of resource, sampler, batches, endpoint and headers holds.
The provider is our own: what else runs in the process is not traced by it.
"""

from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ray_promptopt.llm.spans import CallFacts, CallSpan, Headers

_SERVICE = "ray-promptopt"
_PROPAGATOR = TraceContextTextMapPropagator()
_PARENT = ("traceparent", "tracestate")


class _OtelSpan:
    def __init__(self, span: Span) -> None:
        self._span = span
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, set_span_in_context(span))
        # A caller's tracestate is not for a provider.
        self.headers: Mapping[str, str] = {"traceparent": carrier["traceparent"]}

    def end(self, facts: CallFacts) -> None:
        if self._span.is_recording():
            self._span.set_attributes(facts.attributes())
            if facts.model:
                self._span.update_name(f"chat {facts.model}")
            if facts.failure_code is not None:
                self._span.set_status(StatusCode.ERROR)
        self._span.end()


class OtelSpans:
    """One exporter. Spans wait in a bounded queue; what does not fit is dropped."""

    def __init__(self) -> None:
        resource = Resource.create()
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: _SERVICE}))
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("ray_promptopt")

    def begin(self, headers: Headers = ()) -> CallSpan:
        """See `CallSpans`."""
        named = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
        carrier = {name: value for name, value in named if name in _PARENT}
        context = _PROPAGATOR.extract(carrier) if carrier else None
        return _OtelSpan(self._tracer.start_span("chat", context, SpanKind.CLIENT))

    def close(self) -> None:
        """See `CallSpans`."""
        self._provider.shutdown()

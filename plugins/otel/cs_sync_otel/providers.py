"""Providers of traces and metrics: the process's own, or OTLP to an endpoint."""

import os
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from cs_sync import ConfigError
from cs_sync_otel.observer import Observer

ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)


@cache
def get_observer() -> Observer:
    """Return the observer of this process.

    Providers set up by the process (as opentelemetry-instrument does) are used; without
    them and without an endpoint in the environment, OpenTelemetry discards everything.
    """
    if needs_providers(os.environ):
        set_up_providers()
    own = version("customer-success-sync-otel")
    return Observer(trace.get_tracer("cs_sync", own), metrics.get_meter("cs_sync", own))


def needs_providers(environment: Mapping[str, str]) -> bool:
    """Return whether to set providers up: configured, and none set yet."""
    taken = isinstance(trace.get_tracer_provider(), TracerProvider)
    return not taken and any(environment.get(name) for name in ENDPOINTS)


def set_up_providers() -> None:
    """Export by OTLP over HTTP as OTEL_* variables say.

    Flushed when the process ends.

    Raises:
        ConfigError: The exporter is not installed.
    """
    spans, measurements = _make_exporters()
    resource = Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", "cs-sync")})
    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(BatchSpanProcessor(spans))
    trace.set_tracer_provider(tracing)
    reader = PeriodicExportingMetricReader(measurements)
    metrics.set_meter_provider(MeterProvider([reader], resource=resource))


def _make_exporters() -> tuple[Any, Any]:
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        raise ConfigError(
            "an OTLP endpoint is set, but its exporter is not installed",
            "pip install 'customer-success-sync-otel[otlp]', or unset OTEL_EXPORTER_OTLP_ENDPOINT",
        ) from None
    return OTLPSpanExporter(), OTLPMetricExporter()

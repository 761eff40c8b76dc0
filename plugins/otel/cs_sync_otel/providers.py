"""Providers of traces and metrics: the process's own, or OTLP to an endpoint."""

import logging
import os
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from urllib.parse import urlsplit

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from cs_sync import CsSyncError
from cs_sync_otel.observer import Observer

ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)


class ExportLog(logging.Handler):
    """Keeps what the exporters log, which would be printed between our lines."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[str] = []
        log = logging.getLogger("opentelemetry.exporter.otlp")
        log.handlers = [self]
        log.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep an error; a warning says that it is tried again."""
        self.errors.append(record.getMessage())


class Exports:
    """Providers that export by OTLP over HTTP, as the OTEL_* variables say.

    The exporters are loaded here, as most runs have no endpoint.
    """

    def __init__(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        self._log = ExportLog()
        self._exporters = OTLPSpanExporter(), OTLPMetricExporter()
        spans, measurements = self._exporters
        name = os.environ.get("OTEL_SERVICE_NAME", "cs-sync")
        resource = Resource.create({SERVICE_NAME: name})
        self.tracing = TracerProvider(resource=resource)
        self.tracing.add_span_processor(BatchSpanProcessor(spans))
        reader = PeriodicExportingMetricReader(measurements)
        self.measuring = MeterProvider([reader], resource=resource)

    def flush(self) -> None:
        """Export what there is; after a failure, nothing more.

        Raises:
            CsSyncError: The collector did not take it.
        """
        for provider in (self.tracing, self.measuring):
            provider.force_flush()
            if self._log.errors:
                for exporter in self._exporters:  # else the end of the process tries once more
                    exporter.shutdown()
                host = urlsplit(self._exporters[0]._endpoint).netloc.rpartition("@")[2]
                raise CsSyncError(
                    f"the OTLP collector at {host} accepted nothing: {self._log.errors[0]}",
                    "start it, or correct or unset OTEL_EXPORTER_OTLP_ENDPOINT",
                )


@cache
def get_exports() -> Exports | None:
    """Return the providers that this process exports with, if any."""
    return Exports() if needs_providers(os.environ) else None


@cache
def get_observer() -> Observer:
    """Return the observer of this process.

    Providers set up by the process (as opentelemetry-instrument does) are used; without
    them and without an endpoint in the environment, OpenTelemetry discards everything.
    """
    if exports := get_exports():
        trace.set_tracer_provider(exports.tracing)
        metrics.set_meter_provider(exports.measuring)
    own = version("customer-success-sync-otel")
    return Observer(trace.get_tracer("cs_sync", own), metrics.get_meter("cs_sync", own))


def flush_exports() -> None:
    """Export a run when it ends, and notice a failure.

    Raises:
        CsSyncError: The collector did not take it.
    """
    if exports := get_exports():
        exports.flush()


def needs_providers(environment: Mapping[str, str]) -> bool:
    """Return whether to set providers up: configured, and none set yet."""
    taken = isinstance(trace.get_tracer_provider(), TracerProvider)
    return not taken and any(environment.get(name) for name in ENDPOINTS)

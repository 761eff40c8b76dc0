"""Spans and measurements of a run, collected in memory; nothing is sent anywhere."""

import gzip
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import cs_sync_otel
from cs_sync import Event
from cs_sync.plugins import load_plugins
from cs_sync_otel import providers
from cs_sync_otel.observer import Observer
from cs_sync_otel.providers import Exports

BEGAN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class Watched:
    """An observer with what it has told so far; seconds pass as the test says."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracing = TracerProvider(shutdown_on_exit=False)
        self.tracing.add_span_processor(SimpleSpanProcessor(self.spans))
        self.measuring = MeterProvider([self.reader], shutdown_on_exit=False)
        tracer, meter = self.tracing.get_tracer("t"), self.measuring.get_meter("t")
        self.observer = Observer(tracer, meter)

    def tell(
        self, name: Any, second: float, source: str = "", stream: str = "", **detail: Any
    ) -> None:
        at = BEGAN + timedelta(seconds=second)
        self.observer(Event(name, at, source, stream, detail))

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans.get_finished_spans() if span.name == name]

    def points(self) -> dict[tuple[str, str], float]:
        """(metric, source or status) → its value, or its sum."""
        data = self.reader.get_metrics_data()
        assert data
        return {
            (metric.name, _by(point.attributes)): _value(point)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        }


def _value(point: Any) -> float:
    return float(point.value if hasattr(point, "value") else point.sum)


def _by(attributes: Any) -> str:
    names = ("cs_sync.kind", "cs_sync.source", "cs_sync.status")
    return " ".join(str(attributes[name]) for name in names if name in attributes)


@pytest.fixture
def watched() -> Iterator[Watched]:
    made = Watched()
    yield made
    made.tracing.shutdown()
    made.measuring.shutdown()


@pytest.fixture
def run(watched: Watched) -> Watched:
    """Two streams side by side, of which one fails, then a step."""
    watched.tell("run_started", 0, run="r1", command="run")
    watched.tell("stream_started", 1, "stripe", "invoices")
    watched.tell("stream_started", 1, "zendesk", "tickets")
    watched.tell("page_stored", 2, "stripe", "invoices", records=100, changed=10, rejected=1)
    watched.tell("waiting", 3, "zendesk", "tickets", seconds=12.5, reason="its window")
    watched.tell("page_stored", 4, "stripe", "invoices", records=50, changed=0, rejected=0)
    watched.tell("retrying", 4, "zendesk", "tickets", seconds=1, reason="502", attempt=1)
    watched.tell("stream_ended", 5, "stripe", "invoices", status="ok", requests=2, error=None)
    watched.tell("stream_ended", 6, "zendesk", "tickets", status="failed", requests=3, error="403")
    watched.tell("warning", 7, "stripe", "invoices", message="gave 150 records; usual is 900")
    watched.tell("step_started", 8, step="health scores")
    watched.tell("step_ended", 9, step="health scores", message="40 customers scored")
    watched.tell("write_done", 9, "hubspot")
    watched.tell("run_ended", 10, run="r1", status="partial")
    return watched


def test_a_run_is_one_trace_with_its_streams_and_steps(run: Watched) -> None:
    (root,) = run.named("cs_sync.run")
    below = [*run.named("cs_sync.stream"), *run.named("cs_sync.step")]
    assert root.context
    assert root.parent is None
    assert {span.parent.span_id for span in below if span.parent} == {root.context.span_id}
    assert len(below) == 3
    assert dict(root.attributes or {}) == {
        "cs_sync.run": "r1", "cs_sync.command": "run", "cs_sync.status": "partial",
    }  # fmt: skip
    assert root.start_time == int(BEGAN.timestamp()) * 10**9
    assert root.end_time == root.start_time + 10 * 10**9
    assert root.status.status_code is StatusCode.UNSET


def test_a_stream_that_failed_is_an_error_with_its_waits(run: Watched) -> None:
    spans = {dict(s.attributes or {})["cs_sync.source"]: s for s in run.named("cs_sync.stream")}
    assert spans["stripe"].status.status_code is StatusCode.UNSET
    failed = spans["zendesk"]
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "403")
    assert [event.name for event in failed.events] == ["waiting", "retrying", "error"]
    (root,) = run.named("cs_sync.run")
    assert [event.name for event in root.events] == ["warning"]


def test_counts_are_metrics(run: Watched) -> None:
    points = run.points()
    assert points[("cs_sync.records", "stripe")] == 150
    assert points[("cs_sync.records.changed", "stripe")] == 10
    assert points[("cs_sync.records.rejected", "stripe")] == 1
    assert points[("cs_sync.requests", "zendesk")] == 3
    assert points[("cs_sync.wait", "zendesk")] == 12.5
    assert points[("cs_sync.retries", "zendesk")] == 1
    assert points[("cs_sync.warnings", "stripe")] == 1
    assert points[("cs_sync.runs", "partial")] == 1
    assert points[("cs_sync.duration", "run")] == 10
    assert points[("cs_sync.duration", "stream stripe")] == 4


def test_what_an_interrupted_run_left_open_is_ended_with_it(watched: Watched) -> None:
    watched.tell("run_started", 0, run="r1", command="sync")
    watched.tell("stream_started", 1, "stripe", "invoices")
    watched.tell("run_ended", 2, run="r1", status="interrupted")
    (stream,), (root,) = watched.named("cs_sync.stream"), watched.named("cs_sync.run")
    assert stream.status.description == "the run ended first"
    assert root.status.description == "interrupted"


def test_events_out_of_order_do_no_harm(watched: Watched) -> None:
    watched.tell("stream_ended", 1, "stripe", "invoices", status="ok")
    watched.tell("waiting", 1, "stripe", seconds=1)
    watched.tell("run_ended", 2, status="ok")
    assert watched.named("cs_sync.run") == []


def test_the_host_finds_the_plugin_and_tells_it_of_events(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "get_observer", lambda: watched.observer)
    plugins = load_plugins()
    plugins.emit(Event("run_started", BEGAN, detail={"run": "r", "command": "sync"}))
    plugins.emit(Event("run_ended", BEGAN, detail={"run": "r", "status": "ok"}))
    assert len(watched.named("cs_sync.run")) == 1
    assert not [p for p in plugins.broken if p.name == "otel"]


def test_nothing_is_set_up_without_an_endpoint() -> None:
    assert not providers.needs_providers({})
    assert not providers.needs_providers({"OTEL_EXPORTER_OTLP_ENDPOINT": ""})
    assert providers.needs_providers({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})


def test_providers_of_the_process_are_left_alone(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: watched.tracing)
    assert not providers.needs_providers({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})


class Collector(ThreadingHTTPServer):
    """A collector on this machine that takes OTLP over HTTP, or answers with another status."""

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.status = status
        self.spans: list[str] = []
        self.metrics: dict[str, str] = {}
        self.service = ""

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body).resource_spans
            self.spans += [s.name for r in traces for scope in r.scope_spans for s in scope.spans]
        else:
            assert path == "/v1/metrics"
            for each in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                named = {entry.key: entry.value.string_value for entry in each.resource.attributes}
                self.service = named["service.name"]
                self.metrics |= {m.name: m.unit for s in each.scope_metrics for m in s.metrics}


class _Receiver(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.take(self.path, body)
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None: ...


@contextmanager
def exporting(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exports]:
    """Exports to a collector, with one run recorded."""
    with collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        url = f"http://kim:hunter2@127.0.0.1:{collector.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        exports = Exports()
        observer = Observer(exports.tracing.get_tracer("t"), exports.measuring.get_meter("t"))
        for name, detail in (
            ("run_started", {"run": "r1", "command": "run"}),
            ("page_stored", {"records": 3, "changed": 2, "rejected": 1}),
            ("waiting", {"seconds": 1.5, "reason": "its window"}),
            ("retrying", {"seconds": 1, "reason": "502", "attempt": 1}),
            ("stream_ended", {"status": "ok", "requests": 4}),
            ("warning", {"message": "unusual"}),
            ("run_ended", {"run": "r1", "status": "ok"}),
        ):
            observer(Event(name, BEGAN, "stripe", "invoices", detail))  # type: ignore[arg-type]
        yield exports
        exports.tracing.shutdown()
        exports.measuring.shutdown()
        collector.shutdown()


def test_a_collector_gets_what_the_page_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    collector = Collector()
    with exporting(collector, monkeypatch) as exports:
        exports.flush()
        assert collector.spans == ["cs_sync.run"]
        assert collector.service == "cs-sync"
        page = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
        rows = page.split("| Metric |")[1].split("\n\n")[0].splitlines()[2:]
        listed = {name for row in rows for name in re.findall(r"`(cs_sync\.\S+)`", row)}
        assert collector.metrics.keys() == listed
        assert collector.metrics["cs_sync.duration"] == "s"


def test_a_collector_that_refuses_is_a_warning_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    collector = Collector(status=404)
    with exporting(collector, monkeypatch) as exports:
        monkeypatch.setattr(providers, "get_exports", lambda: exports)
        monkeypatch.setattr(providers, "get_observer", lambda: lambda event: None)
        plugins = load_plugins()
        plugins.emit(Event("run_ended", BEGAN, detail={"run": "r", "status": "ok"}))
    (broken,) = [plugin for plugin in plugins.broken if plugin.name == "otel"]
    assert broken.error.startswith(
        f"the OTLP collector at 127.0.0.1:{collector.server_port} accepted nothing: Failed"
    )
    assert broken.remedy == "start it, or correct or unset OTEL_EXPORTER_OTLP_ENDPOINT"
    assert capfd.readouterr().err == "", "its own log is not printed between our lines"
    assert collector.metrics == {}, "nothing more is tried, also at the end of the process"


def test_the_entry_module_loads_nothing_of_opentelemetry() -> None:
    assert not [name for name in vars(cs_sync_otel) if "telemetry" in name]


@pytest.mark.parametrize(
    ("environment", "modules", "set_up"),
    [
        (["PATH"], ["cs_sync"], False),
        (["PATH", "OTEL_EXPORTER_OTLP_ENDPOINT"], [], True),
        (["OTEL_PYTHON_TRACER_PROVIDER"], [], True),
        (["PATH"], ["opentelemetry"], True),
    ],
)
def test_it_is_set_up_by_the_environment_or_by_the_process(
    environment: list[str], modules: list[str], set_up: bool
) -> None:
    assert cs_sync_otel.is_set_up(environment, modules) is set_up

"""Mapping of a run's events to spans and measurements."""

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opentelemetry.metrics import Meter
from opentelemetry.trace import Span, Status, StatusCode, Tracer, set_span_in_context

from cs_sync import Event

Key = tuple[str, ...]
RUN: Key = ("run",)


class Observer:
    """One span per run, with a child per stream and step; counts as metrics.

    Called from several threads, so spans are found by name, not by the current context.
    Names and units follow OpenTelemetry's conventions: dots, and seconds as `s`.
    """

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._tracer = tracer
        self._spans: dict[Key, tuple[Span, datetime]] = {}
        self._lock = threading.Lock()
        counter = meter.create_counter
        self._counters = {
            "records": counter("cs_sync.records", "{record}", "Records read from a source."),
            "changed": counter("cs_sync.records.changed", "{record}", "New or different ones."),
            "rejected": counter("cs_sync.records.rejected", "{record}", "Ones that were refused."),
            "requests": counter("cs_sync.requests", "{request}", "Requests to a vendor."),
            "waits": counter("cs_sync.wait", "s", "Time spent waiting for a vendor's limits."),
            "retries": counter("cs_sync.retries", "{retry}", "Requests that had to be repeated."),
            "warnings": counter("cs_sync.warnings", "{warning}", "Things that look unusual."),
            "runs": counter("cs_sync.runs", "{run}", "Runs, by how they ended."),
        }
        self._duration = meter.create_histogram("cs_sync.duration", "s", "Of runs and streams.")

    def __call__(self, event: Event) -> None:
        """Record an event; unknown ones are ignored."""
        handler = {
            "run_started": self._run_started,
            "run_ended": self._run_ended,
            "stream_started": self._stream_started,
            "stream_ended": self._stream_ended,
            "step_started": self._step_started,
            "step_ended": self._step_ended,
            "page_stored": self._page_stored,
            "waiting": self._record_wait,
            "retrying": self._record_retry,
            "warning": self._record_warning,
        }.get(event.name)
        if handler:
            with self._lock:
                handler(event)

    def _run_started(self, event: Event) -> None:
        self._spans.clear()  # what an interrupted run left open ends with the process
        self._begin(RUN, "cs_sync.run", event, _detail_attributes(event.detail))

    def _run_ended(self, event: Event) -> None:
        status = str(event.detail.get("status"))
        for key in [key for key in self._spans if key != RUN]:
            self._end(key, event, {}, "the run ended first")
        error = None if status in ("ok", "partial") else status
        self._end(RUN, event, {"cs_sync.status": status}, error)
        self._counters["runs"].add(1, {"cs_sync.status": status})

    def _stream_started(self, event: Event) -> None:
        self._begin(_stream(event), "cs_sync.stream", event, _source_attributes(event))

    def _stream_ended(self, event: Event) -> None:
        error = event.detail.get("error")
        failed = event.detail.get("status") == "failed"
        if failed and error:
            self._note(_stream(event), event, "error", {"message": str(error)})
        self._end(
            _stream(event), event, _detail_attributes(event.detail), str(error) if failed else None
        )
        self._counters["requests"].add(
            int(event.detail.get("requests", 0)), _source_attributes(event)
        )

    def _step_started(self, event: Event) -> None:
        step = str(event.detail.get("step"))
        self._begin(("step", step), "cs_sync.step", event, {"cs_sync.step": step})

    def _step_ended(self, event: Event) -> None:
        self._end(
            ("step", str(event.detail.get("step"))), event, _detail_attributes(event.detail), None
        )

    def _page_stored(self, event: Event) -> None:
        for name in ("records", "changed", "rejected"):
            self._counters[name].add(int(event.detail.get(name, 0)), _source_attributes(event))

    def _record_wait(self, event: Event) -> None:
        self._counters["waits"].add(
            float(event.detail.get("seconds", 0)), _source_attributes(event)
        )
        self._note(_stream(event), event, "waiting", _detail_attributes(event.detail))

    def _record_retry(self, event: Event) -> None:
        self._counters["retries"].add(1, _source_attributes(event))
        self._note(_stream(event), event, "retrying", _detail_attributes(event.detail))

    def _record_warning(self, event: Event) -> None:
        self._counters["warnings"].add(1, _source_attributes(event))
        self._note(RUN, event, "warning", _detail_attributes(event.detail))

    def _begin(self, key: Key, name: str, event: Event, attributes: dict[str, Any]) -> None:
        parent = self._spans.get(RUN)
        context = set_span_in_context(parent[0]) if parent and key != RUN else None
        span = self._tracer.start_span(
            name, context=context, attributes=attributes, start_time=_to_nanoseconds(event.at)
        )
        self._spans[key] = (span, event.at)

    def _end(self, key: Key, event: Event, attributes: dict[str, Any], error: str | None) -> None:
        if key not in self._spans:
            return
        span, began = self._spans.pop(key)
        span.set_attributes(attributes)
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(_to_nanoseconds(event.at))
        seconds = max((event.at - began).total_seconds(), 0.0)
        self._duration.record(seconds, {"cs_sync.kind": key[0], **_source_attributes(event)})

    def _note(self, key: Key, event: Event, name: str, attributes: dict[str, Any]) -> None:
        """Add an event to its span, or else to the run's."""
        entry = self._spans.get(key) or self._spans.get(RUN)
        if entry:
            entry[0].add_event(
                name, {**_source_attributes(event), **attributes}, _to_nanoseconds(event.at)
            )


def _stream(event: Event) -> Key:
    return ("stream", event.source, event.stream)


def _source_attributes(event: Event) -> dict[str, Any]:
    attributes = {"cs_sync.source": event.source, "cs_sync.stream": event.stream}
    return {name: value for name, value in attributes.items() if value}


def _detail_attributes(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return the detail as attributes, without unknown values."""
    return {
        f"cs_sync.{name}": value if isinstance(value, str | int | float | bool) else str(value)
        for name, value in detail.items()
        if value is not None
    }


def _to_nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000

"""Progress: plain lines for logs, one line per stream on a terminal, JSON for machines."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from cs_sync import Event
from cs_sync.cli.progress import LiveProgress, PlainProgress, format_event, make_json_logger
from cs_sync.contracts.errors import Unreachable
from cs_sync.contracts.events import EventName

AT = datetime(2026, 3, 1, 5, 15, tzinfo=UTC)


def event(name: EventName, detail: Mapping[str, Any] | None = None) -> Event:
    return Event(name, AT, "hubspot", "companies", detail or {})


ENDED = event("stream_ended", {"status": "ok", "records": 1234, "rejected": 2, "error": None})


@pytest.mark.parametrize(
    ("happened", "line"),
    [
        (ENDED, "hubspot companies: ok, 1,234 records, 2 rejected"),
        (
            event("stream_ended", {"status": "failed", "records": 0, "error": "no scope"}),
            "hubspot companies: failed, 0 records – no scope",
        ),
        (
            event("waiting", {"seconds": 12, "reason": "limit"}),
            "hubspot companies: 12 s until its window (limit)",
        ),
        (
            event("retrying", {"seconds": 2, "reason": "503", "attempt": 2}),
            "hubspot companies: tries again in 2 s (503)",
        ),
        (
            Event("write_done", AT, "hubspot", "", {"of": 20, "create": 3, "update": 0}),
            "hubspot: 3 create of 20 writes",
        ),
        (Event("step_ended", AT, detail={"message": "400 accounts"}), "400 accounts"),
        (Event("step_started", AT, detail={"step": "scores"}), "scores …"),
    ],
)
def test_what_an_event_says(happened: Event, line: str) -> None:
    found = format_event(happened)
    assert found is not None
    assert found.plain == line


def test_pages_say_nothing_in_a_log() -> None:
    out = io.StringIO()
    lines = PlainProgress(Console(file=out, width=80))
    lines(event("stream_started"))
    lines(event("page_stored", {"records": 100}))
    lines(ENDED)
    assert out.getvalue() == "hubspot companies: ok, 1,234 records, 2 rejected\n"


def test_a_terminal_shows_records_and_waits_while_a_stream_works() -> None:
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=True, color_system=None)
    with LiveProgress(console) as live:
        live(event("stream_started"))
        live(event("page_stored", {"records": 100}))
        live(event("page_stored", {"records": 50}))
        live._progress.refresh()
        assert "hubspot companies" in out.getvalue()
        assert "150 records" in out.getvalue()
        live(event("waiting", {"seconds": 12}))
        live._progress.refresh()
        assert "12 s until its window" in out.getvalue()
        live(ENDED)
        assert live._progress.tasks == []
    assert "hubspot companies: ok, 1,234 records" in out.getvalue()


def test_json_lines_name_the_run_and_the_vendors_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = make_json_logger()
    failure = str(Unreachable("hubspot: GET /x: 500", "The next run goes on.", request_id="corr-7"))
    log(event("stream_started", {}))
    for run in ("r1", "r2"):
        log(Event("run_started", AT, detail={"run": run, "command": "sync"}))
        log(event("retrying", {"seconds": 1, "reason": failure}))
        log(event("stream_ended", {"status": "failed", "error": failure}))
        log(event("stream_ended", {"status": "ok", "error": None}))
        log(Event("run_ended", AT, detail={"run": run, "status": "ok"}))
    log(event("waiting", {"seconds": 12}))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    runs = [line.get("run") for line in lines]
    assert runs == [None, *["r1"] * 5, *["r2"] * 5, None]
    ids = [line.get("request_id") for line in lines]
    assert ids == [None, *[None, "corr-7", "corr-7", None, None] * 2, None]


def test_json_lines_carry_every_detail(capsys: pytest.CaptureFixture[str]) -> None:
    log = make_json_logger()
    log(event("waiting", {"seconds": 12, "reason": "limit", "event": "not this"}))
    log(Event("run_ended", AT, detail={"run": "r1", "status": "ok"}))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [json.loads(line) for line in captured.err.splitlines()] == [
        {
            "event": "waiting",
            "at": "2026-03-01T05:15:00+00:00",
            "source": "hubspot",
            "stream": "companies",
            "seconds": 12,
            "reason": "limit",
        },
        {"event": "run_ended", "at": "2026-03-01T05:15:00+00:00", "run": "r1", "status": "ok"},
    ]

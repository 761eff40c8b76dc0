"""Progress: plain lines for logs, one line per stream on a terminal, JSON for machines."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from cs_sync import Event
from cs_sync.cli.live_progress import LiveProgress
from cs_sync.cli.progress import PlainProgress, format_event, make_json_logger
from cs_sync.cli.source_progress import ProgressTracker, describe_writes
from cs_sync.contracts.errors import Unreachable
from cs_sync.contracts.events import EventName

AT = datetime(2026, 3, 1, 5, 15, tzinfo=UTC)


def event(name: EventName, detail: Mapping[str, Any] | None = None) -> Event:
    return Event(name, AT, "hubspot", "companies", detail or {})


ENDED = event("stream_ended", {"status": "ok", "records": 1234, "rejected": 2, "error": None})


def later(seconds: float, happened: Event, stream: str = "companies") -> Event:
    return replace(happened, at=AT + timedelta(seconds=seconds), stream=stream)


def page(read: int, expect: int | None = None, window: str = "") -> Event:
    """A page of 100 records, after which so many of the window's are read."""
    detail = {"records": 100, "read": read, "expect": expect, "window": window}
    return event("page_stored", detail)


@pytest.mark.parametrize(
    ("happened", "line"),
    [
        (
            event("stream_ended", {"status": "failed", "records": 0, "error": "no scope"}),
            "hubspot companies: failed – no scope",
        ),
        (
            event("waiting", {"seconds": 12, "reason": "limit"}),
            "hubspot: waiting 12 sec (limit)",
        ),
        (
            event("retrying", {"seconds": 2, "reason": "503", "attempt": 2}),
            "hubspot: retrying in 2 sec (503)",
        ),
        (Event("step_ended", AT, detail={"message": "400 accounts"}), "400 accounts"),
        (Event("step_started", AT, detail={"step": "scores"}), "scores …"),
        (Event("warning", AT, detail={"message": "slow"}), "warning: slow"),
    ],
)
def test_what_an_event_says(happened: Event, line: str) -> None:
    assert [actual.plain for actual in format_event(happened)] == [line]


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ({"of": 285, "create": 0, "update": 245}, "hubspot: 245 of 285 updated"),
        ({"of": 20, "create": 3, "update": 1, "rejected": 1},
         "hubspot: 5 of 20 written: 3 created, 1 updated, 1 rejected"),
    ],
)  # fmt: skip
def test_what_was_written(counts: dict[str, int], line: str) -> None:
    assert describe_writes(Event("write_done", AT, "hubspot", "", counts)) == line


def print_plainly(*events: Event) -> list[str]:
    out = io.StringIO()
    lines = PlainProgress(Console(file=out, width=80))
    for happened in events:
        lines(happened)
    return out.getvalue().splitlines()


def test_a_log_has_one_line_per_source_at_intervals_and_one_at_its_end() -> None:
    """100 of 1,000 in 12 seconds leave 108; then 400 in 24 leave 36."""
    started = event("stream_started")
    assert print_plainly(
        started,
        later(0, started, "deals"),
        later(1, page(50, 1000)),
        later(12, page(100, 900), "deals"),
        later(13, page(100, 1000)),
        later(24, page(200, 900), "deals"),
        later(30, ENDED),
        later(60, ENDED, "deals"),
    ) == [
        "hubspot: 0 of 2 streams, 200 of 1,950 records (10%), about 2 min left",
        "hubspot: 0 of 2 streams, 400 of 2,000 records (20%), about 2 min left",
        "hubspot: 2 streams, 2,468 records in 1 min, 4 rejected",
    ]


def test_without_a_total_of_every_stream_there_is_no_share() -> None:
    started = event("stream_started")
    (line,) = print_plainly(started, later(11, page(100)))
    assert line == "hubspot: 0 of 1 stream, 100 records"


def test_with_the_total_of_some_streams_it_is_the_least() -> None:
    """200 in 11 seconds leave 300 for 16.5; how many deals there are is not said."""
    started = event("stream_started")
    (line,) = print_plainly(
        started, later(0, started, "deals"), later(5, page(0), "deals"), later(11, page(100, 400))
    )
    assert line == "hubspot: 0 of 2 streams, 200 of at least 500 records, at least 16 sec left"


def test_the_slices_of_a_stream_add_up() -> None:
    tracker = ProgressTracker()
    tracker.update(event("stream_started"))
    tracker.update(page(100, 300, "a"))
    progress = tracker.update(page(100, 500, "b"))
    assert progress is not None
    assert (progress.records, progress.total) == (200, 800)
    assert progress.estimate_seconds_left(AT + timedelta(seconds=10)) == 30


def test_waits_of_parallel_readers_are_one_wait() -> None:
    waiting = event("waiting", {"seconds": 12, "reason": "limit"})
    assert (
        print_plainly(
            event("stream_started"),
            waiting,
            later(1, waiting),
            later(11, waiting),
            later(24, waiting),
        )
        == ["hubspot: waiting 12 sec (limit)"] * 2
    )


def test_a_stream_that_fails_is_named_at_once_and_its_cause_once() -> None:
    started = event("stream_started")
    failed = event("stream_ended", {"status": "failed", "records": 0, "error": "no scope"})
    assert print_plainly(
        started, later(0, started, "deals"), failed, later(1, failed, "deals")
    ) == [
        "hubspot companies: failed – no scope",
        "hubspot deals: failed – as above",
        "hubspot: 2 streams, 0 records in 1 sec",
    ]


def test_writes_have_a_line_at_intervals_and_at_the_end() -> None:
    def written(seconds: float, create: int) -> Event:
        detail = {"of": 300, "create": create}
        return Event("write_done", AT + timedelta(seconds=seconds), "hubspot", "", detail)

    assert print_plainly(written(0, 100), written(12, 200), written(13, 300)) == [
        "hubspot: 200 of 300 created",
        "hubspot: 300 of 300 created",
    ]


def test_a_terminal_shows_one_line_per_source_with_its_total_and_its_waits() -> None:
    out = io.StringIO()
    console = Console(file=out, width=140, force_terminal=True, color_system=None)
    with LiveProgress(console) as live:
        live(event("stream_started"))
        live(later(0, event("stream_started"), "deals"))
        live(page(100, 300))
        live(later(10, page(100, 300), "deals"))
        live._progress.refresh()
        assert "0 of 2 streams, 200 of 600 records (33%), about 20 sec left" in out.getvalue()
        assert len(live._progress.tasks) == 1
        live(event("waiting", {"seconds": 12}))
        live._progress.refresh()
        assert "waiting 12 sec" in out.getvalue()
        live(ENDED)
        live(later(20, ENDED, "deals"))
        assert live._progress.tasks == []
    assert "hubspot: 2 streams, 2,468 records in 20 sec, 4 rejected" in out.getvalue()


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

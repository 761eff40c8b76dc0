"""Progress on standard error while a command works."""

import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from cs_sync.cli.render.formatting import STATUS_STYLE, format_duration, make_text
from cs_sync.contracts.errors import extract_cause, parse_request_id
from cs_sync.contracts.events import Event
from cs_sync.plugins import PluginRegistry


@contextmanager
def show_progress(plugins: PluginRegistry, *, quiet: bool, log_format: str) -> Iterator[None]:
    """Show progress inside the block, in the form that fits standard error.

    Args:
        plugins: Pass on the events.
        quiet: Show nothing.
        log_format: text, or json for JSON lines.
    """
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if quiet:
        yield
    elif log_format == "json":
        with _observe_events(plugins, make_json_logger()):
            yield
    elif console.is_terminal:
        with LiveProgress(console) as live, _observe_events(plugins, live):
            yield
    else:
        with _observe_events(plugins, PlainProgress(console)):
            yield


@contextmanager
def _observe_events(plugins: PluginRegistry, observer: Callable[[Event], None]) -> Iterator[None]:
    plugins.add_observer(observer, "progress")
    try:
        yield
    finally:
        plugins.remove_observer("progress")


def make_json_logger() -> Callable[[Event], None]:
    """Return an observer that logs one JSON object per event, with run and request id."""
    import structlog

    logger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[_put_event_first, structlog.processors.JSONRenderer(default=str)],
    )

    run: str | None = None

    def log(event: Event) -> None:
        nonlocal run
        run = event.detail.get("run", run)
        message = event.detail.get("error") or event.detail.get("reason") or ""
        named = {
            "run": run,
            "source": event.source,
            "stream": event.stream,
            "request_id": parse_request_id(str(message)),
        }
        logger.info(
            event.name,
            at=event.at.isoformat(),
            **{name: value for name, value in named.items() if value},
            **{name: value for name, value in event.detail.items() if name not in _RESERVED_FIELDS},
        )
        if event.name == "run_ended":
            run = None

    return log


def _put_event_first(
    _logger: Any, _method: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {"event": entry.pop("event"), **entry}


_RESERVED_FIELDS = {"event", "at", "run", "source", "stream", "request_id"}


class PlainProgress:
    """Progress as one plain line per finished stream and step, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._errors: set[tuple[str, str]] = set()

    def __call__(self, event: Event) -> None:
        """Print the line of an event, if it has one."""
        line = format_event(drop_repeated_error(event, self._errors))
        if line is not None:
            self._console.print(line, soft_wrap=True)


class LiveProgress:
    """Progress as one live line per running stream, a plain one per finished stream."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[records]:,} records", justify="right"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="yellow", markup=False),
            console=console,
            transient=True,
        )
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._records: dict[tuple[str, str], int] = {}
        self._errors: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> "LiveProgress":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Update the line of the event's stream."""
        key = (event.source, event.stream)
        with self._lock:
            if event.name == "stream_started":
                self._records[key] = 0
                self._tasks[key] = self._progress.add_task(
                    make_text(_format_title(event)).plain, total=None, records=0, note=""
                )
            elif event.name == "page_stored" and key in self._tasks:
                self._records[key] += int(event.detail.get("records", 0))
                self._progress.update(self._tasks[key], records=self._records[key], note="")
            elif event.name in ("waiting", "retrying") and key in self._tasks:
                self._progress.update(self._tasks[key], note=make_text(_format_wait(event)).plain)
            else:
                self._finish(key, event)

    def _finish(self, key: tuple[str, str], event: Event) -> None:
        if event.name == "stream_ended" and key in self._tasks:
            self._progress.remove_task(self._tasks.pop(key))
        line = format_event(drop_repeated_error(event, self._errors))
        if line is not None:
            self._progress.console.print(line)


def drop_repeated_error(event: Event, reported: set[tuple[str, str]]) -> Event:
    """Return the event, with a stream's error replaced if its source reported it before.

    Args:
        event: The event.
        reported: (source, cause) pairs so far; a new one is added.
    """
    error = (event.source, extract_cause(str(event.detail.get("error"))))
    if event.name != "stream_ended" or not event.detail.get("error"):
        return event
    if error in reported:
        return replace(event, detail={**event.detail, "error": "as above"})
    reported.add(error)
    return event


def format_event(event: Event) -> Text | None:
    """Format an event as one line; None if it only updates a live display."""
    detail = event.detail
    if event.name == "stream_ended":
        return _format_stream_end(event)
    if event.name in ("waiting", "retrying"):
        return make_text(f"{_format_title(event)}: {_format_wait(event)}", "yellow")
    if event.name == "warning":
        return make_text(f"warning: {detail.get('message')}", "yellow")
    if event.name == "step_ended" and detail.get("message"):
        return make_text(str(detail["message"]))
    if event.name == "step_started" and detail.get("step"):
        return make_text(f"{detail['step']} …", "dim")
    if event.name == "write_done":
        counts = ", ".join(f"{v} {k}" for k, v in detail.items() if k != "of" and v)
        return make_text(f"{event.source}: {counts} of {detail.get('of', '?')} writes")
    return None


def _format_stream_end(event: Event) -> Text:
    detail = event.detail
    status = str(detail.get("status", "ok"))
    line = Text.assemble(
        make_text(f"{_format_title(event)}: "), make_text(status, STATUS_STYLE.get(status, ""))
    )
    line.append_text(make_text(f", {detail.get('records', 0):,} records"))
    for name in ("rejected", "deleted"):
        if detail.get(name):
            line.append_text(make_text(f", {detail[name]:,} {name}"))
    if detail.get("error"):
        line.append_text(make_text(f" – {' '.join(str(detail['error']).split())}"))
    return line


def _format_wait(event: Event) -> str:
    seconds = format_duration(_parse_seconds(event.detail.get("seconds")))
    reason = str(event.detail.get("reason", ""))
    if event.name == "retrying":
        return f"tries again in {seconds}" + (f" ({reason})" if reason else "")
    return f"{seconds} until its window" + (f" ({reason})" if reason else "")


def _parse_seconds(value: Any) -> float:
    return max(1.0, float(value or 0))


def _format_title(event: Event) -> str:
    return f"{event.source} {event.stream}".strip() or "cs-sync"

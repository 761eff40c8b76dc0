"""Progress on standard error while a command works."""

import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.text import Text

from cs_sync.cli.render.formatting import STATUS_STYLE, make_text
from cs_sync.cli.source_progress import (
    ProgressTracker,
    describe_writes,
    is_write_end,
    parse_seconds,
)
from cs_sync.contracts.errors import extract_cause, parse_request_id
from cs_sync.contracts.events import Event
from cs_sync.i18n import ENGLISH
from cs_sync.plugins import PluginRegistry

PLAIN_INTERVAL = timedelta(seconds=10)
"""Between two plain lines on one source."""


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
        from cs_sync.cli.live_progress import LiveProgress  # loads Rich's bars

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
    """Return an observer that logs one JSON object per event."""
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
    """Progress as plain lines for logs and pipes: one per source at intervals, one at its end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._errors: set[tuple[str, str]] = set()
        self._tracker = ProgressTracker()
        self._printed_at: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Print the lines of an event, if it has any."""
        with self._lock:
            for line in self._format_lines(event):
                self._console.print(line, soft_wrap=True)

    def _format_lines(self, event: Event) -> Iterator[Text]:
        progress = self._tracker.update(event)
        if event.name == "write_done":
            if is_write_end(event) or self._is_due(event):
                yield make_text(describe_writes(event))
            return
        if progress is None:
            yield from format_event(event)
        elif event.name in ("waiting", "retrying"):
            if progress.note_wait(event):
                yield from format_event(event)
        elif event.name == "stream_ended":
            yield from format_event(drop_repeated_error(event, self._errors))
            if progress.is_done:
                yield make_text(progress.describe_end(event.at))
        elif event.name == "page_stored":
            if self._is_due(event):
                yield make_text(progress.describe(event.at), "dim")
        else:
            self._printed_at.setdefault(event.source, event.at)
            yield from format_event(event)

    def _is_due(self, event: Event) -> bool:
        """Return whether the source's next line is due, and note it."""
        last = self._printed_at.setdefault(event.source, event.at)
        if event.at - last < PLAIN_INTERVAL:
            return False
        self._printed_at[event.source] = event.at
        return True


def drop_repeated_error(event: Event, reported: set[tuple[str, str]]) -> Event:
    """Return the event, without an error that its source reported before.

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


def format_event(event: Event) -> list[Text]:
    """Format an event as lines.

    None if it only moves a source on.
    """
    detail = event.detail
    if event.name == "stream_ended" and str(detail.get("status", "ok")) != "ok":
        return [_format_stream_end(event)]
    if event.name in ("waiting", "retrying"):
        return [make_text(f"{event.source or 'cs-sync'}: {format_wait(event)}", "yellow")]
    if event.name == "warning":
        return [make_text(f"warning: {detail.get('message')}", "yellow")]
    if event.name == "step_ended" and detail.get("message"):
        return [make_text(str(detail["message"]))]
    if event.name == "step_started" and detail.get("step"):
        return [make_text(f"{detail['step']} …", "dim")]
    return []


def _format_stream_end(event: Event) -> Text:
    """Format a stream's bad end: `hubspot deals: failed – no scope`."""
    status = str(event.detail.get("status"))
    line = Text.assemble(
        make_text(f"{event.source} {event.stream}: "),
        make_text(status, STATUS_STYLE.get(status, "")),
    )
    if event.detail.get("error"):
        line.append_text(make_text(f" – {' '.join(str(event.detail['error']).split())}"))
    return line


def format_wait(event: Event) -> str:
    """Format a wait or a pause: `waiting 5 sec (429)`."""
    seconds = ENGLISH.format_duration(parse_seconds(event.detail.get("seconds")))
    reason = str(event.detail.get("reason", ""))
    text = f"retrying in {seconds}" if event.name == "retrying" else f"waiting {seconds}"
    return text + (f" ({reason})" if reason else "")

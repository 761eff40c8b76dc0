"""Progress on standard error while a command works."""

import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from cs_sync.cli.render.formatting import STATUS_STYLE, make_text
from cs_sync.cli.source_progress import (
    ProgressTracker,
    SourceProgress,
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


class LiveProgress:
    """Progress as one live line per source, a plain one at its end."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(20),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="yellow", markup=False),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._tracker = ProgressTracker()
        self._errors: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> "LiveProgress":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Update the line of the event's source."""
        with self._lock:
            progress = self._tracker.update(event)
            if event.name == "write_done":
                self._show_writes(event)
            elif progress is None:
                self._print(*format_event(event))
            elif event.name in ("waiting", "retrying"):
                self._show(progress, event, note=_format_wait(event))
            else:
                if event.name != "page_stored":
                    self._print(*format_event(drop_repeated_error(event, self._errors)))
                if progress.is_done:
                    self._remove(event.source)
                    self._print(make_text(progress.describe_end(event.at)))
                else:
                    self._show(progress, event)

    def _show(self, progress: SourceProgress, event: Event, note: str = "") -> None:
        self._update(
            event.source,
            make_text(progress.describe(event.at)).plain,
            progress.records,
            progress.total,
            note=make_text(note).plain,
        )

    def _show_writes(self, event: Event) -> None:
        if is_write_end(event):
            self._remove(event.source)
            self._print(make_text(describe_writes(event)))
        else:
            whole = int(event.detail.get("of", 0))
            done = sum(int(count) for name, count in event.detail.items() if name != "of")
            self._update(event.source, make_text(describe_writes(event)).plain, done, whole)

    def _update(
        self, source: str, text: str, done: int, total: int | None, *, note: str = ""
    ) -> None:
        if source not in self._tasks:
            self._tasks[source] = self._progress.add_task(text, total=None, note="")
        self._progress.update(
            self._tasks[source], description=text, completed=done, total=total, note=note
        )

    def _remove(self, source: str) -> None:
        if source in self._tasks:
            self._progress.remove_task(self._tasks.pop(source))

    def _print(self, *lines: Text) -> None:
        for line in lines:
            self._progress.console.print(line)


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
        return [make_text(f"{event.source or 'cs-sync'}: {_format_wait(event)}", "yellow")]
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


def _format_wait(event: Event) -> str:
    seconds = ENGLISH.format_duration(parse_seconds(event.detail.get("seconds")))
    reason = str(event.detail.get("reason", ""))
    text = f"retrying in {seconds}" if event.name == "retrying" else f"waiting {seconds}"
    return text + (f" ({reason})" if reason else "")

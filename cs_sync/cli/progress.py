"""Shows on standard error what happens while a command works."""

import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from cs_sync.cli.values import STATUS_STYLE, duration, text
from cs_sync.contracts.errors import request_id_in
from cs_sync.contracts.events import Event
from cs_sync.plugins import Plugins


@contextmanager
def watching(plugins: Plugins, *, quiet: bool, log_format: str) -> Iterator[None]:
    """Let the right observer watch for as long as the block lasts."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if quiet:
        yield
    elif log_format == "json":
        with _observing(plugins, json_lines()):
            yield
    elif console.is_terminal:
        with LiveProgress(console) as live, _observing(plugins, live):
            yield
    else:
        with _observing(plugins, FinalLines(console)):
            yield


@contextmanager
def _observing(plugins: Plugins, observer: Callable[[Event], None]) -> Iterator[None]:
    plugins.observe(observer, "progress")
    try:
        yield
    finally:
        plugins.unobserve("progress")


def json_lines() -> Callable[[Event], None]:
    """One JSON object per event, with the run it belongs to and the vendor's id of the request."""
    import structlog

    logger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[_named_first, structlog.processors.JSONRenderer(default=str)],
    )

    run: str | None = None

    def log(event: Event) -> None:
        nonlocal run
        run = event.detail.get("run", run)
        told = event.detail.get("error") or event.detail.get("reason") or ""
        named = {
            "run": run,
            "source": event.source,
            "stream": event.stream,
            "request_id": request_id_in(str(told)),
        }
        logger.info(
            event.name,
            at=event.at.isoformat(),
            **{name: value for name, value in named.items() if value},
            **{name: value for name, value in event.detail.items() if name not in _RESERVED},
        )
        if event.name == "run_ended":
            run = None

    return log


def _named_first(
    _logger: Any, _method: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {"event": entry.pop("event"), **entry}


_RESERVED = {"event", "at", "run", "source", "stream", "request_id"}


class FinalLines:
    """One plain line per finished stream and step, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._errors: set[tuple[str, str]] = set()

    def __call__(self, event: Event) -> None:
        """Print the line of an event, if it has one."""
        line = line_of(without_known_error(event, self._errors))
        if line is not None:
            self._console.print(line, soft_wrap=True)


class LiveProgress:
    """One moving line per stream at work, and a plain one for each that is done."""

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
        """Bring the line of the event's stream up to date."""
        key = (event.source, event.stream)
        with self._lock:
            if event.name == "stream_started":
                self._records[key] = 0
                self._tasks[key] = self._progress.add_task(
                    text(_title(event)).plain, total=None, records=0, note=""
                )
            elif event.name == "page_stored" and key in self._tasks:
                self._records[key] += int(event.detail.get("records", 0))
                self._progress.update(self._tasks[key], records=self._records[key], note="")
            elif event.name in ("waiting", "retrying") and key in self._tasks:
                self._progress.update(self._tasks[key], note=text(_pause(event)).plain)
            else:
                self._finish(key, event)

    def _finish(self, key: tuple[str, str], event: Event) -> None:
        if event.name == "stream_ended" and key in self._tasks:
            self._progress.remove_task(self._tasks.pop(key))
        line = line_of(without_known_error(event, self._errors))
        if line is not None:
            self._progress.console.print(line)


def without_known_error(event: Event, known: set[tuple[str, str]]) -> Event:
    """Return the event, without the error of a stream if its source gave it before; notes it."""
    error = (event.source, str(event.detail.get("error")))
    if event.name != "stream_ended" or not event.detail.get("error"):
        return event
    if error in known:
        return replace(event, detail={**event.detail, "error": "as above"})
    known.add(error)
    return event


def line_of(event: Event) -> Text | None:
    """What an event says in one line; None for those that only move a display."""
    detail = event.detail
    if event.name == "stream_ended":
        return _ended(event)
    if event.name in ("waiting", "retrying"):
        return text(f"{_title(event)}: {_pause(event)}", "yellow")
    if event.name == "warning":
        return text(f"warning: {detail.get('message')}", "yellow")
    if event.name == "step_ended" and detail.get("message"):
        return text(str(detail["message"]))
    if event.name == "step_started" and detail.get("step"):
        return text(f"{detail['step']} …", "dim")
    if event.name == "write_done":
        counts = ", ".join(f"{v} {k}" for k, v in detail.items() if k != "of" and v)
        return text(f"{event.source}: {counts} of {detail.get('of', '?')} writes")
    return None


def _ended(event: Event) -> Text:
    detail = event.detail
    status = str(detail.get("status", "ok"))
    line = Text.assemble(text(f"{_title(event)}: "), text(status, STATUS_STYLE.get(status, "")))
    line.append_text(text(f", {detail.get('records', 0):,} records"))
    for name in ("rejected", "deleted"):
        if detail.get(name):
            line.append_text(text(f", {detail[name]:,} {name}"))
    if detail.get("error"):
        line.append_text(text(f" – {' '.join(str(detail['error']).split())}"))
    return line


def _pause(event: Event) -> str:
    seconds = duration(_seconds(event.detail.get("seconds")))
    reason = str(event.detail.get("reason", ""))
    if event.name == "retrying":
        return f"tries again in {seconds}" + (f" ({reason})" if reason else "")
    return f"{seconds} until its window" + (f" ({reason})" if reason else "")


def _seconds(value: Any) -> float:
    return max(1.0, float(value or 0))


def _title(event: Event) -> str:
    return f"{event.source} {event.stream}".strip() or "cs-sync"

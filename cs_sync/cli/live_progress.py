"""Progress in a terminal: one live line per source."""

import threading

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

from cs_sync.cli.progress import drop_repeated_error, format_event, format_wait
from cs_sync.cli.render.formatting import make_text
from cs_sync.cli.source_progress import (
    ProgressTracker,
    SourceProgress,
    describe_writes,
    is_write_end,
)
from cs_sync.contracts.events import Event


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
                self._print_lines(*format_event(event))
            elif event.name in ("waiting", "retrying"):
                self._show_source(progress, event, note=format_wait(event))
            else:
                if event.name != "page_stored":
                    self._print_lines(*format_event(drop_repeated_error(event, self._errors)))
                if progress.is_done:
                    self._remove_line(event.source)
                    self._print_lines(make_text(progress.describe_end(event.at)))
                else:
                    self._show_source(progress, event)

    def _show_source(self, progress: SourceProgress, event: Event, note: str = "") -> None:
        self._update_line(
            event.source,
            make_text(progress.describe(event.at)).plain,
            progress.records,
            progress.total,
            note=make_text(note).plain,
        )

    def _show_writes(self, event: Event) -> None:
        if is_write_end(event):
            self._remove_line(event.source)
            self._print_lines(make_text(describe_writes(event)))
        else:
            whole = int(event.detail.get("of", 0))
            done = sum(int(count) for name, count in event.detail.items() if name != "of")
            self._update_line(event.source, make_text(describe_writes(event)).plain, done, whole)

    def _update_line(
        self, source: str, text: str, done: int, total: int | None, *, note: str = ""
    ) -> None:
        if source not in self._tasks:
            self._tasks[source] = self._progress.add_task(text, total=None, note="")
        self._progress.update(
            self._tasks[source], description=text, completed=done, total=total, note=note
        )

    def _remove_line(self, source: str) -> None:
        if source in self._tasks:
            self._progress.remove_task(self._tasks.pop(source))

    def _print_lines(self, *lines: Text) -> None:
        for line in lines:
            self._progress.console.print(line)

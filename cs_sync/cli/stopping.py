"""SIGTERM and Ctrl-C as a request: stop after the current page, in an orderly way."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cs_sync.jobs.workspace import Workspace

SIGNALS = (signal.SIGTERM, signal.SIGINT)
EXIT_CODES = {signal.SIGTERM: 0, signal.SIGINT: 130}
"""SIGTERM is how a service is meant to end; 130 is what a shell expects after Ctrl-C."""


@contextmanager
def terminating() -> Iterator[None]:
    """Let SIGTERM end a command as Ctrl-C does: what is stored stays, the rest resumes."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what signals do
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@dataclass(slots=True)
class Stopping:
    """Whether somebody asked to stop, and whom to tell."""

    asked: threading.Event = field(default_factory=threading.Event)
    exit_code: int = 0
    _at_work: "Workspace | None" = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the first signal as a request; a second one ends the process as ever."""
        before = {number: signal.signal(number, self._asked_by) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def reaching(self, workspace: "Workspace") -> Iterator[None]:
        """Let the request reach a workspace while work goes on in it."""
        self._at_work = workspace
        if self.asked.is_set():
            workspace.stop.set()
        try:
            yield
        finally:
            self._at_work = None

    def _asked_by(self, number: int, _frame: FrameType | None) -> None:
        self.exit_code = EXIT_CODES[signal.Signals(number)]
        for each in SIGNALS:
            signal.signal(each, signal.default_int_handler)
        # The interrupted code may hold the event's own lock, so another thread has to set it.
        threading.Thread(target=self._stop, name="stop").start()

    def _stop(self) -> None:
        self.asked.set()
        if self._at_work is not None:
            self._at_work.stop.set()

"""SIGTERM and Ctrl-C as requests for an orderly stop after the current page."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from cs_sync.runtime.workspace import Workspace

SIGNALS = (signal.SIGTERM, signal.SIGINT)
EXIT_CODES = {signal.SIGTERM: 0, signal.SIGINT: 130}
"""SIGTERM is how a service is meant to end; 130 is what a shell expects after Ctrl-C."""


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end a command like Ctrl-C.

    Stored data stays, the rest resumes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what signals do
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def end_server_at_once() -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end a server at once.

    It reads alone, so nothing is left half done. A thread may wait for a client's next line, and
    Python would wait for it.
    """

    def end_process(number: int, _frame: FrameType | None) -> None:
        os.write(2, b"stopped\n")
        os._exit(EXIT_CODES[signal.Signals(number)])

    before = {number: signal.signal(number, end_process) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class StopRequest(Struct):
    """A request to stop, and the workspace to pass it to."""

    asked: threading.Event = field(default_factory=threading.Event)
    exit_code: int = 0
    _at_work: "Workspace | None" = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the first signal as a request; the second ends the process."""
        before = {number: signal.signal(number, self._handle_signal) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def attach(self, workspace: "Workspace") -> Iterator[None]:
        """Pass the request to this workspace inside the block."""
        self._at_work = workspace
        if self.asked.is_set():
            workspace.stop.set()
        try:
            yield
        finally:
            self._at_work = None

    def _handle_signal(self, number: int, _frame: FrameType | None) -> None:
        self.exit_code = EXIT_CODES[signal.Signals(number)]
        for each in SIGNALS:
            signal.signal(each, signal.default_int_handler)
        # The interrupted code may hold the event's own lock, so another thread has to set it.
        threading.Thread(target=self._stop, name="stop").start()

    def _stop(self) -> None:
        self.asked.set()
        if self._at_work is not None:
            self._at_work.stop.set()

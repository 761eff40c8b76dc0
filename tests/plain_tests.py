"""Run plain tests without the hooks of pytest that only serve what is shown of them.

Three phases with all hooks, and their reports, take a millisecond for each test: as long as many a
test. Fixtures, warnings as errors, what threads and finalizers raise, and what is shown of a
failure stay as they are. Marks that skip, properties, and fixtures that look at output or logs
need the hooks.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import pytest
from _pytest.capture import CaptureManager
from _pytest.logging import LogCaptureHandler
from _pytest.threadexception import collect_thread_exception
from _pytest.tmpdir import tmppath_result_key
from _pytest.unraisableexception import collect_unraisable
from hypothesis import is_hypothesis_test

MARKS = {"skip", "skipif", "xfail"}
FIXTURES = {"caplog", "capsys", "capfd", "capsysbinary", "capfdbinary", "subtests"}


class PlainTests:
    """A plugin; `pass_on` is told the id and the seconds of each test that passed."""

    def __init__(self, config: pytest.Config, pass_on: Callable[[str, float], None]) -> None:
        capture: Any = config.pluginmanager.getplugin("capturemanager")
        self._capture: CaptureManager = capture
        self._pass_on = pass_on
        self._log = LogCaptureHandler()  # fails a test whose log cannot be formatted

    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        """Run a plain test; None leaves another to pytest."""
        if not _is_plain(item):
            return None
        self._capture.read_global_capture()
        self._capture.resume_global_capture()
        self._log.reset()
        logging.getLogger().addHandler(self._log)
        try:
            self._run(item, nextitem)
        finally:
            logging.getLogger().removeHandler(self._log)
            self._capture.suspend_global_capture()
        return True

    def _run(self, item: Any, following: pytest.Item | None) -> None:
        item.stash[tmppath_result_key] = {}
        state = item.session._setupstate
        if self._run_phase(item, "setup", partial(state.setup, item)) is not None:
            seconds = self._run_phase(item, "call", item.runtest)
            if seconds is not None:
                self._pass_on(item.nodeid, seconds)
        self._run_phase(item, "teardown", partial(state.teardown_exact, following))
        item._request, item.funcargs = False, None  # as pytest: they hold what the test made

    def _run_phase(
        self, item: pytest.Item, when: Literal["setup", "call", "teardown"], work: Callable[[], Any]
    ) -> float | None:
        """Return the seconds, or None after a report of how it ended."""

        def work_and_collect() -> None:
            work()
            collect_unraisable(item.config)
            collect_thread_exception(item.config)

        call = pytest.CallInfo.from_call(
            work_and_collect, when, (KeyboardInterrupt, pytest.exit.Exception)
        )
        if call.excinfo is None:
            return call.duration
        out, err = self._capture.read_global_capture()
        item.add_report_section(when, "stdout", out)
        item.add_report_section(when, "stderr", err)
        item.add_report_section(when, "log", self._log.stream.getvalue().strip())
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        item.ihook.pytest_runtest_logreport(report=report)
        return None


def _is_plain(item: pytest.Item) -> bool:
    return (
        isinstance(item, pytest.Function)
        and not is_hypothesis_test(item.obj)
        and MARKS.isdisjoint(mark.name for mark in item.iter_markers())
        and FIXTURES.isdisjoint(item.fixturenames)
    )

"""Run the quick tests in two forks of the process that has imported and collected them.

A worker of pytest-xdist imports and collects everything once more, and each result is packed and
unpacked: a tenth of all the CPU. Loaded by `-p tests.forks`. Elsewhere than on Linux, where not
every library survives a fork, one process runs them all.
"""

import gc
import os
import re
import sys
import traceback
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain, groupby
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any

import pytest

FORKS = 2
NUMBER = 2
"""Bytes of a group's number in the queue."""
RUNS_COMMANDS = re.compile(r"\b(Place|Acme|small_company|cs_sync\.cli import main)\b")

Groups = list[list[pytest.Item]]


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Let forks run the tests, and report what they send; None leaves it to pytest."""
    if session.testsfailed or session.config.option.collectonly or sys.platform != "linux":
        return None
    groups = _group_items(session.items)
    queue = _fill_queue(len(groups))
    processes = dict(_start_fork(session, groups, queue) for _ in range(FORKS))
    unheard = {item.nodeid: None for item in session.items}
    try:
        for report in _receive_reports(session.config, processes):
            unheard.pop(report.nodeid, None)
            session.config.hook.pytest_runtest_logreport(report=report)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
    finally:
        for process in processes.values():
            os.kill(process, 9)
            os.waitpid(process, 0)
    if unheard:
        session.shouldfail = f"a process died: no result of {', '.join(unheard)}"
        raise session.Failed(session.shouldfail)
    return True


def _group_items(items: list[pytest.Item]) -> Groups:
    """Group the tests of a folder, which share much, and first of all what runs commands.

    The statements of commands are many: each process that runs some compiles them all once more.
    """
    groups: dict[Path | None, list[pytest.Item]] = defaultdict(list, {None: []})
    for path, own in groupby(items, lambda item: item.path):
        runs_commands = RUNS_COMMANDS.search(path.read_text("utf-8"))
        groups[None if runs_commands else path.parent] += own
    return [group for group in groups.values() if group]


def _fill_queue(length: int) -> int:
    """Return a pipe's end with the groups' numbers: whoever reads one takes that group."""
    reading, writing = os.pipe()
    os.write(writing, b"".join(number.to_bytes(NUMBER) for number in range(length)))
    os.close(writing)
    return reading


def _start_fork(session: pytest.Session, groups: Groups, queue: int) -> tuple[Connection, int]:
    """Start a process that takes one group after another; return its reports and its number."""
    receiver, sender = Pipe(duplex=False)
    process = os.fork()
    if process:
        sender.close()
        return receiver, process
    try:
        gc.disable()  # a fork ends before garbage fills the memory
        _report_to(sender, session.config)
        items = _take_items(groups, queue)
        item = next(items, None)
        for following in chain(items, [None]):
            if item is not None:
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            item = following
    except BaseException:
        sender.send(traceback.format_exc())
    finally:
        os._exit(0)  # what was registered to run at exit is the first process's


def _take_items(groups: Groups, queue: int) -> Iterator[pytest.Item]:
    while number := os.read(queue, NUMBER):
        yield from groups[int.from_bytes(number)]


def _report_to(sender: Connection, config: pytest.Config) -> None:
    """Send the reports that are counted, and capture output in files of this process's own."""
    manager = config.pluginmanager
    manager.unregister(name="terminalreporter")
    capture: Any = manager.getplugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()

    class Reports:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.passed:
                report.sections.clear()  # what it printed
            if report.when == "call" or not report.passed:
                hook = config.hook.pytest_report_to_serializable
                sender.send(hook(config=config, report=report))

    manager.register(Reports())


def _receive_reports(
    config: pytest.Config, processes: dict[Connection, int]
) -> Iterator[pytest.TestReport]:
    """Yield every report until all processes have ended."""
    readers = list(processes)
    while readers:
        for reader in wait(readers):
            assert isinstance(reader, Connection)
            try:
                content = reader.recv()
            except EOFError:
                readers.remove(reader)
                continue
            if isinstance(content, str):
                raise RuntimeError(content)
            yield config.hook.pytest_report_from_serializable(config=config, data=content)

"""What holds for every test: neither the terminal, nor chance, nor a busy machine decides."""

import atexit
import gc
import os
import re
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

os.environ.pop("COLUMNS", None)
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ

SAME_EVERYWHERE = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
# No example depends on constants of the code, nor on which modules other tests have imported.
providers._get_local_constants = lambda: providers._local_constants
settings.register_profile("quick", SAME_EVERYWHERE, max_examples=10)
settings.register_profile("thorough", SAME_EVERYWHERE, max_examples=150)
settings.load_profile("quick")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files out whose tests are all slow where no slow test is wanted.

    To import and collect them takes longer than many of the quick tests.
    """
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return "\npytestmark = pytest.mark.slow(" in collection_path.read_text("utf-8") or None


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: no collection of garbage needs to walk through them, and
    what a test leaves behind is collected with that of many others."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 50)
    if not IS_WORKER:
        atexit.register(gc.unfreeze)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let a worker send only what is read, and end at once when it has sent everything."""
    if IS_WORKER:
        _send_less(session.config)
        # The controller has all reports by then, and what was registered later has run. Else Python
        # walks through a gigabyte of tests and statements to free it, for more than ten seconds.
        atexit.register(os._exit, 0)


def pytest_sessionfinish() -> None:
    """Spare a worker the last collections of garbage, whose findings nobody would receive."""
    if IS_WORKER:
        gc.freeze()


def _send_less(config: pytest.Config) -> None:
    """Keep the reports of setups and teardowns that passed, and the starts of tests.

    The controller counts the others alone; six messages a test become three.
    """
    plugins = config.pluginmanager.get_plugins()
    interactor: Any = next(plugin for plugin in plugins if hasattr(plugin, "sendevent"))
    send = interactor.sendevent

    def send_if_read(name: str, **content: Any) -> None:
        report = content.get("data", {}) if name == "testreport" else {}
        is_idle = report.get("outcome") == "passed" and report.get("when") != "call"
        if name != "logstart" and not is_idle:
            send(name, **content)

    interactor.sendevent = send_if_read


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give all files whose quick tests run commands to one worker.

    The statements of commands are many: each worker that runs some compiles them all once more.
    Slow tests take far longer than that: there each worker takes the next file.
    """
    if config.getvalue("dist") != "loadfile" or "not slow" not in config.getvalue("markexpr"):
        return None
    from xdist.scheduler import LoadFileScheduling

    class CommandsTogether(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "commands" if _runs_commands(config.rootpath / file) else file

    return CommandsTogether(config, log)


RUNS_COMMANDS = re.compile(r"\b(Place|Acme|small_company|cs_sync\.cli import main)\b")


@cache
def _runs_commands(file: Path) -> bool:
    return bool(RUNS_COMMANDS.search(file.read_text("utf-8")))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the promise of the kit that starts a process, and the kit on the second template."""
    if getattr(item, "originalname", "") == "test_importing_it_opens_no_connection":
        item.add_marker(pytest.mark.slow("starts a process"))
    if "rest-template" in item.path.parts:  # whose copies begin without a mark
        item.add_marker(pytest.mark.slow("syncs for each promise, as the first template does"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what a passed test printed in its worker: nobody reads it, and sending it is slow."""
    report = yield
    if report.passed and IS_WORKER:
        report.sections.clear()
    return report


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """No test pays for what another one has computed; see `tests/computed_once.py`."""
    from tests.computed_once import compute_once  # the process that only counts needs none of it

    with pytest.MonkeyPatch.context() as patch:
        compute_once(patch)
        yield

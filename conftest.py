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


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: no collection of garbage needs to walk through them, and
    what a test leaves behind is collected with that of many others."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 50)
    atexit.register(gc.unfreeze)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give all files whose tests run commands to one worker.

    The statements of commands are many: each worker that runs some compiles them all once more.
    """
    from xdist.scheduler import LoadFileScheduling

    class CommandsTogether(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "commands" if _runs_commands(config.rootpath / file) else file

    return CommandsTogether(config, log) if config.getvalue("dist") == "loadfile" else None


RUNS_COMMANDS = re.compile(r"\b(Place|Acme|small_company|cs_sync\.cli import main)\b")


@cache
def _runs_commands(file: Path) -> bool:
    return bool(RUNS_COMMANDS.search(file.read_text("utf-8")))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the promise of the connector kit that starts a process for each connector."""
    if getattr(item, "originalname", "") == "test_importing_it_opens_no_connection":
        item.add_marker(pytest.mark.slow("starts a process"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what a passed test printed in its worker: nobody reads it, and sending it is slow."""
    report = yield
    if report.passed and "PYTEST_XDIST_WORKER" in os.environ:
        report.sections.clear()
    return report


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """No test pays for what another one has computed; see `tests/computed_once.py`."""
    from tests.computed_once import compute_once  # the process that only counts needs none of it

    with pytest.MonkeyPatch.context() as patch:
        compute_once(patch)
        yield

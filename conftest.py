"""What holds for every test: neither the terminal, nor chance, nor a busy machine decides."""

import atexit
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

os.environ.pop("COLUMNS", None)
gc.set_threshold(100_000, 10, 50)  # tests leave little behind
gc.disable()  # until all are collected: what is imported stays
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
LONGEST = (
    "tests/test_installing.py",
    "tests/write_back/test_ledger_machine.py",
    "tests/histories/test_histories.py",
    "tests/jobs/test_kept_results.py",
    "tests/jobs/test_true_mrr.py",
    "tests/foresight/test_sandbox_backtest.py",
    "tests/soak/test_soak.py",
    "tests/soak/test_workers_soak.py",
    "tests/metrics/test_databases.py",
    "tests/scaffold/test_new_connector.py",
    "plugins/hubspot/tests/test_conformance.py",
    "tests/rest/test_every_paginator.py",
)
"""Files that take long: a worker that came to one last would keep the other waiting."""

SAME_EVERYWHERE = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
# No example depends on constants of the code, nor on which modules other tests have imported.
providers._get_local_constants = lambda: providers._local_constants
settings.register_profile("quick", SAME_EVERYWHERE, max_examples=5)
settings.register_profile("thorough", SAME_EVERYWHERE, max_examples=150)
settings.load_profile("quick")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files out whose tests are all slow where no slow test is wanted.

    To import and collect them takes longer than many of the quick tests.
    """
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return "\npytestmark = pytest.mark.slow(" in collection_path.read_text("utf-8") or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let workers begin with the files that take longest."""
    if IS_WORKER:
        places = {name: place for place, name in enumerate(LONGEST)}
        if missing := [name for name in places if not (config.rootpath / name).exists()]:
            raise pytest.UsageError(f"conftest.py: LONGEST names {missing[0]}, which is not there")
        items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: no collection of garbage needs to walk through them."""
    gc.freeze()
    gc.enable()
    if not IS_WORKER:
        atexit.unregister(gc.freeze)  # the command line's; DuckDB would list what is left as leaks
        atexit.register(gc.unfreeze)


def pytest_sessionstart() -> None:
    """Let a worker end at once when it has sent everything."""
    if IS_WORKER:
        # The controller has all reports by then, and what was registered later has run. Else Python
        # walks through a gigabyte of tests and statements to free it, for more than ten seconds.
        atexit.register(os._exit, 0)


def pytest_sessionfinish() -> None:
    """Spare a worker the last collections of garbage, whose findings nobody would receive."""
    if IS_WORKER:
        gc.freeze()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the promise of the kit that starts a process, and the kit on the second template."""
    if getattr(item, "originalname", "") == "test_importing_it_opens_no_connection":
        item.add_marker(pytest.mark.slow("starts a process"))
    if (
        getattr(item, "originalname", "")
        == "test_the_last_record_of_a_page_is_deleted_before_a_killed_run_goes_on"
    ):
        item.add_marker(pytest.mark.slow("syncs often; without a kill the next case shows it"))
    if "rest-template" in item.path.parts:  # whose copies begin without a mark
        item.add_marker(pytest.mark.slow("syncs for each promise, as the first template does"))


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """No test pays for what another one has computed; see `tests/computed_once.py`."""
    from tests.computed_once import compute_once  # the process that only counts needs none of it

    with pytest.MonkeyPatch.context() as patch:
        compute_once(patch)
        yield

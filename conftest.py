"""What holds for every test: neither the terminal, nor chance, nor a busy machine decides."""

import atexit
import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.computed_once import compute_once

os.environ.pop("COLUMNS", None)

SAME_EVERYWHERE = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
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


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """No test pays for what another one has computed; see `tests/computed_once.py`."""
    with pytest.MonkeyPatch.context() as patch:
        compute_once(patch)
        yield

"""Assertions with readable messages on a connector's behaviour."""

from typing import NoReturn

import pytest

from cs_sync.sync.reader import SWALLOWED
from cs_sync.testing.stored import Rows, describe_differences
from cs_sync.testing.syncing import SyncHarness, SyncRun, run_reference


def require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as `assert` does
    """Fail the case with this message unless the condition holds."""
    if not holds:
        fail_case(otherwise)


def fail_case(reason: str) -> NoReturn:
    """Fail the case with this message."""
    pytest.fail(reason, pytrace=False)


def skip_case(reason: str) -> NoReturn:
    """Skip the case because of a fact about the connector."""
    pytest.skip(reason)


def assert_same_rows(expected: Rows, actual: Rows, when: str) -> None:
    """Fail with the first differences unless both databases have the same rows."""
    differences = describe_differences(expected, actual)
    require(not differences, "\n  ".join((f"{when}, other rows are stored:", *differences)))


def assert_undisturbed(bench: SyncHarness, when: str) -> None:
    """Fail unless the stored rows equal those of an undisturbed run."""
    assert_same_rows(run_reference(bench.kind).rows, bench.rows(), when)


def assert_completed(run: SyncRun, when: str) -> None:
    """Fail unless every stream ended.

    Records spoiled by the data may be rejected.
    """
    failed = [outcome for outcome in run.outcomes.values() if outcome.status == "failed"]
    require(not failed and not run.killed, f"{when}, the run fails:\n{run.problems()}")


def refuse_swallowed(run: SyncRun, when: str) -> None:
    """Fail if a stream went on after an error of its client."""
    for outcome in run.outcomes.values():
        if SWALLOWED in (outcome.error or ""):
            fail_case(
                f"{when}, {outcome.stream} catches the error and goes on; let errors of `http`"
                f" through: {outcome.error}"
            )


def require_network(bench: SyncHarness) -> None:
    """Skip the case if the connector sends no requests."""
    if not run_reference(bench.kind).run.sent:
        skip_case("it sends no requests")

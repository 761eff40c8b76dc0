"""Verdicts in words: what a connector did, where it should have done something else."""

from typing import NoReturn

import pytest

from cs_sync.testing.stored import Rows, differences
from cs_sync.testing.syncing import Run, SyncBench, reference


def must(holds: bool, otherwise: str) -> None:
    """Fail the case with these words unless the condition holds."""
    if not holds:
        pytest.fail(otherwise, pytrace=False)


def not_applicable(reason: str) -> NoReturn:
    """Skip the case for a reason that a fact of the connector gives."""
    pytest.skip(reason)


def same_rows(expected: Rows, found: Rows, when: str) -> None:
    """Both databases hold the same; else the first differences."""
    told = differences(expected, found)
    must(not told, "\n  ".join((f"{when}, other rows are stored:", *told)))


def same_as_undisturbed(bench: SyncBench, when: str) -> None:
    """What is stored is what an undisturbed run stores."""
    same_rows(reference(bench.kind).rows, bench.rows(), when)


def came_through(run: Run, when: str) -> None:
    """Every stream came to its end; records that the vendor's data themselves spoil may be kept."""
    failed = [outcome for outcome in run.outcomes.values() if outcome.status == "failed"]
    must(not failed and not run.killed, f"{when}, the run fails:\n{run.problems()}")


def needs_network(bench: SyncBench) -> None:
    """Skip where the connector sends no requests that could fail."""
    if not reference(bench.kind).run.sent:
        not_applicable("it sends no requests")

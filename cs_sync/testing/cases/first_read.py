"""The first read: everything arrives and nothing is rejected, or no other case says anything."""

from collections.abc import Iterable, Iterator
from functools import cache

from cs_sync.testing.assertions import fail_case, require, skip_case
from cs_sync.testing.cases.changes import run_changes
from cs_sync.testing.row_faults import find_row_faults
from cs_sync.testing.syncing import Reference, SyncHarness, run_reference
from cs_sync.testing.vendor import VendorFake

FIRST_CASE = "test_everything_arrives_and_nothing_is_rejected"
MAX_SHOWN = 5
_told: set[type[VendorFake]] = set()
"""Vendors whose first case has failed with the whole message."""


class FirstReadCases:
    """The case that stands before all others."""

    def test_everything_arrives_and_nothing_is_rejected(self, bench: SyncHarness) -> None:
        """No row is rejected or inexact, and every stated type comes."""
        problem = find_problem(bench.kind)
        _told.add(bench.kind)
        require(not problem, problem)


def stop_unless_sound(kind: type[VendorFake], case: str) -> None:
    """End a case whose vendor's first read is not sound.

    What is wrong is said in full once.
    """
    problem = "" if case == FIRST_CASE else find_problem(kind)
    if problem and kind in _told:
        skip_case(f"{FIRST_CASE} fails: {problem.splitlines()[0]}")
    if problem:
        fail_case(problem)


@cache
def find_problem(kind: type[VendorFake]) -> str:
    """Describe what is wrong with a vendor's undisturbed first read.

    Empty if nothing is.
    """
    reference = run_reference(kind)
    looks = (_find_failures, _find_faulty_rows, _find_rejects, _find_empty_streams)
    for look in looks:
        if problems := list(dict.fromkeys(look(reference))):
            return _join(problems)
    return _join(_find_absent_records(kind, reference))


def _join(problems: Iterable[str]) -> str:
    lines = list(problems)
    more = len(lines) - MAX_SHOWN
    return "\n  ".join(lines[:MAX_SHOWN] + ([f"… and {more} more"] if more > 0 else []))


def _find_failures(reference: Reference) -> Iterator[str]:
    for name, outcome in reference.run.outcomes.items():
        if outcome.status == "failed":
            yield f"{name} fails although nothing disturbs it: {outcome.error}"


def _find_faulty_rows(reference: Reference) -> Iterator[str]:
    """Yield the first fault of each field."""
    faults: dict[str, str] = {}
    for stream, page in reference.run.read:
        for record, rows in page.records.items():
            for name, fault in (fault for row in rows for fault in find_row_faults(record, row)):
                faults.setdefault(f"{stream.name}: {record.__name__}.{name}", fault)
    yield from (f"{place} {fault}" for place, fault in faults.items())


def _find_rejects(reference: Reference) -> Iterator[str]:
    for name, outcome in reference.run.outcomes.items():
        rejects = [reject for reject in reference.rejects if reject["stream"] == name]
        if rejects:
            total = outcome.stored.main
            yield f"{name}: {len(rejects)} records are rejected, of {total} that it has:"
        for reject in rejects:
            yield f"{reject['record']} {reject['source_id']}: {reject['reason']}"


def _find_empty_streams(reference: Reference) -> Iterator[str]:
    for name, outcome in reference.run.outcomes.items():
        if not outcome.stored.records:
            yield f"{name}: the fake vendor has no record that is stored"


def _find_absent_records(kind: type[VendorFake], reference: Reference) -> Iterator[str]:
    """Yield the stated record types that never come, also after changes."""
    seen = {key[0] for key in reference.rows}
    for name, stream in reference.streams.items():
        absent = [r for r in stream.record_types if r not in kind.never]
        absent = [record for record in absent if str(record.__tablename__) not in seen]
        if absent:
            seen |= {key[0] for key in run_changes(kind).rows}
        for record in absent:
            if str(record.__tablename__) not in seen:
                yield (
                    f"{name} states {record.__name__}, and no record of it ever comes: emit it,"
                    f" take it out of the stream, or name it in {kind.__name__}.never with the"
                    " reason"
                )

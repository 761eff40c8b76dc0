"""Changes at the vendor: an incremental run gives the same rows as a full one."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import httpx
from sqlalchemy import select

from cs_sync.contracts.source import Stream
from cs_sync.testing.assertions import (
    assert_completed,
    assert_same_rows,
    require,
    require_network,
    skip_case,
)
from cs_sync.testing.cases.interruptions import MAX_PROCESSES
from cs_sync.testing.fault_transport import Exchange, Fault, pass_through
from cs_sync.testing.stored import Rows
from cs_sync.testing.syncing import SyncHarness, SyncRun, run_reference
from cs_sync.testing.vendor import VendorFake
from cs_sync_schemas import Alias, get_table

T = TypeVar("T")
SAME_INSTANT = 5
LATER = 90
"""Minutes between a change and the next run: longer than any vendor needs to show it."""
BEYOND = timedelta(days=3)
"""How much longer than changes are told a gap is."""


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """Result of one change of every kind in every stream, after the next run."""

    added: Mapping[str, str]
    edited: Mapping[str, str]
    deleted: Mapping[str, str]
    merged: Mapping[str, tuple[str, str]]
    before: Rows
    rows: Rows
    present: Rows
    read_anew: Rows


class ChangeCases:
    """Cases with added, changed and deleted records."""

    def test_an_added_record_arrives(self, bench: SyncHarness) -> None:
        """The next run stores it."""
        result = run_changes(bench.kind)
        for stream, name in _require_changes(result.added, "add").items():
            lives = _is_present(bench, result.present, stream, name)
            require(lives, f"{stream}: {name} was added and is not stored")

    def test_an_edited_record_is_updated(self, bench: SyncHarness) -> None:
        """The next run stores what it says now."""
        result = run_changes(bench.kind)
        for stream, name in _require_changes(result.edited, "edit").items():
            previous = {k: v for k, v in result.before.items() if name in k or name in v.values()}
            changed = any(result.present.get(key) != fields for key, fields in previous.items())
            require(changed, f"{stream}: {name} was edited and is stored as it was")

    def test_a_deleted_record_is_marked(self, bench: SyncHarness) -> None:
        """The next run gives it a tombstone; its row stays."""
        if not _streams_with_deletes(bench.kind):
            skip_case('every stream states deletes="never"')
        result = run_changes(bench.kind)
        for stream, name in _require_changes(result.deleted, "delete").items():
            has_row = any(key[:2] == (_table_name(bench, stream), name) for key in result.rows)
            require(has_row, f"{stream}: {name} was deleted and its row is gone altogether")
            lives = _is_present(bench, result.present, stream, name)
            require(not lives, f"{stream}: {name} was deleted and lives on")

    def test_a_merged_record_leads_to_its_survivor(self, bench: SyncHarness) -> None:
        """A merged record is marked, with the id it lives on under.

        By the next run.
        """
        result = run_changes(bench.kind)
        for stream, (merged, survivor) in _require_changes(result.merged, "merge").items():
            lives = _is_present(bench, result.present, stream, merged)
            require(not lives, f"{stream}: {merged} was merged and lives on")
            lives = _is_present(bench, result.present, stream, survivor)
            require(lives, f"{stream}: the survivor {survivor} is missing")
            alias = (str(Alias.__tablename__), merged)
            aliases = [fields for key, fields in result.rows.items() if key[:2] == alias]
            has_alias = any(fields["survivor_source_id"] == survivor for fields in aliases)
            require(has_alias, f"{stream}: nothing says that {merged} lives on as {survivor}")

    def test_a_removed_child_is_ended(self, bench: SyncHarness) -> None:
        """A rating that its ticket no longer has ends.

        So does any child of an owner: by the next run, and by a full one. Its type is among the
        stream's `children`, or the pages name it as deleted.
        """
        bench.restore_first_run()
        streams = run_reference(bench.kind).streams
        removed = {name: bench.vendor.remove_child(name) for name in streams}
        removed = {name: child for name, child in removed.items() if child is not None}
        if not removed:
            skip_case("no stream of the fake vendor can remove a child")
        for full, how in ((False, "by the next run"), (True, "with --full")):
            bench.restore(run_reference(bench.kind).database)
            bench.advance_clock(LATER)
            assert_completed(bench.sync(full=full), f"after a child was removed, {how}")
            kept = {
                f"{name}: {child} was removed from its owner and lives on {how}"
                for name, child in removed.items()
                for key in bench.present()
                if key[1] == child and key[0] in _list_child_tables(streams[name])
            }
            require(not kept, "; ".join(sorted(kept)))

    def test_incremental_equals_full(self, bench: SyncHarness) -> None:
        """Rows brought up to date equal rows read anew.

        After every kind of change.
        """
        result = run_changes(bench.kind)
        assert_same_rows(result.read_anew, result.present, "incrementally rather than in full")

    def test_a_full_read_knows_what_was_deleted(self, bench: SyncHarness) -> None:
        """A full read finds what is gone, as the next run would.

        It is told, or finds it.
        """
        bench.restore_first_run()
        deleted = _delete_everywhere(bench)
        bench.advance_clock(LATER)
        assert_completed(bench.sync(full=True), "read in full after deletions")
        _check_deleted(bench, deleted, "in a full read")

    def test_what_was_deleted_in_a_gap_is_learnt(self, bench: SyncHarness) -> None:
        """Deletions in a gap are learnt, also by a run that dies.

        Nobody reads for longer than changes are told; the run that does dies once, and goes on.
        What is told for ever is told after the gap, too.
        """
        retention_periods = [
            s.history for s in run_reference(bench.kind).streams.values() if s.history
        ]
        if not retention_periods:
            skip_case("no stream states a `history`: changes are told for ever")
        bench.restore_first_run()
        deleted = _delete_everywhere(bench)
        bench.advance_clock((max(retention_periods) + BEYOND) // timedelta(minutes=1))
        for stream in run_reference(bench.kind).streams:
            bench.sync(only=[stream], pages=1)
        assert_completed(bench.sync(), "after a gap")
        _check_deleted(bench, deleted, "in a gap")

    def test_records_of_one_instant_are_all_read(self, bench: SyncHarness) -> None:
        """More records than a page holds change at one instant.

        They lie across the edge of a page.
        """
        bench.restore_first_run()
        bench.vendor.page_size = 2
        streams = run_reference(bench.kind).streams
        many = [(name, bench.vendor.add(name)) for name in streams for _ in range(SAME_INSTANT)]
        added = [(stream, name) for stream, name in many if name is not None]
        if not added:
            skip_case("no stream of the fake vendor can add a record")
        assert_completed(_run_next(bench), "after many additions at once")
        present = bench.present()
        for stream, name in added:
            lives = _is_present(bench, present, stream, name)
            require(lives, f"{stream}: {name}, one of {SAME_INSTANT} of one instant, is missing")
        assert_same_rows(_read_from_scratch(bench), present, "after many additions at once")

    def test_changes_during_the_read_are_not_lost(self, bench: SyncHarness) -> None:
        """What changes between two pages is in the next run.

        Records are edited, added and deleted.
        """
        require_network(bench)
        requests = len(run_reference(bench.kind).run.sent)
        for number in (requests // 3, requests):
            with tempfile.TemporaryDirectory() as folder:
                fresh = SyncHarness(bench.kind, Path(folder))
                assert_completed(
                    fresh.sync(_change_at_request(number, fresh)), "changed during the read"
                )
                assert_completed(_run_next(fresh), "after changes during a read")
                when = f"changed before request {number} of {requests}"
                assert_same_rows(_read_from_scratch(fresh), fresh.present(), when)
                fresh.close()

    def test_the_last_record_of_a_page_is_deleted_before_the_next_page(
        self, bench: SyncHarness
    ) -> None:
        """The list goes on without the record that it had come to."""
        _check_deletion_at_cursor(bench, _delete_once_stored, "before the next page")

    def test_the_last_record_of_a_page_is_deleted_before_a_killed_run_goes_on(
        self, bench: SyncHarness
    ) -> None:
        """The next process goes on without the deleted last record.

        The killed one had come to it.
        """
        _check_deletion_at_cursor(bench, _kill_and_delete, "before a killed run goes on")

    def test_killed_in_an_incremental_run_nothing_is_lost(self, bench: SyncHarness) -> None:
        """The run with the changes dies after each stream's first page."""
        bench.restore_first_run()
        _change_everything(bench)
        bench.advance_clock(LATER)
        for stream in run_reference(bench.kind).streams:
            bench.sync(only=[stream], pages=1)
        assert_completed(bench.sync(), "after a killed incremental run")
        expected = run_changes(bench.kind).read_anew
        assert_same_rows(expected, bench.present(), "after a killed incremental run")


@cache
def run_changes(kind: type[VendorFake]) -> ChangeResult:
    """Make one change of every kind in every stream and sync.

    Done once for all cases.
    """
    with tempfile.TemporaryDirectory() as folder:
        bench = SyncHarness(kind, Path(folder))
        bench.restore_first_run()
        before = bench.present()
        changes = _change_everything(bench)
        assert_completed(_run_next(bench), "after changes")
        result = ChangeResult(
            *changes, before, bench.rows(), bench.present(), _read_from_scratch(bench)
        )
        bench.close()
    return result


@cache
def _next_deletions(kind: type[VendorFake]) -> Mapping[str, str]:
    """Return stream → id of the record that its next deletion affects."""
    with tempfile.TemporaryDirectory() as folder:
        bench = SyncHarness(kind, Path(folder))
        made = _delete_everywhere(bench)
        bench.close()
    return made


def _check_deletion_at_cursor(
    bench: SyncHarness, delete: Callable[[SyncHarness, str, str], Fault], when: str
) -> None:
    """Check with pages of one record, each the last one.

    Any deleted record was the last of its page.
    """
    require_network(bench)
    for stream, name in _next_deletions(bench.kind).items():
        with tempfile.TemporaryDirectory() as folder:
            fresh = SyncHarness(bench.kind, Path(folder))
            size, fresh.vendor.page_size = fresh.vendor.page_size, 1
            run = fresh.sync(delete(fresh, stream, name), only=[stream])
            assert_completed(run, f"{name} is deleted {when}")
            require(_is_stored(fresh, stream, name), f"{stream}: {name} is never shown")
            fresh.vendor.page_size = size
            assert_completed(_run_next(fresh), f"{name} was deleted {when}")
            assert_same_rows(
                _read_from_scratch(fresh), fresh.present(), f"{name} was deleted {when}"
            )
            fresh.close()


def _delete_once_stored(bench: SyncHarness, stream: str, name: str) -> Fault:
    """Delete the record before the request after its page."""
    waiting = [stream]

    def fault(exchange: Exchange) -> httpx.Response:
        if waiting and _is_stored(bench, stream, name):
            bench.vendor.delete(waiting.pop())
        return exchange.answer()

    return fault


def _kill_and_delete(bench: SyncHarness, stream: str, name: str) -> Fault:
    """Kill processes until the record is stored; then delete it.

    Each is killed after a page.
    """
    for _ in range(MAX_PROCESSES):
        if _is_stored(bench, stream, name):
            break
        killed = bench.sync(only=[stream], pages=1).killed
        require(killed, f"{stream}: {name} is never shown")
    bench.vendor.delete(stream)
    return pass_through


def _delete_everywhere(bench: SyncHarness) -> Mapping[str, str]:
    """Delete a record in every stream that reports deletions.

    Returns stream → id.
    """
    telling = _streams_with_deletes(bench.kind)
    if not telling:
        skip_case('every stream states deletes="never"')
    made = {name: bench.vendor.delete(name) for name in telling}
    return _require_changes({name: id_ for name, id_ in made.items() if id_ is not None}, "delete")


def _check_deleted(bench: SyncHarness, deleted: Mapping[str, str], when: str) -> None:
    present = bench.present()
    for stream, name in deleted.items():
        require(
            not _is_present(bench, present, stream, name),
            f"{stream}: {name}, deleted {when}, lives on",
        )
    anew = _read_from_scratch(bench)
    passing = passing_tables(bench.kind)
    remaining = {key: row for key, row in present.items() if key in anew or key[0] not in passing}
    assert_same_rows(anew, remaining, f"after deletions {when}")


def passing_tables(kind: type[VendorFake]) -> set[str]:
    """List tables of what a vendor shows only for a time.

    It never takes it back.
    """
    streams = run_reference(kind).streams.values()
    passing = (s for s in streams if s.deletes == "never" and s.history is not None)
    return {str(stream.record.__tablename__) for stream in passing}


def _run_next(bench: SyncHarness) -> SyncRun:
    bench.advance_clock(LATER)
    return bench.sync()


def _require_changes(made: Mapping[str, T], what: str) -> Mapping[str, T]:
    """Return the changes.

    Skips if the fake vendor can make none of this kind.
    """
    if not made:
        skip_case(f"no stream of the fake vendor can {what} a record")
    return made


def _change_everything(bench: SyncHarness) -> tuple[Any, Any, Any, Any]:
    """Add, edit, delete and merge where streams can show it.

    Returns stream → changes.
    """
    streams = list(run_reference(bench.kind).streams)
    vendor = bench.vendor
    steps = (
        (vendor.add, streams),
        (vendor.edit, streams),
        (vendor.delete, _streams_with_deletes(bench.kind)),
        (vendor.merge, streams),
    )
    done = [{name: change(name) for name in names} for change, names in steps]
    made = [{name: what for name, what in each.items() if what is not None} for each in done]
    return made[0], made[1], made[2], made[3]


def _streams_with_deletes(kind: type[VendorFake]) -> list[str]:
    """Return the streams that report deletions."""
    streams = run_reference(kind).streams
    return [name for name, stream in streams.items() if stream.deletes != "never"]


def _change_at_request(number: int, bench: SyncHarness) -> Fault:
    def fault(exchange: Exchange) -> httpx.Response:
        if exchange.number == number:
            _change_everything(bench)
        return exchange.answer()

    return fault


def _read_from_scratch(bench: SyncHarness) -> Rows:
    """Read the same vendor into an empty database; return its rows."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = SyncHarness(bench.kind, Path(folder))
        fresh.take_over(bench)
        assert_completed(fresh.sync(), "read anew")
        rows = fresh.present()
        fresh.close()
    return rows


def _is_stored(bench: SyncHarness, stream: str, source_id: str) -> bool:
    table = get_table(run_reference(bench.kind).streams[stream].record)
    with bench.store.read() as connection:
        query = select(table.c.source_id).where(table.c.source_id == source_id).limit(1)
        return connection.scalar(query) is not None


def _is_present(bench: SyncHarness, present: Rows, stream: str, source_id: str) -> bool:
    return any(key[:2] == (_table_name(bench, stream), source_id) for key in present)


def _list_child_tables(stream: Stream) -> set[str]:
    """Return the tables of a stream other than its own records'."""
    return {str(record.__tablename__) for record in stream.record_types[1:]}


def _table_name(bench: SyncHarness, stream: str) -> str:
    return str(run_reference(bench.kind).streams[stream].record.__tablename__)

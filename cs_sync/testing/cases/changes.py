"""Changes at the vendor: an incremental run ends where a full one would."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import httpx
from sqlalchemy import select

from cs_sync.testing.stored import Rows
from cs_sync.testing.syncing import Run, SyncBench, reference
from cs_sync.testing.vendor import VendorFake
from cs_sync.testing.verdicts import came_through, must, needs_network, not_applicable, same_rows
from cs_sync.testing.wire import Exchange, Fault, no_fault
from cs_sync_schemas import Alias, table_of

T = TypeVar("T")
SAME_INSTANT = 5
LATER = 90
"""Minutes between a change and the next run: longer than any vendor needs to show it."""
BEYOND = timedelta(days=3)
"""How much longer than changes are told a gap is."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of one change of every kind in every stream, after the next run."""

    added: Mapping[str, str]
    edited: Mapping[str, str]
    deleted: Mapping[str, str]
    merged: Mapping[str, tuple[str, str]]
    before: Rows
    rows: Rows
    present: Rows
    read_anew: Rows


class ChangeCases:
    """What holds when records come, change and go."""

    def test_an_added_record_arrives(self, bench: SyncBench) -> None:
        """The next run stores it."""
        found = _changed(bench.kind)
        for stream, name in _any(found.added, "add").items():
            lives = _lives(bench, found.present, stream, name)
            must(lives, f"{stream}: {name} was added and is not stored")

    def test_an_edited_record_is_updated(self, bench: SyncBench) -> None:
        """The next run stores what it says now."""
        found = _changed(bench.kind)
        for stream, name in _any(found.edited, "edit").items():
            mine = {k: v for k, v in found.before.items() if name in k or name in v.values()}
            changed = any(found.present.get(key) != fields for key, fields in mine.items())
            must(changed, f"{stream}: {name} was edited and is stored as it was")

    def test_a_deleted_record_is_marked(self, bench: SyncBench) -> None:
        """The next run gives it a tombstone; its row stays."""
        if not _telling_deletes(bench.kind):
            not_applicable('every stream states deletes="never"')
        found = _changed(bench.kind)
        for stream, name in _any(found.deleted, "delete").items():
            kept = any(key[:2] == (_table(bench, stream), name) for key in found.rows)
            must(kept, f"{stream}: {name} was deleted and its row is gone altogether")
            lives = _lives(bench, found.present, stream, name)
            must(not lives, f"{stream}: {name} was deleted and lives on")

    def test_a_merged_record_leads_to_its_survivor(self, bench: SyncBench) -> None:
        """The next run marks the one that is gone and remembers under which id it lives on."""
        found = _changed(bench.kind)
        for stream, (gone, survivor) in _any(found.merged, "merge").items():
            lives = _lives(bench, found.present, stream, gone)
            must(not lives, f"{stream}: {gone} was merged and lives on")
            lives = _lives(bench, found.present, stream, survivor)
            must(lives, f"{stream}: the survivor {survivor} is missing")
            alias = (str(Alias.__tablename__), gone)
            aliases = [fields for key, fields in found.rows.items() if key[:2] == alias]
            told = any(fields["survivor_source_id"] == survivor for fields in aliases)
            must(told, f"{stream}: nothing says that {gone} lives on as {survivor}")

    def test_incremental_equals_full(self, bench: SyncBench) -> None:
        """After every kind of change, rows that were brought up to date equal rows read anew."""
        found = _changed(bench.kind)
        same_rows(found.read_anew, found.present, "incrementally rather than in full")

    def test_a_full_read_knows_what_was_deleted(self, bench: SyncBench) -> None:
        """`--full` is told, or finds, what is gone as the next run would be."""
        bench.begin_synced()
        deleted = _delete_everywhere(bench)
        bench.later(LATER)
        came_through(bench.sync(full=True), "read in full after deletions")
        _is_gone(bench, deleted, "in a full read")

    def test_what_was_deleted_in_a_gap_is_learnt(self, bench: SyncBench) -> None:
        """Nobody reads for longer than changes are told; the run that does dies once, and goes on.

        What is told for ever is told after the gap, too.
        """
        told = [s.history for s in reference(bench.kind).streams.values() if s.history]
        if not told:
            not_applicable("no stream states a `history`: changes are told for ever")
        bench.begin_synced()
        deleted = _delete_everywhere(bench)
        bench.later((max(told) + BEYOND) // timedelta(minutes=1))
        for stream in reference(bench.kind).streams:
            bench.sync(only=[stream], pages=1)
        came_through(bench.sync(), "after a gap")
        _is_gone(bench, deleted, "in a gap")

    def test_records_of_one_instant_are_all_read(self, bench: SyncBench) -> None:
        """More records than a page holds change at one instant, across the edge of a page."""
        bench.begin_synced()
        bench.vendor.page_size = 2
        streams = reference(bench.kind).streams
        many = [(name, bench.vendor.add(name)) for name in streams for _ in range(SAME_INSTANT)]
        added = [(stream, name) for stream, name in many if name is not None]
        if not added:
            not_applicable("no stream of the fake vendor can add a record")
        came_through(_next_run(bench), "after many additions at once")
        present = bench.present()
        for stream, name in added:
            lives = _lives(bench, present, stream, name)
            must(lives, f"{stream}: {name}, one of {SAME_INSTANT} of one instant, is missing")
        same_rows(_read_anew(bench), present, "after many additions at once")

    def test_changes_during_the_read_are_not_lost(self, bench: SyncBench) -> None:
        """Records are edited, added and deleted between two pages; the next run has it all."""
        needs_network(bench)
        requests = len(reference(bench.kind).run.sent)
        for number in (requests // 3, requests):
            with tempfile.TemporaryDirectory() as folder:
                fresh = SyncBench(bench.kind, Path(folder))
                came_through(fresh.sync(_changing_at(number, fresh)), "changed during the read")
                came_through(_next_run(fresh), "after changes during a read")
                when = f"changed before request {number} of {requests}"
                same_rows(_read_anew(fresh), fresh.present(), when)
                fresh.close()

    def test_the_last_record_of_a_page_is_deleted_before_the_next_page(
        self, bench: SyncBench
    ) -> None:
        """The list goes on without the record that it had come to."""
        _deleted_behind(bench, _deleting_once_stored, "before the next page")

    def test_the_last_record_of_a_page_is_deleted_before_a_killed_run_goes_on(
        self, bench: SyncBench
    ) -> None:
        """The next process goes on without the record that the killed one had come to."""
        _deleted_behind(bench, _killed_and_deleted, "before a killed run goes on")

    def test_killed_in_an_incremental_run_nothing_is_lost(self, bench: SyncBench) -> None:
        """The run that brings the changes dies after the first page of every stream."""
        bench.begin_synced()
        _change_everything(bench)
        bench.later(LATER)
        for stream in reference(bench.kind).streams:
            bench.sync(only=[stream], pages=1)
        came_through(bench.sync(), "after a killed incremental run")
        wanted = _changed(bench.kind).read_anew
        same_rows(wanted, bench.present(), "after a killed incremental run")


@cache
def _changed(kind: type[VendorFake]) -> Changed:
    """One change of every kind in every stream, and the next run; done once for all cases."""
    with tempfile.TemporaryDirectory() as folder:
        bench = SyncBench(kind, Path(folder))
        bench.begin_synced()
        before = bench.present()
        changes = _change_everything(bench)
        came_through(_next_run(bench), "after changes")
        found = Changed(*changes, before, bench.rows(), bench.present(), _read_anew(bench))
        bench.close()
    return found


@cache
def _would_be_deleted(kind: type[VendorFake]) -> Mapping[str, str]:
    """Stream → id of the record that its next deletion concerns."""
    with tempfile.TemporaryDirectory() as folder:
        bench = SyncBench(kind, Path(folder))
        made = _delete_everywhere(bench)
        bench.close()
    return made


def _deleted_behind(
    bench: SyncBench, delete: Callable[[SyncBench, str, str], Fault], when: str
) -> None:
    """Pages of one record each: whichever is deleted was the last one of its page."""
    needs_network(bench)
    for stream, name in _would_be_deleted(bench.kind).items():
        with tempfile.TemporaryDirectory() as folder:
            fresh = SyncBench(bench.kind, Path(folder))
            size, fresh.vendor.page_size = fresh.vendor.page_size, 1
            run = fresh.sync(delete(fresh, stream, name), only=[stream])
            came_through(run, f"{name} is deleted {when}")
            must(_is_stored(fresh, stream, name), f"{stream}: {name} is never shown")
            fresh.vendor.page_size = size
            came_through(_next_run(fresh), f"{name} was deleted {when}")
            same_rows(_read_anew(fresh), fresh.present(), f"{name} was deleted {when}")
            fresh.close()


def _deleting_once_stored(bench: SyncBench, stream: str, name: str) -> Fault:
    """The record is deleted before the request that follows its page."""
    waiting = [stream]

    def fault(exchange: Exchange) -> httpx.Response:
        if waiting and _is_stored(bench, stream, name):
            bench.vendor.delete(waiting.pop())
        return exchange.answer()

    return fault


def _killed_and_deleted(bench: SyncBench, stream: str, name: str) -> Fault:
    """Processes die after a page each until the record is stored; then it is deleted."""
    while not _is_stored(bench, stream, name):
        killed = bench.sync(only=[stream], pages=1).killed
        must(killed, f"{stream}: {name} is never shown")
    bench.vendor.delete(stream)
    return no_fault


def _delete_everywhere(bench: SyncBench) -> Mapping[str, str]:
    """Delete a record in every stream that can tell: stream → id."""
    telling = _telling_deletes(bench.kind)
    if not telling:
        not_applicable('every stream states deletes="never"')
    made = {name: bench.vendor.delete(name) for name in telling}
    return _any({name: id_ for name, id_ in made.items() if id_ is not None}, "delete")


def _is_gone(bench: SyncBench, deleted: Mapping[str, str], when: str) -> None:
    present = bench.present()
    for stream, name in deleted.items():
        must(
            not _lives(bench, present, stream, name), f"{stream}: {name}, deleted {when}, lives on"
        )
    anew = _read_anew(bench)
    passing = passing_tables(bench.kind)
    kept = {key: row for key, row in present.items() if key in anew or key[0] not in passing}
    same_rows(anew, kept, f"after deletions {when}")


def passing_tables(kind: type[VendorFake]) -> set[str]:
    """Tables of what a vendor shows for a limited time and never takes back."""
    streams = reference(kind).streams.values()
    passing = (s for s in streams if s.deletes == "never" and s.history is not None)
    return {str(stream.record.__tablename__) for stream in passing}


def _next_run(bench: SyncBench) -> Run:
    bench.later(LATER)
    return bench.sync()


def _any(made: Mapping[str, T], what: str) -> Mapping[str, T]:
    """The changes, if the fake vendor can make any of this kind."""
    if not made:
        not_applicable(f"no stream of the fake vendor can {what} a record")
    return made


def _change_everything(bench: SyncBench) -> tuple[Any, Any, Any, Any]:
    """Add, edit, delete and merge, as far as the streams can show it: stream → what happened."""
    streams = list(reference(bench.kind).streams)
    vendor = bench.vendor
    steps = (
        (vendor.add, streams),
        (vendor.edit, streams),
        (vendor.delete, _telling_deletes(bench.kind)),
        (vendor.merge, streams),
    )
    done = [{name: change(name) for name in names} for change, names in steps]
    made = [{name: what for name, what in each.items() if what is not None} for each in done]
    return made[0], made[1], made[2], made[3]


def _telling_deletes(kind: type[VendorFake]) -> list[str]:
    """The streams that can tell of deletes."""
    streams = reference(kind).streams
    return [name for name, stream in streams.items() if stream.deletes != "never"]


def _changing_at(number: int, bench: SyncBench) -> Fault:
    def fault(exchange: Exchange) -> httpx.Response:
        if exchange.number == number:
            _change_everything(bench)
        return exchange.answer()

    return fault


def _read_anew(bench: SyncBench) -> Rows:
    """What a first read into an empty database finds at the same vendor now."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = SyncBench(bench.kind, Path(folder))
        fresh.take_over(bench)
        came_through(fresh.sync(), "read anew")
        rows = fresh.present()
        fresh.close()
    return rows


def _is_stored(bench: SyncBench, stream: str, source_id: str) -> bool:
    table = table_of(reference(bench.kind).streams[stream].record)
    with bench.store.read() as connection:
        found = select(table.c.source_id).where(table.c.source_id == source_id).limit(1)
        return connection.scalar(found) is not None


def _lives(bench: SyncBench, present: Rows, stream: str, source_id: str) -> bool:
    return any(key[:2] == (_table(bench, stream), source_id) for key in present)


def _table(bench: SyncBench, stream: str) -> str:
    return str(reference(bench.kind).streams[stream].record.__tablename__)

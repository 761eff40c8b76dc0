"""Changes at the vendor: an incremental run ends where a full one would."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import httpx

from cs_sync.testing.stored import Key, Rows
from cs_sync.testing.syncing import Run, SyncBench, reference
from cs_sync.testing.verdicts import came_through, must, needs_network, not_applicable, same_rows
from cs_sync.testing.wire import Exchange, Fault
from cs_sync_schemas import Alias

T = TypeVar("T")
LATER = 90
"""Minutes between a change and the next run: longer than any vendor needs to show it."""


class ChangeCases:
    """What holds when records come, change and go."""

    def test_an_added_record_arrives(self, bench: SyncBench) -> None:
        """The next run stores it."""
        bench.sync()
        added = _change(bench, bench.vendor.add, "add")
        came_through(_next_run(bench), "after an addition")
        for stream, name in added.items():
            must(_living(bench, stream, name), f"{stream}: {name} was added and is not stored")

    def test_an_edited_record_is_updated(self, bench: SyncBench) -> None:
        """The next run stores what it says now."""
        bench.sync()
        before = bench.present()
        edited = _change(bench, bench.vendor.edit, "edit")
        came_through(_next_run(bench), "after an edit")
        after = bench.present()
        for stream, name in edited.items():
            changed = any(after.get(k) != v for k, v in before.items() if name in k)
            must(changed, f"{stream}: {name} was edited and is stored as it was")

    def test_a_deleted_record_is_marked(self, bench: SyncBench) -> None:
        """The next run gives it a tombstone; its row stays."""
        streams = reference(bench.kind).streams
        bench.sync()
        gone = _change(bench, bench.vendor.delete, "delete", _that_tell_deletes(bench))
        came_through(_next_run(bench), "after a deletion")
        for stream, name in gone.items():
            table = str(streams[stream].record.__tablename__)
            kept = any(key[:2] == (table, name) for key in bench.rows())
            must(kept, f"{stream}: {name} was deleted and its row is gone altogether")
            must(not _living(bench, stream, name), f"{stream}: {name} was deleted and lives on")

    def test_a_merged_record_leads_to_its_survivor(self, bench: SyncBench) -> None:
        """The next run marks the one that is gone and remembers under which id it lives on."""
        bench.sync()
        merged = _change(bench, bench.vendor.merge, "merge")
        came_through(_next_run(bench), "after a merge")
        for stream, (gone, survivor) in merged.items():
            must(not _living(bench, stream, gone), f"{stream}: {gone} was merged and lives on")
            must(_living(bench, stream, survivor), f"{stream}: the survivor {survivor} is missing")
            aliases = [v for k, v in bench.rows().items() if k[:2] == (_table_name(Alias), gone)]
            told = any(alias["survivor_source_id"] == survivor for alias in aliases)
            must(told, f"{stream}: nothing says that {gone} lives on as {survivor}")

    def test_incremental_equals_full(self, bench: SyncBench) -> None:
        """After every kind of change, rows that were brought up to date equal rows read anew."""
        bench.sync()
        _change_everything(bench)
        came_through(_next_run(bench), "incremental")
        same_rows(_read_anew(bench), bench.present(), "incrementally rather than in full")

    def test_records_of_one_instant_are_all_read(self, bench: SyncBench) -> None:
        """More records than a page holds change at one instant, across the edge of a page."""
        bench.sync()
        many = [_change(bench, bench.vendor.add, "add") for _ in range(3 * bench.vendor.page_size)]
        came_through(_next_run(bench), "after many additions at once")
        for added in many:
            for stream, name in added.items():
                told = f"{stream}: {name}, one of {len(many)} of the same instant, is missing"
                must(_living(bench, stream, name), told)
        same_rows(_read_anew(bench), bench.present(), "after many additions at once")

    def test_changes_during_the_read_are_not_lost(self, bench: SyncBench) -> None:
        """Records are edited, added and deleted between two pages; the next run has it all."""
        needs_network(bench)
        requests = len(reference(bench.kind).run.sent)
        for number in (2, requests // 2, requests):
            with tempfile.TemporaryDirectory() as folder:
                fresh = SyncBench(bench.kind, Path(folder))
                came_through(fresh.sync(_changing_at(number, fresh)), "changed during the read")
                came_through(_next_run(fresh), "after changes during a read")
                when = f"changed before request {number} of {requests}"
                same_rows(_read_anew(fresh), fresh.present(), when)
                fresh.close()

    def test_killed_in_an_incremental_run_nothing_is_lost(self, bench: SyncBench) -> None:
        """The run that brings the changes dies after its first page, and is run again."""
        bench.sync()
        _change_everything(bench)
        bench.later(LATER)
        for stream in reference(bench.kind).streams:
            bench.sync(only=[stream], pages=1)
        came_through(bench.sync(), "after a killed incremental run")
        same_rows(_read_anew(bench), bench.present(), "after a killed incremental run")


def _next_run(bench: SyncBench) -> Run:
    bench.later(LATER)
    return bench.sync()


def _change(
    bench: SyncBench,
    change: Callable[[str], T | None],
    what: str,
    streams: list[str] | None = None,
) -> dict[str, T]:
    """The change made in every stream that can: stream → what it returned."""
    names = list(reference(bench.kind).streams) if streams is None else streams
    made = {name: done for name in names if (done := change(name)) is not None}
    if not made:
        not_applicable(f"no stream of the fake vendor can {what} a record")
    return made


def _change_everything(bench: SyncBench) -> None:
    """Add, edit, delete and merge, as far as the streams can show it."""
    told = _that_tell_deletes(bench, skip=False)
    for stream in reference(bench.kind).streams:
        bench.vendor.add(stream)
        bench.vendor.edit(stream)
        bench.vendor.merge(stream)
        if stream in told:
            bench.vendor.delete(stream)


def _that_tell_deletes(bench: SyncBench, skip: bool = True) -> list[str]:
    streams = reference(bench.kind).streams
    told = [name for name, stream in streams.items() if stream.deletes != "never"]
    if not told and skip:
        not_applicable('every stream states deletes="never"')
    return told


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


def _living(bench: SyncBench, stream: str, source_id: str) -> bool:
    record = reference(bench.kind).streams[stream].record
    wanted: Key = (_table_name(record), source_id)
    return any(key[:2] == wanted for key in bench.present())


def _table_name(record: object) -> str:
    return str(getattr(record, "__tablename__", ""))

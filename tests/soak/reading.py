"""Syncs in foul weather: each time the store recovers it is compared with the source."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from random import Random

from sqlalchemy import func, select

from cs_sync.contracts.errors import CsSyncError
from cs_sync.store.engine import open_store
from cs_sync.store.reconnect import ReconnectPolicy
from cs_sync.testing import SyncHarness
from cs_sync.testing.cases.changes import passing_tables
from cs_sync.testing.stored import Rows, describe_differences
from cs_sync_schemas import Record, get_table
from tests.known_failures.benches import living
from tests.postgres import WORKSPACES, fresh_database
from tests.soak.tally import Tally
from tests.soak.weather import BadDisk, BadLine, drawn
from tests.soak.worlds import World
from tests.store.line import Line, line_to

LATER = 90
"""Minutes after which every vendor shows what was changed."""
OFTEN = (1, 10, 70, 300)
SELDOM = (45 * 24 * 60, 100 * 24 * 60)
"""Minutes between two runs: seldom longer than a vendor tells of changes."""
PATIENCE = 3
"""Undisturbed runs after which everything must be well; one should do."""


def read(
    made: Callable[[Path], AbstractContextManager[World]],
    rng: Random,
    runs: int,
    tally: Tally,
    server: str | None = None,
) -> None:
    """One database and one source, through so many syncs under faults.

    The database is SQLite's, or one of a PostgreSQL at an address.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        _postgresql(server) as line,
        made(Path(folder)) as world,
    ):
        disk = _failing(world.bench, line, tally)
        for _ in range(runs):
            for _ in range(rng.randrange(0, 6)):
                world.change(rng)
            world.bench.advance_clock(rng.choice((*OFTEN, *OFTEN, *OFTEN, *SELDOM)))
            _sync_in_foul_weather(world, rng, tally, disk)
            disk.after = None
            if rng.random() < 0.7:
                _recover(world, tally)


@contextmanager
def _postgresql(server: str | None) -> Iterator[tuple[str, Line] | None]:
    """The address of an empty database, and the line to it."""
    if server is None:
        yield None
        return
    with fresh_database(server) as url, line_to(url) as actual:
        yield actual


def _failing(bench: SyncHarness, line: tuple[str, Line] | None, tally: Tally) -> BadDisk | BadLine:
    """What is wrong with the bench's database when it is told to be."""
    if line is None:
        disk = BadDisk(tally.faults)
        disk.watch(bench.store.engine)
        return disk
    bench.store.close()
    bench.store = open_store(line[0], WORKSPACES[0])
    bench.store.patience = ReconnectPolicy(bench.clock.sleep, lambda *_: None)
    line[1].cut = bad = BadLine(tally.faults)
    return bad


def _sync_in_foul_weather(world: World, rng: Random, tally: Tally, disk: BadDisk | BadLine) -> None:
    bench = world.bench
    weather = drawn(rng, tally.faults, lambda: world.change(rng))
    if rng.random() < 0.2:
        disk.fail(after=rng.randrange(1, 60))
    pages = rng.randrange(1, 8) if rng.random() < 0.2 else None
    bench.vendor.page_size = rng.choice((1, 3, 20))
    tally.runs += 1
    with suppress(CsSyncError):  # the database failed: the run ends with a word
        run = bench.sync(
            weather, pages=pages, side_by_side=rng.random() < 0.3, full=rng.random() < 0.1
        )
        tally.faults["killed in process"] += run.killed


def _recover(world: World, tally: Tally) -> None:
    bench = world.bench
    bench.advance_clock(LATER)
    for _ in range(PATIENCE):
        tally.recoveries += 1
        run = bench.sync()
        if run.status == "ok":
            break
    else:
        tally.stuck.append(f"{bench.name}: {run.problems()}")
    _compare(world, tally)


def _compare(world: World, tally: Tally) -> None:
    bench, actual = world.bench, world.bench.present()
    tally.compared += len(actual)
    anew, passing = _read_anew(bench), passing_tables(bench.kind)
    kept = {key: row for key, row in actual.items() if key in anew or key[0] not in passing}
    differences = [*describe_differences(anew, kept), *_unlike(world)]
    tally.lost += [f"{bench.name}: {words}" for words in differences]
    tally.doubled += [f"{bench.name}: {words}" for words in _twice(bench)]


def _unlike(world: World) -> list[str]:
    """Where the ids that live in the store are not those of the source."""
    differences = []
    for record, ids in world.truth().items():
        stored = set(living(world.bench, record))
        differences += [f"{record.__name__} {id_} is missing" for id_ in ids - stored]
        differences += [f"{record.__name__} {id_} lives on" for id_ in stored - ids]
    return differences


def _read_anew(bench: SyncHarness) -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        fresh = SyncHarness(bench.kind, Path(folder))
        fresh.take_over(bench)
        fresh.sync()
        rows = fresh.present()
        fresh.close()
    return rows


def _twice(bench: SyncHarness) -> list[str]:
    """Records of which more than one version holds now."""
    differences = []
    versioned = {record for stream in bench.streams for record in stream.snapshot}
    for record in versioned:
        differences += [
            f"{record.__name__} {name} has {n} versions" for name, n in _open(bench, record)
        ]
    return differences


def _open(bench: SyncHarness, record: type[Record]) -> list[tuple[str, int]]:
    table = get_table(record)
    count = func.count()
    with bench.store.read() as connection:
        rows = connection.execute(
            select(table.c.source_id, count)
            .where(table.c.deleted_at.is_(None), table.c[record.END_FIELD].is_(None))
            .group_by(table.c.source_id)
            .having(count > 1)
        )
        return [(name, n) for name, n in rows]

"""The soak of workers: `python -m tests.soak.workers --workspaces 100` (`make soak-workers`).

So many workspaces with three days missed, all due at once, a few of them due again every minute;
worker processes that are killed by SIGKILL at random; a PostgreSQL that is away for a minute; and
one vendor that refuses what exceeds its limit, which somebody else all but uses up.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.pool import NullPool

from cs_sync.config import load_config
from cs_sync.jobs.run import run_pipeline
from cs_sync.plugins import load_plugins
from cs_sync.runtime.workspace import open_workspace
from cs_sync_pebble.source import PebbleSource
from tests.postgres import Server, own_server
from tests.soak.workers_tally import (
    WorkersTally,
    judge_logs,
    judge_requests,
    judge_workspaces,
)
from tests.workers.environment import environment_of
from tests.workers.pebble_server import Village, serve
from tests.workers.worker_processes import Place, WorkerProcess, wait_until, with_database

TEMPLATE = "model"
PER_DATABASE = 100
EVERY_MINUTE = "* * * * *"
FREQUENT = 50
"""One workspace in so many is due every minute."""
CROWDED = 5
"""One workspace in so many has the credential that others use up."""
KEYS = 20
WARM_UP = 30.0
"""Seconds in which workers are ready, also on a busy machine."""
AWAY = 60.0
"""Seconds for which PostgreSQL is away, once."""
TAKEN_OVER = "its worker is dead"
GONE, BACK = "trying again until it answers", "the database answers again"
"""What workers say."""


@dataclass(frozen=True)
class Ask:
    """What a soak is asked to do."""

    workspaces: int
    workers: int
    kills: int
    seed: int
    compare: int = 0
    """Workspaces for each measure of throughput; 0 measures none."""
    away: float = AWAY
    """Seconds for which PostgreSQL is away, once; 0 leaves it there."""
    most: float = 900
    """Seconds after which it is given up."""
    logs: Path | None = None
    """Where what the workers said is kept."""


def soak(ask: Ask) -> WorkersTally:
    """Run all workspaces once, in spite of everything, and compare them with their vendor."""
    rng, tally = Random(ask.seed), WorkersTally(ask.workspaces, ask.seed)
    with (
        own_server() as server,
        serve(Village()) as village,
        tempfile.TemporaryDirectory() as folder,
    ):
        place = Place(Path(folder), server.url, village)
        village.limit = PebbleSource.limits[0]
        begun = time.monotonic()
        names = [f"w{number:04d}" for number in range(ask.workspaces + 4 * ask.compare)]
        homes = _settle(place, names, rng)
        crowd, others = names[: ask.workspaces], names[ask.workspaces :]
        _add_all(place, names, crowd, homes)
        tally.prepared = time.monotonic() - begun
        began_at = datetime.now(UTC)
        _make_due(place, crowd)
        begun = time.monotonic()
        with _crowding(place):
            _run_under_kills(place, server, ask, rng, tally)
        tally.seconds = time.monotonic() - begun
        judge_workspaces(place, crowd, homes, began_at, tally)
        judge_requests(village, tally)
        tally.bad += judge_logs(place.folder, ask.logs)
        print("\n".join(tally.lines()), flush=True)  # taking the databases away takes a while
        for index in range(4 if ask.compare else 0):
            chosen = others[index * ask.compare : (index + 1) * ask.compare]
            label, rate = _measure(place, chosen, index)
            print(f"{label:<32}{rate:>9.1f} runs a minute", flush=True)
    return tally


def _add_all(
    place: Place, names: Sequence[str], crowd: Sequence[str], homes: dict[str, str]
) -> None:
    """Add them to the list: one in so many frequent, one in so many with the crowded key."""
    for number, name in enumerate(names):
        frequent = number < len(crowd) and number % FREQUENT == 0
        cron = {"cron": EVERY_MINUTE} if frequent else {}
        own = 1 + number % (KEYS - 1)
        key = f"key-{0 if number % CROWDED == 1 else own}"
        place.add(name, due=False, url=homes[name], key=key, **cron)


@contextmanager
def _crowding(place: Place) -> Iterator[None]:
    """Somebody uses up the budget of the crowded key."""
    place.village.settle("somebody")
    line = [sys.executable, "-m", "tests.soak.budget_user", place.url]
    with (place.folder / "worker-somebody.log").open("wb") as output:
        process = subprocess.Popen(
            [*line, f"{place.village.url}/somebody", "key-0"], stdout=output, stderr=output
        )
        try:
            yield
        finally:
            process.kill()
            process.wait()


def _settle(place: Place, names: Sequence[str], rng: Random) -> dict[str, str]:
    """Give each workspace a schema that has read its vendor once, and changes to read.

    Returns:
        Name → URL of its database.
    """
    first = with_database(place.url, "many_0")
    place.execute_alone("CREATE DATABASE many_0")
    _run_here(place, place.write(TEMPLATE, url=first))
    _copy_schema(first, [f"w{number:04d}" for number in range(min(PER_DATABASE, len(names)))])
    homes = {}
    for number, name in enumerate(names):
        house, place_in_it = divmod(number, PER_DATABASE)
        if house and place_in_it == 0:
            place.execute_alone(f"CREATE DATABASE many_{house} TEMPLATE many_0 STRATEGY FILE_COPY")
            _rename_schemas(with_database(place.url, f"many_{house}"), house)
        homes[name] = with_database(place.url, f"many_{house}")
        place.write(name)
        vendor = place.village.vendors[name]
        for _ in range(rng.randrange(1, 6)):
            rng.choice((vendor.add, vendor.edit, vendor.delete))(
                rng.choice(("customers", "tickets"))
            )
    return homes


def _run_here(place: Place, file: Path) -> None:
    """Run a workspace in this process."""
    with environment_of(file.with_suffix(".env")):
        plugins = load_plugins()
        with open_workspace(load_config(file, plugins), plugins) as workspace:
            assert run_pipeline(workspace).summary.status == "ok"


def _copy_schema(url: str, names: Sequence[str]) -> None:
    """Copy the tables of the model, with their rows, to so many schemas."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names(schema=TEMPLATE)
    for name in names:
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {name}"))
            for table in tables:
                template_table, here = f'{TEMPLATE}."{table}"', f'{name}."{table}"'
                connection.exec_driver_sql(
                    f"CREATE TABLE {here} (LIKE {template_table} INCLUDING ALL);"
                    f" INSERT INTO {here} SELECT * FROM {template_table}"
                )


def _rename_schemas(url: str, house: int) -> None:
    """Give the schemas of a copied database the names of its own workspaces."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for number in range(PER_DATABASE):
            connection.exec_driver_sql(
                f"ALTER SCHEMA w{number:04d} RENAME TO w{house * PER_DATABASE + number:04d}"
            )


def _make_due(place: Place, names: Sequence[str]) -> None:
    """Let them all have missed three days."""
    place.execute(
        "UPDATE cs_sync_workers.workspace SET next_due_at = now() - interval '3 days'"
        " WHERE name = ANY(:names)",
        names=list(names),
    )


def _run_under_kills(
    place: Place, server: Server, ask: Ask, rng: Random, tally: WorkersTally
) -> None:
    """Run until all have run; kill workers and stop PostgreSQL on the way."""
    moments = sorted(rng.random() * 0.9 * ask.workspaces for _ in range(ask.kills))
    outage = rng.uniform(0.3, 0.5) * ask.workspaces if ask.away else None
    team = [WorkerProcess.start(place) for _ in range(ask.workers)]
    deadline, resumed = time.monotonic() + ask.most, 0
    try:
        while (left := _count_missing(place)) or moments:
            if time.monotonic() > deadline:
                tally.bad.append(f"{left} workspaces had not run after {ask.most:.0f} s")
                break
            done = ask.workspaces - left
            if outage is not None and done >= outage:
                outage = None
                _take_away(place, server, ask, team, tally)
            if moments and done >= moments[0]:
                moments.pop(0)
                time.sleep(rng.random())
                unlucky = rng.randrange(len(team))
                team[unlucky].kill()
                tally.kills += 1
                resumed += team[unlucky].output.count(TAKEN_OVER)
                team[unlucky] = WorkerProcess.start(place)
            time.sleep(0.1)
    finally:
        for each in team:
            each.stop(120)
    tally.resumed = resumed + sum(each.output.count(TAKEN_OVER) for each in team)


def _take_away(
    place: Place, server: Server, ask: Ask, team: Sequence[WorkerProcess], tally: WorkersTally
) -> None:
    """Stop PostgreSQL for a while; each worker says so once, and comes back by itself."""
    wait_until(
        lambda: _list_live(place) >= {each.process.pid for each in team},
        300,
        lambda: "a worker did not start",
    )
    before = [(each.output.count(GONE), each.output.count(BACK)) for each in team]
    server.stop()
    time.sleep(ask.away)
    server.start()

    def count_back() -> list[tuple[int, int]]:
        return [
            (each.output.count(GONE) - gone, each.output.count(BACK) - back)
            for each, (gone, back) in zip(team, before, strict=True)
        ]

    once = [(1, 1)] * len(team)
    deadline = time.monotonic() + 300
    while count_back() != once and time.monotonic() < deadline:
        time.sleep(0.2)
    tally.came_back = count_back().count((1, 1))
    if tally.came_back < len(team):
        tally.bad.append(f"(went, came back) of the workers after the outage: {count_back()}")


def _list_live(place: Place) -> set[int]:
    """List the processes of the workers that were seen just now."""
    recent = "seen_at > now() - interval '3 seconds'"
    rows = place.select(f"SELECT id FROM cs_sync_workers.worker WHERE {recent}")
    return {int(row["id"].split(":")[1]) for row in rows}


def _count_missing(place: Place) -> int:
    """How many of those that were due have not run yet."""
    waiting = "last_slot IS NULL AND (queued_slot IS NOT NULL OR next_due_at <= now())"
    statement = f"SELECT count(*) AS n FROM cs_sync_workers.workspace WHERE {waiting}"
    return int(place.select(statement)[0]["n"])


def _measure(place: Place, names: Sequence[str], workers: int) -> tuple[str, float]:
    """Return how many runs a minute so many workers do; without any, this process by itself."""
    begun = time.monotonic()
    if workers == 0:
        for name in names:
            _run_here(place, place.folder / f"{name}.toml")
    else:
        with _working(place, workers):
            begun = time.monotonic()
            _make_due(place, names)
            while _count_missing(place):
                time.sleep(0.1)
    rate = 60 * len(names) / (time.monotonic() - begun)
    noun = "worker" if workers == 1 else "workers"
    return (f"{workers} {noun}" if workers else "one process, one after another"), rate


@contextmanager
def _working(place: Place, workers: int) -> Iterator[None]:
    """So many workers, which have begun to look for work."""
    team = [WorkerProcess.start(place, runs=1) for _ in range(workers)]
    try:
        time.sleep(WARM_UP)
        yield
    finally:
        for each in team:
            each.stop(120)


def main() -> int:
    """Run it, print what it came to; 1 when anything was lost, doubled, late or starved."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspaces", type=int, default=100)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compare", type=int, default=20, help="workspaces per measure of speed")
    parser.add_argument("--away", type=float, default=AWAY, help="seconds without PostgreSQL")
    parser.add_argument("--most", type=float, default=7200, help="seconds until it is given up")
    parser.add_argument("--logs", type=Path, default=Path("build/soak-workers"))
    return 1 if soak(Ask(**vars(parser.parse_args()))).bad else 0


if __name__ == "__main__":
    sys.exit(main())

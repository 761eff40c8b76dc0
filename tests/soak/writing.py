"""Pushes in foul weather: in the end every score is there, and every follow-up once."""

import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random

from sqlalchemy import delete

from cs_sync.contracts.errors import CsSyncError
from cs_sync.store.write_ledger import LEDGER
from cs_sync.testing import PushHarness
from cs_sync.write_back.plan import DesiredRecord, change_op
from tests.known_failures.portal import writing
from tests.soak.tally import Tally
from tests.soak.weather import BadDisk, drawn

PATIENCE = 4


def write(rng: Random, pushes: int, tally: Tally) -> None:
    """One portal and one ledger, through so many pushes under faults."""
    with tempfile.TemporaryDirectory() as folder, writing(Path(folder)) as (bench, _portal):
        disk = BadDisk(tally.faults)
        disk.watch(bench.store.engine)
        wanted: list[DesiredRecord] = []
        for number in range(pushes):
            wanted = _wanted(bench, rng, number, wanted)
            _push_in_foul_weather(bench, rng, tally, disk, wanted)
            disk.after = None
            if rng.random() < 0.05:
                with bench.store.write() as connection:  # the database is lost
                    connection.execute(delete(LEDGER))
            if rng.random() < 0.7:
                _recover(bench, tally, wanted)


def _wanted(
    bench: PushHarness, rng: Random, number: int, before: list[DesiredRecord]
) -> list[DesiredRecord]:
    """New scores, and the follow-ups of before with a few more."""
    score = float(rng.randrange(0, 100))
    scores = [
        change_op(wish, fields={**wish.op.fields, "cs_health_score": score})
        for wish in bench.desired
        if wish.op.object == "account"
    ]
    calls = [wish for wish in bench.desired if wish.op.object == "follow_up"]
    new = [change_op(wish, key=f"{wish.op.key}:{number}") for wish in calls if rng.random() < 0.5]
    return [*scores, *(wish for wish in before if wish.op.object == "follow_up"), *new]


def _push_in_foul_weather(
    bench: PushHarness, rng: Random, tally: Tally, disk: BadDisk, wanted: list[DesiredRecord]
) -> None:
    weather = drawn(rng, tally.faults, lambda: None)
    if rng.random() < 0.2:
        disk.fail(after=rng.randrange(1, 12))
    tally.pushes += 1
    with suppress(CsSyncError):
        tally.faults["killed in process"] += bench.push(weather, wanted).killed


def _recover(bench: PushHarness, tally: Tally, wanted: list[DesiredRecord]) -> None:
    for _ in range(PATIENCE):
        bench.advance_clock(minutes=10)
        tally.recoveries += 1
        pushed = bench.push(desired=wanted)
        if not pushed.problems() and not pushed.writes.unknown:
            break
    else:
        tally.stuck.append(f"push: {pushed.problems()}")
    for words in bench.missing(wanted):
        (tally.doubled if "times" in words else tally.lost).append(f"push: {words}")
    tally.compared += len(wanted)

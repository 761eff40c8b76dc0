"""What a soak of workers came to: lost, doubled, late, starved, or over the vendor's limit."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from cs_sync_pebble.source import PebbleSource
from tests.workers.pebble_server import Village
from tests.workers.worker_processes import Place

ENDED = "('ok', 'partial', 'failed')"


@dataclass
class WorkersTally:
    """What a soak of workers came to."""

    workspaces: int
    seed: int
    runs: int = 0
    kills: int = 0
    seconds: float = 0.0
    prepared: float = 0.0
    resumed: int = 0
    came_back: int = 0
    asked: int = 0
    exceeded: int = 0
    rows: int = 0
    most_in_a_minute: int = 0
    longest_wait: float = 0.0
    bad: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The tally for a terminal."""
        limit = PebbleSource.limits[0]
        totals = {
            "seed": self.seed,
            "workspaces": self.workspaces,
            "runs that ended": self.runs,
            "workers killed by SIGKILL": self.kills,
            "runs that another took over": self.resumed,
            "workers that missed PostgreSQL": self.came_back,
            "rows compared with the vendor": self.rows,
            "lost, doubled, late or starved": len(self.bad),
        }
        return [
            *(f"{name:<32}{count:>9,}" for name, count in totals.items()),
            f"requests of all credentials: {self.asked:,}; most of one in {limit.seconds:g} s:"
            f" {self.most_in_a_minute} of {limit.requests}; refused: {self.exceeded}",
            f"prepared in {self.prepared:.0f} s, run in {self.seconds:.0f} s,"
            f" longest wait {self.longest_wait:.0f} s",
            *self.bad[:20],
        ]


def judge_logs(folder: Path, kept: Path | None) -> Iterator[str]:
    """Look for what nobody should ever read, in all that any worker said; keep that."""
    for log in sorted(folder.glob("worker-*.log")):
        text = log.read_text("utf-8", errors="replace")
        if "Traceback" in text:
            yield f"{log.name}: {text[text.index('Traceback') :][:3000]}"
        if kept is not None:
            kept.mkdir(parents=True, exist_ok=True)
            shutil.copy(log, kept)


def judge_requests(village: Village, tally: WorkersTally) -> None:
    """Compare what was asked of the vendor with its limit."""
    limit = PebbleSource.limits[0]
    tally.asked = sum(map(len, village.arrivals.values()))
    tally.most_in_a_minute = village.count_most(limit.seconds)
    tally.exceeded = village.exceeded
    if tally.exceeded or tally.most_in_a_minute > limit.requests:
        tally.bad.append(f"budget exceeded: {tally.exceeded} requests were refused")


def judge_workspaces(
    place: Place,
    names: Sequence[str],
    homes: dict[str, str],
    began_at: datetime,
    tally: WorkersTally,
) -> None:
    """Compare every workspace with what should have come of it."""
    starts: dict[str, list[datetime]] = {}
    engines = {url: create_engine(url, poolclass=NullPool) for url in set(homes.values())}
    for name in names:
        with engines[homes[name]].connect() as connection:

            def read(statement: str, schema: str = name, link: Any = connection) -> list[Any]:
                return list(link.execute(text(statement.format(schema=schema))))

            runs = read(
                f"SELECT status, started_at FROM {{schema}}.run WHERE status IN {ENDED}"
                " ORDER BY started_at"
            )[1:]  # the first is the model's
            slots = read("SELECT slot, status FROM {schema}.schedule_slot ORDER BY slot")
            rows = read("SELECT source_id, name, deleted_at IS NULL FROM {schema}.source_account")
            rows += read("SELECT source_id, status, deleted_at IS NULL FROM {schema}.ticket")
        starts[name] = [row[1] for row in runs]
        ended = [slot for slot, status in slots if status in ("ok", "partial", "failed")]
        tally.runs += len(runs)
        tally.bad += _judge_runs(name, runs, ended, began_at)
        tally.bad += _judge_rows(name, rows, place.village, tally)
    for engine in engines.values():
        engine.dispose()
    firsts = [moments[0] for moments in starts.values() if moments]
    seconds = [moments[1] for moments in starts.values() if len(moments) > 1]
    tally.longest_wait = max((at - began_at).total_seconds() for at in firsts)
    tally.bad += [
        f"{name}: starved, another ran twice before it ran once"
        for name, moments in starts.items()
        if moments and seconds and (moments[0] - min(seconds)).total_seconds() > 90
    ]


def _judge_runs(
    name: str, runs: Sequence[Any], ended: Sequence[datetime], began_at: datetime
) -> Iterator[str]:
    if not runs:
        yield f"{name}: lost, it has not run"
    if len(runs) > len(ended):
        yield f"{name}: doubled, {len(runs)} runs for {len(ended)} slots"
    if len([slot for slot in ended if slot <= began_at]) > 1:
        yield f"{name}: more than one late run"
    if any(status != "ok" for status, _ in runs):
        yield f"{name}: a run ended {[status for status, _ in runs]}"


def _judge_rows(
    name: str, rows: Sequence[Any], village: Village, tally: WorkersTally
) -> Iterator[str]:
    lists = village.vendors[name].lists
    truth = {
        (id_, item.get("name") or item.get("status"))
        for items in lists.values()
        for id_, item in items.items()
        if not item.get("deleted")
    }
    actual = {(id_, value) for id_, value, lives in rows if lives}
    tally.rows += len(actual)
    for id_, value in sorted(truth - actual, key=str):
        yield f"{name}: lost {id_} {value}"
    for id_, value in sorted(actual - truth, key=str):
        yield f"{name}: should not have {id_} {value}"

"""`python -m benchmarks.job --sizes 2000 8000`: the whole job, and what a person waits for."""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from benchmarks.job import server
from benchmarks.job.books import TODAY, list_active_accounts, touch_books, write_books
from benchmarks.job.history import repeat_scores

USAGE_DAYS = 90
RUNS = (
    "first run", "nothing changed", "1 % changed", "next day, 1 % used", "next day, all used",
)  # fmt: skip
HOURS = (6, 7, 8, 30, 54)
"""When each begins, in hours after the last day of the books began."""
COMMANDS: dict[str, tuple[str, ...]] = {
    "runs": ("runs",),
    "explain ONE": ("explain", "a000001"),
    "score": ("score",),
    "accounts": ("accounts",),
    "plan": ("--config", "plan.toml", "plan"),
    "metrics": ("metrics",),
    "mrr --by account": ("mrr", "--by", "account"),
    "--help": ("--help",),
}


@dataclass(frozen=True)
class Cost:
    """User CPU seconds and peak memory in MB of one process, and of its stages."""

    seconds: float
    peak: float
    stages: Mapping[str, float] = field(default_factory=dict)
    peaks: Mapping[str, float] = field(default_factory=dict)
    """Peak memory in MB by stage."""
    growth: float = 0.0
    """Bytes of the database for each byte of the files."""
    server: float = 0.0
    """CPU seconds of the database's server."""


@dataclass(frozen=True)
class Job:
    """What is measured: the books, and the database if it is not a file."""

    size: int
    usage_days: int
    past_days: int
    """Days before the first run whose scores are stored after it, as daily runs leave them."""
    database: server.Database | None


def main() -> None:
    """Print a table per size, then how the costs grow from the smallest to the largest."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.job", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 10_000])
    parser.add_argument("--usage-days", type=int, default=USAGE_DAYS)
    parser.add_argument("--first", action="store_true", help="measure the first run alone")
    parser.add_argument(
        "--past-days", type=int, default=0, help="days of scores that earlier runs left (SQLite)"
    )
    parser.add_argument("--postgres", action="store_true", help="with PostgreSQL, not SQLite")
    given = parser.parse_args()
    runs = RUNS[:1] if given.first else RUNS
    costs = {}
    for size in sorted(given.sizes):
        with server.make_database() if given.postgres else nullcontext() as database:
            job = Job(size, given.usage_days, given.past_days, database)
            rows = costs[size] = _run_job(job, runs)
        first = rows[RUNS[0]].seconds
        print(
            f"\n**{size:,} accounts**\n\n| step | CPU s | of the first run | peak MB | server s |"
        )
        print("| --- | ---: | ---: | ---: | ---: |")
        for name, cost in rows.items():
            share = f"{cost.seconds / first:.0%}" if name in RUNS else ""
            cells = f"{cost.seconds:.1f} | {share} | {cost.peak:.0f} | {cost.server:.1f}"
            print(f"| {name} | {cells} |")
        _print_stages(rows, runs)
    sizes = list(costs)
    if len(sizes) > 1:
        least, most = sizes[0], sizes[-1]
        print(f"\n| step | growth exponent, {least:,} to {most:,} accounts |\n| --- | ---: |")
        for name, small, large in _list_pairs(costs[least], costs[most]):
            print(f"| {name} | {math.log(large / small, most / least):.2f} |")


def _list_pairs(
    small: Mapping[str, Cost], large: Mapping[str, Cost]
) -> Iterator[tuple[str, float, float]]:
    """Yield the seconds of both sizes, of every step and of the first run's stages."""
    for name, cost in small.items():
        yield name, cost.seconds, large[name].seconds
    first = RUNS[0]
    for stage, seconds in small[first].stages.items():
        yield f"{first}: {stage}", seconds, large[first].stages[stage]


def _print_stages(rows: Mapping[str, Cost], runs: Sequence[str]) -> None:
    """Print what each stage costs of each run, and its share of the run: what grew is seen."""
    print(f"\n| stage: CPU s, peak MB | {' | '.join(runs)} |\n| --- |{' ---: |' * len(runs)}")
    for stage in rows[RUNS[0]].stages:
        cells = (_format_stage(rows[run], stage) for run in runs)
        print(f"| {stage} | {' | '.join(cells)} |")
    sizes = (f"{rows[run].growth:.1f}" for run in runs)
    print(f"| database ÷ files | {' | '.join(sizes)} |")


def _format_stage(cost: Cost, stage: str) -> str:
    seconds = cost.stages[stage]
    return f"{seconds:.1f} ({seconds / cost.seconds:.0%}), {cost.peaks[stage]:.0f}"


def _run_job(job: Job, runs: Sequence[str]) -> dict[str, Cost]:
    size, usage_days, database = job.size, job.usage_days, job.database
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "workspace"
        write_books(folder, size, usage_days)
        if database:
            database.configure(folder)
        _compile_code(folder.with_name("small"), usage_days)
        few, all_ = range(0, size, 100), list_active_accounts(folder)
        used: list[tuple[Iterable[int], int]] = [((), 0), ((), 0), (few, 0), (few, -1), (all_, -2)]
        costs = {}
        for run, hours, (accounts, ago) in zip(runs, HOURS, used, strict=False):
            touch_books(folder, accounts, ago)
            costs[run] = _measure_run(folder, hours, database)
            if run == RUNS[0] and job.past_days:
                repeat_scores(folder / "cs_sync.db", job.past_days)
        if len(runs) == 1:
            return costs
        _measure(folder, ["--config", "plan.toml", "run", "--dry-run"])
        return costs | {name: _measure(folder, line) for name, line in COMMANDS.items()}


def _compile_code(folder: Path, usage_days: int) -> None:
    """Compile our code, and what it loads of libraries, as an installation does."""
    write_books(folder, 20, usage_days)
    root = Path(__file__).parents[2]
    ours = [root / "cs_sync", root / "schemas", *root.glob("plugins/*/cs_sync_*")]
    _measure(folder, ["-q", *map(str, ours)], ["compileall"])
    _measure_run(folder, HOURS[0], None)


def _measure_run(folder: Path, hours: int, database: server.Database | None) -> Cost:
    """Run the job, and read what its stages took."""
    served = database.read_seconds() if database else 0.0
    file, begin = folder / "stages.json", datetime.combine(TODAY, time(), UTC)
    begin += timedelta(hours=hours)
    line = ["benchmarks.job.stages", str(file), begin.isoformat()]
    cost = _measure(folder, ["run"], line)
    measured = json.loads(file.read_text())
    peaks = measured["peaks"]
    files = sum(path.stat().st_size for path in (folder / "data").iterdir())
    own_file = folder / "cs_sync.db"
    size = database.read_bytes() if database else own_file.stat().st_size
    return replace(
        cost, stages=measured["seconds"], peaks=peaks, peak=max(peaks.values()),
        growth=size / files, server=database.read_seconds() - served if database else 0.0,
    )  # fmt: skip


def _measure(folder: Path, line: Sequence[str], module: Sequence[str] = ("cs_sync",)) -> Cost:
    """Run a command in a process of its own, and ask the system what that one used."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        [sys.executable, "-m", *module, *line],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=environment | {
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode"),
        },
    )  # fmt: skip
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{' '.join(line)}: {errors}")
    return Cost(used.ru_utime, _to_megabytes(used))


def _to_megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / 1024


if __name__ == "__main__":
    main()

"""`python -m benchmarks.job --sizes 2000 8000`: the whole job, and what a person waits for."""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.job.books import touch_books, write_books

USAGE_DAYS = 90
RUNS = ("first run", "nothing changed", "1 % changed")
COMMANDS: dict[str, tuple[str, ...]] = {
    "runs": ("runs",),
    "explain ONE": ("explain", "a000001"),
    "score": ("score",),
    "accounts": ("accounts",),
    "metrics": ("metrics",),
    "mrr --by account": ("mrr", "--by", "account"),
    "--help": ("--help",),
}


@dataclass(frozen=True)
class Cost:
    """User CPU seconds, also of its stages, and peak memory in MB of one process."""

    seconds: float
    peak: float
    stages: Mapping[str, float] = field(default_factory=dict)


def main() -> None:
    """Print a table per size, then how the costs grow from the smallest to the largest."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.job", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 10_000])
    parser.add_argument("--usage-days", type=int, default=USAGE_DAYS)
    given = parser.parse_args()
    costs = {size: _run_job(size, given.usage_days) for size in sorted(given.sizes)}
    for size, rows in costs.items():
        first = rows[RUNS[0]].seconds
        print(f"\n**{size:,} accounts**\n\n| step | CPU s | of the first run | peak MB |")
        print("| --- | ---: | ---: | ---: |")
        for name, cost in rows.items():
            share = f"{cost.seconds / first:.0%}" if name in RUNS else ""
            print(f"| {name} | {cost.seconds:.1f} | {share} | {cost.peak:.0f} |")
        _print_stages(rows)
    sizes = list(costs)
    if len(sizes) > 1:
        least, most = sizes[0], sizes[-1]
        print(f"\n| step | growth exponent, {least:,} to {most:,} accounts |\n| --- | ---: |")
        for name in costs[least]:
            ratio = costs[most][name].seconds / costs[least][name].seconds
            print(f"| {name} | {math.log(ratio, most / least):.2f} |")


def _print_stages(rows: Mapping[str, Cost]) -> None:
    """Print what each stage costs of each run, and its share of the run: what grew is seen."""
    print(f"\n| stage, CPU s | {' | '.join(RUNS)} |\n| --- |{' ---: |' * len(RUNS)}")
    for stage in rows[RUNS[0]].stages:
        cells = (
            f"{rows[run].stages[stage]:.1f} ({rows[run].stages[stage] / rows[run].seconds:.0%})"
            for run in RUNS
        )
        print(f"| {stage} | {' | '.join(cells)} |")


def _run_job(size: int, usage_days: int) -> dict[str, Cost]:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "workspace"
        write_books(folder, size, usage_days)
        _measure(folder, ["-q", *map(str, _list_code())], ["compileall"])
        costs = {RUNS[0]: _measure_run(folder), RUNS[1]: _measure_run(folder)}
        touch_books(folder, size)
        costs[RUNS[2]] = _measure_run(folder)
        return costs | {name: _measure(folder, line) for name, line in COMMANDS.items()}


def _list_code() -> list[Path]:
    """List the folders of our code, which an installation compiles."""
    root = Path(__file__).parents[2]
    return [root / "cs_sync", root / "schemas", *root.glob("plugins/*/cs_sync_*")]


def _measure_run(folder: Path) -> Cost:
    """Run the job, and read what its stages took."""
    file = folder / "stages.json"
    cost = _measure(folder, ["run"], ["benchmarks.job.stages", str(file)])
    return replace(cost, stages=json.loads(file.read_text()))


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

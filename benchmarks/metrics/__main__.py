"""`python -m benchmarks.metrics`: every contestant in a process of its own, CPU s and memory."""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.metrics.books import MONTHS, write_books
from benchmarks.metrics.contestants import CONTESTANTS

SIZES = (1_000, 10_000, 100_000)
Result = dict[str, Any]


def main() -> None:
    """Run all sizes, or one contestant on one database when started by itself."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, metavar="ACCOUNTS")
    parser.add_argument("--alone", nargs=2, metavar=("CONTESTANT", "DATABASE"))
    given = parser.parse_args()
    if given.alone:
        print(json.dumps(_measured(given.alone[0], Path(given.alone[1]))))
        return
    print(f"\n**MRR movements and customer churn of {MONTHS} months**\n")
    print(
        "| accounts | step | cs-sync, CPU | of the first | pandas, CPU | × pandas "
        "| cs-sync, peak | pandas, peak |"
    )
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for size in given.sizes:
        _compare(size, {name: _raced(name, size) for name in CONTESTANTS})


def _raced(name: str, size: int) -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "books.db"
        write_books(path, size)
        line = [sys.executable, "-m", "benchmarks.metrics", "--alone", name, str(path)]
        ended = subprocess.run(line, capture_output=True, text=True, check=True)
    result: list[Result] = json.loads(ended.stdout)
    return result


def _measured(name: str, path: Path) -> list[Result]:
    """Each step's user CPU seconds: other work on the machine does not count, unlike by a clock."""
    measured = []
    for step, before, work in CONTESTANTS[name](path):
        before()
        began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        numbers = work()
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds, peak = used.ru_utime - began, used.ru_maxrss / 1024
        measured.append({"step": step, "seconds": seconds, "peak": peak, "numbers": numbers})
    return measured


def _compare(size: int, results: dict[str, list[Result]]) -> None:
    for ours, theirs in zip(results["cs-sync"], results["pandas"], strict=True):
        if ours["numbers"] != theirs["numbers"][-len(ours["numbers"]) :]:
            raise SystemExit(f"the numbers of {size:,} accounts differ: {ours['step']}")
        share = ours["seconds"] / results["cs-sync"][0]["seconds"]
        cells = [f"{size:,}", ours["step"], _time(ours), f"{share:.1%}", _time(theirs)]
        cells += [f"{ours['seconds'] / theirs['seconds']:.1f}"]
        cells += [f"{result['peak']:,.0f} MB" for result in (ours, theirs)]
        print(f"| {' | '.join(cells)} |", flush=True)


def _time(result: Result) -> str:
    return f"{result['seconds']:.2f} s"


if __name__ == "__main__":
    main()

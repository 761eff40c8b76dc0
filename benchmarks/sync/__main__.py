"""`python -m benchmarks.sync`: runs everything in one go and prints the tables."""

import argparse
import sys

from benchmarks.sync.modes import MODES, Plan, Table


def main() -> None:
    """Run the chosen modes; progress goes to standard error, tables to standard output."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sync", description=__doc__)
    parser.add_argument("modes", nargs="*", metavar="MODE", help=f"of {', '.join(MODES)}; or all")
    parser.add_argument("--size", type=int, default=20_000, help="objects of every kind")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contestant runs")
    given = parser.parse_args()
    unknown = set(given.modes) - MODES.keys()
    if unknown:
        parser.error(f"no mode {', '.join(sorted(unknown))}; there are {', '.join(MODES)}")
    plan = Plan(given.size, given.rounds, lambda text: print(text, file=sys.stderr, flush=True))
    for mode in given.modes or MODES:
        for table in MODES[mode](plan):
            print(_markdown(table), flush=True)


def _markdown(table: Table) -> str:
    rule = ["---", *("---:" for _ in table.columns[1:])]
    lines = [f"| {' | '.join(line)} |" for line in (table.columns, rule, *table.lines)]
    return "\n".join([f"\n**{table.title}**\n", *lines])


if __name__ == "__main__":
    main()

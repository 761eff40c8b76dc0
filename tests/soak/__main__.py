"""The soak: `python -m tests.soak --runs 300 --seed 1` (or `make soak`)."""

import argparse
import sys

from tests.soak.whole import soak


def main() -> int:
    """Run it, print what it came to; 1 when anything was lost, doubled or stuck."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300, help="syncs and pushes under faults")
    parser.add_argument("--kills", type=int, default=30, help="processes killed by SIGKILL")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same faults")
    asked = parser.parse_args()
    tally = soak(asked.runs, asked.kills, asked.seed)
    print("\n".join([f"seed {asked.seed}", *tally.lines()]))
    return 1 if tally.bad else 0


if __name__ == "__main__":
    sys.exit(main())

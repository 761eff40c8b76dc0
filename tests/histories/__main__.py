"""The law over many histories: `python -m tests.histories --histories 1000 --seed 1`."""

import argparse
import sys

from tests.histories.drawing import KINDS
from tests.histories.law import AT_ONCE, Tally, try_law


def main() -> int:
    """Try it, print what it came to; 1 when anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=200, help="customers, rounded up to 40s")
    parser.add_argument("--seed", default="1", help="the same seed draws the same histories")
    parser.add_argument("--only", nargs="*", default=KINDS, choices=KINDS, metavar="KIND")
    parser.add_argument("--show", type=int, default=3, help="differing histories to print whole")
    asked = parser.parse_args()
    tally, world = Tally(), 0
    while tally.histories < asked.histories:
        try_law(f"{asked.seed} {world}", asked.only, tally)
        world += 1
    print("\n\n".join(list(dict.fromkeys(tally.wrong))[: asked.show]))
    print("\n".join([f"seed {asked.seed}, {world} worlds of {AT_ONCE}", *tally.lines()]))
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

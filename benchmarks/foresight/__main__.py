"""Runs proofs by their names, all without one; exits 1 if a figure is not as it has to be."""

import sys
from collections.abc import Callable, Mapping, Sequence

from benchmarks.foresight.holdout_power import prove_power
from benchmarks.foresight.loss_coverage import prove_coverage
from benchmarks.foresight.predictions import PREDICTIONS
from benchmarks.foresight.proof import Proof

PROOFS: Mapping[str, Callable[[], Sequence[Proof]]] = {
    **PREDICTIONS,
    "F7": prove_coverage,
    "F11": prove_power,
}


def main(names: Sequence[str]) -> int:
    """Run the proofs and print a line for each figure."""
    failed = 0
    for name in names or PROOFS:
        for proof in PROOFS[name]():
            verdict = "pass" if proof.passed else "FAIL"
            print(f"{verdict}  {proof.name}: {proof.figure} ({proof.wanted})", flush=True)
            failed += not proof.passed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

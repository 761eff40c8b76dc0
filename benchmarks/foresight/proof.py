"""The outcome of a proof: a figure beside what it has to be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Proof:
    """One figure of a proof, and whether it is as it has to be."""

    name: str
    figure: str
    wanted: str
    passed: bool

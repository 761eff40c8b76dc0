"""What a soak came to."""

from collections import Counter
from dataclasses import dataclass, field

OF_RUNS = (
    "killed in process",
    "killed by SIGKILL",
    "edits in mid-read",
    "database error",
    "connection lost",
)


@dataclass
class Tally:
    """Counts, and in words what should not have happened."""

    runs: int = 0
    pushes: int = 0
    recoveries: int = 0
    compared: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    @property
    def bad(self) -> list[str]:
        """Everything that should not have happened."""
        return [*self.lost, *self.doubled, *self.stuck]

    def lines(self) -> list[str]:
        """The tally for a terminal."""
        answers = sum(n for name, n in self.faults.items() if name not in OF_RUNS)
        totals = {
            "syncs under faults": self.runs,
            "pushes under faults": self.pushes,
            "undisturbed runs to recover": self.recoveries,
            "rows compared with the source": self.compared,
            "faulty answers": answers,
            **{name: self.faults[name] for name in OF_RUNS},
            "lost or wrong": len(self.lost),
            "duplicated": len(self.doubled),
            "stuck": len(self.stuck),
        }
        kinds = ", ".join(
            f"{name} {n}" for name, n in sorted(self.faults.items()) if name not in OF_RUNS
        )
        return [f"{name:<32}{count:>9,}" for name, count in totals.items()] + [kinds, *self.bad]

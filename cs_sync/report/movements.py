"""The MRR bridge of each currency: movements added up per period, ready for chart and table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from cs_sync.report.data import Row
from cs_sync.report.formats import as_date, period

MOVEMENTS: Mapping[str, tuple[str, int]] = {
    "new": ("New", 1),
    "reactivation": ("Reactivation", 1),
    "expansion": ("Expansion", 1),
    "contraction": ("Contraction", -1),
    "churn": ("Churn", -1),
    "fx": ("Exchange rates", 1),
    "reclass": ("Reclassified", 1),
    "restatement": ("Restated", 1),
}
"""Field → (label, the sign with which it enters the closing)."""


@dataclass(slots=True)
class Step:
    """One period of one currency, in minor units; `moves` are signed."""

    start: date
    end: date
    opening: int = 0
    closing: int = 0
    moves: dict[str, int] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The period by its plain name."""
        return period(self.start, self.end)


def bridges(rows: Iterable[Row]) -> dict[str, list[Step]]:
    """Steps per currency in the order of time; rows of several accounts are added up."""
    found: dict[str, dict[tuple[date, date], Step]] = {}
    for row in rows:
        start, end = as_date(row["period_start"]), as_date(row["period_end"])
        steps = found.setdefault(row["currency"], {})
        step = steps.setdefault((start, end), Step(start, end))
        step.opening += row["opening"] or 0
        step.closing += row["closing"] or 0
        for name, (_, sign) in MOVEMENTS.items():
            step.moves[name] = step.moves.get(name, 0) + sign * (row.get(name) or 0)
    return {
        currency: [steps[key] for key in sorted(steps)]
        for currency, steps in sorted(found.items(), key=lambda item: -_size(item[1].values()))
    }


def shown(steps: Sequence[Step]) -> list[str]:
    """The movements that happened at all: the main five always, the others only if not zero."""
    main = list(MOVEMENTS)[:5]
    return [name for name in MOVEMENTS if name in main or any(step.moves[name] for step in steps)]


def _size(steps: Iterable[Step]) -> int:
    return max((abs(step.closing) for step in steps), default=0)

"""MRR bridge per currency: movements added up per period, for chart and table."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from msgspec import Struct, field

from cs_sync.report.data import Row
from cs_sync.report.formats import parse_date

MOVEMENTS: Mapping[str, int] = {
    "new": 1,
    "reactivation": 1,
    "expansion": 1,
    "contraction": -1,
    "churn": -1,
    "fx": 1,
    "reclass": 1,
    "restatement": 1,
}
"""Field → the sign with which it enters the closing."""


class BridgePeriod(Struct):
    """One period of one currency, in minor units; `moves` are signed."""

    start: date
    end: date
    opening: int = 0
    closing: int = 0
    moves: dict[str, int] = field(default_factory=dict)


def sum_bridge_rows(rows: Iterable[Row]) -> dict[str, list[BridgePeriod]]:
    """Add up the bridge rows of all accounts, per currency and period.

    Args:
        rows: Rows of `cs-sync mrr`.

    Returns:
        Currency → periods in order of time; the currency with the largest MRR first.
    """
    bridges: dict[str, dict[tuple[date, date], BridgePeriod]] = {}
    for row in rows:
        start, end = parse_date(row["period_start"]), parse_date(row["period_end"])
        steps = bridges.setdefault(row["currency"], {})
        step = steps.setdefault((start, end), BridgePeriod(start, end))
        step.opening += row["opening"] or 0
        step.closing += row["closing"] or 0
        for name, sign in MOVEMENTS.items():
            step.moves[name] = step.moves.get(name, 0) + sign * (row.get(name) or 0)
    return {
        currency: [steps[key] for key in sorted(steps)]
        for currency, steps in sorted(
            bridges.items(), key=lambda item: -_get_largest_closing(item[1].values())
        )
    }


def select_movements(steps: Sequence[BridgePeriod]) -> list[str]:
    """Return the five main movements and others that are not zero."""
    main = list(MOVEMENTS)[:5]
    return [name for name in MOVEMENTS if name in main or any(step.moves[name] for step in steps)]


def _get_largest_closing(steps: Iterable[BridgePeriod]) -> int:
    return max((abs(step.closing) for step in steps), default=0)

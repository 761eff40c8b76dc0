"""The leak meter: how much of an input's order it owes to what was recorded later."""

from collections.abc import Iterator, Mapping

import numpy as np
from msgspec import Struct

from cs_sync.foresight.inputs import ALL_INPUTS, REFUSED
from cs_sync.foresight.judgement import calculate_auc
from cs_sync.foresight.panel import Panel

LARGEST_GAIN = 0.05
"""An input that is so much better with hindsight is refused."""


class Leak(Struct, frozen=True):
    """An input as known then and as recorded today."""

    input: str
    n: int
    auc_known: float | None
    auc_recorded: float | None
    reason: str | None
    """Why it is refused; None where it may be used."""

    @property
    def difference(self) -> float | None:
        """The area that hindsight adds."""
        if self.auc_known is None or self.auc_recorded is None:
            return None
        return self.auc_recorded - self.auc_known


def measure_leaks(
    known: Panel, recorded: Panel, refused: Mapping[str, str] = REFUSED
) -> list[Leak]:
    """Measure every value for churn, as known then and as recorded today.

    Args:
        known: Observations with the values as known at each cutoff.
        recorded: The same observations with the values as recorded today.
        refused: Value → why it may not be used, whatever is measured.
    """
    return list(_measure_each(known, recorded, refused))


def _measure_each(known: Panel, recorded: Panel, refused: Mapping[str, str]) -> Iterator[Leak]:
    event = known.flag("churn")
    names = [*(item.name for item in ALL_INPUTS), *refused]
    for name in [name for name in dict.fromkeys(names) if name in known.values]:
        columns = [panel.values[name].astype(np.float64) for panel in (known, recorded)]
        filled = [np.where(np.isnan(column), np.nanmin(column, initial=0) - 1, column)
                  for column in columns]  # fmt: skip
        areas = [calculate_auc(column, event) for column in filled]
        if areas[1] is not None and areas[1] < 0.5:
            areas = [None if area is None else 1 - area for area in areas]
        leak = Leak(name, len(event), areas[0], areas[1], refused.get(name))
        gain = leak.difference
        if leak.reason is None and gain is not None and gain > LARGEST_GAIN:
            reason = f"it was recorded later than its day: AUC {gain:.2f} less as known then"
            leak = Leak(name, leak.n, leak.auc_known, leak.auc_recorded, reason)
        yield leak

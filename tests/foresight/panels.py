"""Panels of observations, as tests write them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cs_sync.foresight.inputs import SCORE
from cs_sync.foresight.observations import Observation
from cs_sync.foresight.panel import OUTCOME_CODES, Month, Panel, join_months


def build_panel(months: Iterable[Sequence[Observation]]) -> Panel:
    """Build the columns from the observations of each month, oldest first."""
    accounts: dict[str, int] = {}
    currencies: dict[str, int] = {}
    bands: dict[Any, int] = {}

    def convert(month: Sequence[Observation]) -> Month:
        values: dict[str, list[float | None]] = {SCORE: [item.score for item in month]}
        values |= {name: [item.values[name] for item in month] for name in month[0].values}
        return Month(
            month[0].cutoff,
            np.array([accounts.setdefault(item.account, len(accounts)) for item in month]),
            np.array([OUTCOME_CODES[item.outcome] for item in month], np.int8),
            np.array([item.mrr for item in month]),
            np.array([currencies.setdefault(item.currency, len(currencies)) for item in month]),
            np.array(
                [-1 if item.band is None else bands.setdefault(item.band, len(bands))
                 for item in month]
            ),
            {name: np.array(column, np.float64) for name, column in values.items()},
        )  # fmt: skip

    joined = [convert(month) for month in months if month]
    return join_months(joined, list(accounts), list(currencies), list(bands))

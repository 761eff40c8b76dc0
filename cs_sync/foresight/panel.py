"""Observations as columns: what fits and judgements compute with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cs_sync.foresight.inputs import SCORE, Input
from cs_sync.foresight.observations import OUTCOMES, Observation, Target

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

_CODES = {outcome: code for code, outcome in enumerate(sorted(set().union(*OUTCOMES.values())))}
_STAYED = len(_CODES)


@dataclass(frozen=True)
class Panel:
    """One row per observation, by cutoff and account; unknown values are NaN."""

    names: Sequence[str]
    """The accounts, by their code."""
    days: Sequence[date]
    """The cutoffs, by their code."""
    account: Ints
    cutoff: Ints
    outcome: NDArray[np.int8]
    mrr: Ints
    values: dict[str, NDArray[np.float32]]
    bands: Sequence[str]
    band: NDArray[np.int8]
    """Codes of `bands`; −1 without."""
    currencies: Sequence[str]
    currency: NDArray[np.int8]

    @property
    def size(self) -> int:
        """The number of observations."""
        return len(self.account)

    def flag(self, target: Target) -> Flags:
        """Return which observations ended in the target."""
        return np.isin(self.outcome, [_CODES[outcome] for outcome in OUTCOMES[target]])

    def flag_band(self, band: str) -> Flags:
        """Return which observations were in a band."""
        code = list(self.bands).index(band) if band in self.bands else -2
        return np.asarray(self.band == code)

    def select_values(self, item: Input, rows: Ints) -> Floats:
        """Return an input of some rows on its scale."""
        return transform_values(item, self.values[item.name][rows].astype(np.float64))

    def count_accounts(self, rows: Ints) -> int:
        """Count the distinct accounts of some rows."""
        return len(np.unique(self.account[rows]))


@dataclass(frozen=True, slots=True)
class Fold:
    """One cutoff to judge, and the observations whose outcome was known at it."""

    learnt: Ints
    judged: Ints


@dataclass(frozen=True, slots=True)
class _Codes:
    """Name → code, in the order of their first appearance."""

    accounts: dict[str, int] = field(default_factory=dict)
    bands: dict[str, int] = field(default_factory=dict)
    currencies: dict[str, int] = field(default_factory=dict)


def build_panel(months: Iterable[Sequence[Observation]]) -> Panel:
    """Build the columns from the observations of each month, oldest first.

    A month at a time is converted, so that all are never in memory as objects.
    """
    codes = _Codes()
    days: list[date] = []
    parts: dict[str, list[NDArray[Any]]] = {}
    for month in months:
        if not month:
            continue
        columns = _convert_month(month, codes)
        columns["cutoff"] = np.full(len(month), len(days), np.int64)
        days.append(month[0].cutoff)
        for name, column in columns.items():
            parts.setdefault(name, []).append(column)
    whole = {name: np.concatenate(columns) for name, columns in parts.items()}
    own = ("account", "cutoff", "outcome", "mrr", "band", "currency")
    empty = np.empty(0, np.int64)
    return Panel(
        list(codes.accounts),
        days,
        whole.get("account", empty),
        whole.get("cutoff", empty),
        whole.get("outcome", empty.astype(np.int8)),
        whole.get("mrr", empty),
        {name: column for name, column in whole.items() if name not in own},
        list(codes.bands),
        whole.get("band", empty.astype(np.int8)),
        list(codes.currencies),
        whole.get("currency", empty.astype(np.int8)),
    )


def _convert_month(month: Sequence[Observation], codes: _Codes) -> dict[str, NDArray[Any]]:
    """Convert the observations of a month to columns.

    Names that are new get codes.
    """
    accounts, bands, currencies = codes.accounts, codes.bands, codes.currencies
    columns: dict[str, NDArray[Any]] = {
        "account": np.array(
            [accounts.setdefault(o.account, len(accounts)) for o in month], np.int64
        ),
        "outcome": np.array([_CODES.get(o.outcome, _STAYED) for o in month], np.int8),
        "mrr": np.array([o.mrr for o in month], np.int64),
        "band": np.array(
            [-1 if o.band is None else bands.setdefault(o.band, len(bands)) for o in month],
            np.int8,
        ),
        "currency": np.array(
            [currencies.setdefault(o.currency, len(currencies)) for o in month], np.int8
        ),
        SCORE: np.array([o.score for o in month], np.float32),
    }
    for name in month[0].values:
        columns[name] = np.array([o.values.get(name) for o in month], np.float32)
    return columns


def transform_values(item: Input, values: Floats) -> Floats:
    """Put values on the scale of their input."""
    limited = np.clip(values, item.low, item.high)
    if item.scale == "plain":
        return limited
    return np.log1p(limited) if item.scale == "log1p" else np.log2(limited)

"""Observations as columns: what fits and judgements compute with."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from cs_sync.foresight.inputs import Input
from cs_sync.foresight.observations import OUTCOMES, Outcome, Target

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

OUTCOME_CODES: dict[Outcome, int] = {
    outcome: code for code, outcome in enumerate(sorted(set().union(*OUTCOMES.values())))
}
OUTCOME_CODES["stayed"] = len(OUTCOME_CODES)


class Panel(Struct, frozen=True):
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
        return np.isin(self.outcome, [OUTCOME_CODES[outcome] for outcome in OUTCOMES[target]])

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


class Fold(Struct, frozen=True):
    """One cutoff to judge, and the observations whose outcome was known at it."""

    learnt: Ints
    judged: Ints


class Month(Struct, frozen=True):
    """The observations of one cutoff as columns, by account."""

    cutoff: date
    account: Ints
    """Codes of the accounts' names; likewise `currency` and `band`."""
    outcome: NDArray[np.int8]
    mrr: Ints
    currency: Ints
    band: Ints
    values: Mapping[str, Floats]


def join_months(
    months: Sequence[Month], names: Sequence[str], currencies: Sequence[str], bands: Sequence[str]
) -> Panel:
    """Join the months to a panel.

    Its codes are in the order of their first appearance.

    Args:
        months: Oldest first; those without observations are left out.
        names: The accounts, by their code.
        currencies: The currencies, by their code.
        bands: The bands, by their code; −1 is none.
    """
    months = [month for month in months if len(month.account)]
    sizes = [len(month.account) for month in months]
    account, own_names = _renumber([month.account for month in months], names)
    currency, own_currencies = _renumber([month.currency for month in months], currencies)
    band, own_bands = _renumber([month.band for month in months], bands)
    every = dict.fromkeys(name for month in months for name in month.values)
    values = {
        name: np.concatenate([_get_values(month, name) for month in months]) for name in every
    }
    return Panel(
        own_names,
        [month.cutoff for month in months],
        account,
        np.repeat(np.arange(len(months)), sizes),
        _concatenate([month.outcome for month in months], np.int8),
        _concatenate([month.mrr for month in months], np.int64),
        values,
        own_bands,
        band.astype(np.int8),
        own_currencies,
        currency.astype(np.int8),
    )


def _get_values(month: Month, name: str) -> NDArray[np.float32]:
    unknown = np.full(len(month.account), np.nan)
    return month.values.get(name, unknown).astype(np.float32)


def _renumber(parts: Sequence[Ints], names: Sequence[str]) -> tuple[Ints, list[str]]:
    """Number codes anew by their first appearance; −1 stays.

    Returns:
        The new codes, and the names by them.
    """
    codes = _concatenate(parts, np.int64)
    known = codes >= 0
    distinct, first = np.unique(codes[known], return_index=True)
    ordered = distinct[np.argsort(first)]
    new = np.full(len(names) + 1, -1)
    new[ordered] = np.arange(len(ordered))
    return new[codes], [names[code] for code in ordered]


def _concatenate(parts: Sequence[NDArray[Any]], kind: Any) -> NDArray[Any]:
    return np.concatenate([np.empty(0, kind), *parts]).astype(kind)


def transform_values(item: Input, values: Floats) -> Floats:
    """Put values on the scale of their input."""
    limited = np.clip(values, item.low, item.high)
    if item.scale == "plain":
        return limited
    return np.log1p(limited) if item.scale == "log1p" else np.log2(limited)

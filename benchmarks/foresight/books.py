"""Simulated books: accounts with a risk that moves, those that leave replaced by new ones."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from cs_sync.foresight.observations import OUTCOMES
from cs_sync.foresight.panel import Panel
from cs_sync.metrics.periods import add_months

DAYS = 92
"""Days until an outcome is known: the longest three months."""
WEAK, STRONG = 0.68, 1.25
"""Effects of the risk on the log-odds of a month that give an AUC of 0.67 and 0.78 of a quarter."""
LEFT, STAYED = 3, 4


@dataclass(frozen=True)
class Book:
    """What is simulated: size, months, effect of the risk on the monthly log-odds, hazard."""

    accounts: int
    effect: float
    months: int = 24
    hazard: float = 0.03
    persistence: float = 0.9
    ahead: int = 3
    """Months of a horizon."""
    shape: str = "line"
    """`line`, or `threshold`: only a high risk together with a young account counts."""


def simulate(book: Book, seed: int) -> Panel:
    """Simulate a book; its first input tells the risk."""
    random = np.random.default_rng(seed)
    whole = book.months + book.ahead
    risk = random.standard_normal(book.accounts)
    tenure = random.uniform(0, 30, book.accounts)
    account = np.arange(book.accounts)
    risks, tenures, accounts, left = [], [], [], []
    for _ in range(whole):
        risks.append(risk)
        tenures.append(tenure)
        accounts.append(account)
        leaves = random.random(book.accounts) < _calculate_hazard(book, risk, tenure)
        left.append(leaves)
        account, tenure = account.copy(), tenure + 1
        account[leaves] = accounts[-1].max() + 1 + np.arange(leaves.sum())
        tenure[leaves] = 0.0
        noise = random.standard_normal(book.accounts)
        risk = book.persistence * risk + np.sqrt(1 - book.persistence**2) * noise
    event = [np.logical_or.reduce(left[month : month + book.ahead]) for month in range(book.months)]
    scaled = np.clip(2.6 + 0.8 * np.concatenate(risks[: book.months]), 0, 5.8)
    values = {"days_since_use": np.expm1(scaled)}
    values["tenure_months"] = np.concatenate(tenures[: book.months])
    size = len(values["tenure_months"])
    values |= {
        "usage_trend_28": np.exp(random.standard_normal(size)),
        "mrr_change_90": np.exp(0.3 * random.standard_normal(size)),
        "active_days_28": random.integers(0, 29, size).astype(float),
        "tickets_30": random.poisson(1.0, size).astype(float),
        "nps": _hide(random, random.integers(0, 11, size).astype(float), 0.6),
        "csat_90": _hide(random, random.random(size), 0.8),
    }
    return build_panel(book, np.concatenate(accounts[: book.months]), np.concatenate(event), values)


def build_panel(
    book: Book,
    account: NDArray[np.int64],
    event: NDArray[np.bool_],
    values: dict[str, NDArray[np.float64]],
) -> Panel:
    """Build the columns of a book whose rows are ordered by month."""
    assert sorted(set().union(*OUTCOMES.values())).index("voluntary") == LEFT
    codes = np.unique(account, return_inverse=True)[1]
    first = date(2024, 1, 1)
    days = [add_months(first, month + 1) - timedelta(days=1) for month in range(book.months)]
    size = len(account)
    none = np.full(size, -1, np.int8)
    return Panel(
        [f"a{code:06}" for code in range(int(codes.max()) + 1)],
        days,
        codes,
        np.repeat(np.arange(book.months), book.accounts),
        np.where(event, LEFT, STAYED).astype(np.int8),
        np.full(size, 10_000, np.int64),
        {name: column.astype(np.float32) for name, column in values.items()},
        [],
        none,
        ["EUR"],
        np.zeros(size, np.int8),
    )


def _calculate_hazard(
    book: Book, risk: NDArray[np.float64], tenure: NDArray[np.float64]
) -> NDArray[np.float64]:
    base = np.log(book.hazard / (1 - book.hazard))
    if book.shape == "threshold":
        hit = (np.abs(risk) > 1.0) ^ (tenure > 12)
        return 1 / (1 + np.exp(-(base - 1.0 + book.effect * hit)))
    return 1 / (1 + np.exp(-(base - book.effect**2 / 2 + book.effect * risk)))


def _hide(
    random: np.random.Generator, values: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    return np.where(random.random(len(values)) < share, np.nan, values)

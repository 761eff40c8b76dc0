"""An account's MRR at a month's end beside what its invoices bill for that instant."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from cs_sync.metrics.mrr.facts import BillingFacts
from cs_sync.metrics.mrr.normalise import round_half_even
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.reconcile.causes import Cause, Part, Unmatched, explain
from cs_sync.metrics.reconcile.charges import (
    DEMANDED,
    BilledLine,
    Charge,
    SubscriptionKey,
    monthly_charges,
)

Mrr = Mapping[str, Mapping[str, Mapping[SubscriptionKey, int]]]
"""Account → currency → subscription → minor units per month."""


@dataclass(frozen=True, slots=True)
class Compared:
    """An account in one currency, or all of them; `cause` is None where it ties.

    `unexplained` is what no fact explains, in either direction, and `tied` the MRR that invoices
    bear out; usage that is billed on top takes nothing from it.
    """

    account: str | None
    currency: str
    mrr: int = 0
    invoiced: int = 0
    cause: Cause | None = None
    unexplained: int = 0
    tied: int = 0

    @property
    def share(self) -> float | None:
        """The share of MRR that ties to invoices; None without MRR."""
        return self.tied / self.mrr if self.mrr else None

    def json(self, month: date) -> dict[str, Any]:
        """As `cs-sync reconcile` prints it."""
        return {
            "account": self.account,
            "month": f"{month:%Y-%m}",
            "currency": self.currency,
            "mrr": self.mrr,
            "invoiced": self.invoiced,
            "difference": self.mrr - self.invoiced,
            "cause": self.cause,
            "unexplained": self.unexplained,
            "tied": self.tied,
        }


@dataclass(frozen=True)
class Books:
    """An account in one currency just before `at`: its MRR by subscription, and what is billed."""

    account: str
    currency: str
    at: datetime
    policy: MrrPolicy
    mrr: Mapping[SubscriptionKey, int] = field(default_factory=dict)
    charges: tuple[Charge, ...] = ()

    @property
    def total(self) -> int:
        """All its MRR."""
        return sum(self.mrr.values())

    @property
    def invoiced(self) -> Fraction:
        """Recurring lines of invoices that ask for money, for this instant."""
        return sum((c.net for c in self._billed()), Fraction(0))

    @property
    def ties(self) -> bool:
        """Whether both are the same, but for what rounding of the lines can do."""
        slack = sum((c.rounding for c in self._billed()), Fraction(1))
        return abs(self.total - self.invoiced) <= slack

    def compared(self, facts: BillingFacts | None = None) -> Compared:
        """Both sides; the account's facts explain what does not tie."""
        parts = [] if facts is None or self.ties else list(self._parts(facts))
        weights: defaultdict[Cause, Fraction] = defaultdict(Fraction)
        for part in parts:
            weights[part.cause] += abs(part.amount)
        off = sum((w for cause, w in weights.items() if cause != "metered"), Fraction(0))
        ranked = sorted(weights, key=lambda cause: (-weights[cause], cause))
        return Compared(
            self.account,
            self.currency,
            self.total,
            round_half_even(self.invoiced),
            ranked[0] if ranked else None,
            unexplained=round_half_even(weights.get("unknown", Fraction(0))),
            tied=max(0, self.total - round_half_even(off)),
        )

    def _billed(self) -> Iterator[Charge]:
        for charge in self.charges:
            billed = charge.billed
            if billed.kind != "one_off" and billed.status in DEMANDED and billed.covers(self.at):
                yield charge

    def _parts(self, facts: BillingFacts) -> Iterator[Part]:
        """Subscription by subscription; usage is no MRR, so whatever is billed for it differs."""
        named = {charge.billed.subscription for charge in self.charges}
        for key in sorted({*self.mrr, *(key for key in named if key is not None)}):
            charges = [c for c in self.charges if c.billed.subscription in (key, None)]
            mine = Unmatched(key, self.currency, self.mrr.get(key, 0), charges, self.at)
            yield from explain(mine, facts, self.policy)
        metered = sum((c.net for c in self._billed() if c.billed.kind == "metered"), Fraction(0))
        if metered:
            yield Part("metered", -metered)


def books_of(
    mrr: Mrr, lines: Mapping[str, Iterable[BilledLine]], at: datetime, policy: MrrPolicy
) -> list[Books]:
    """One per account and currency of either side; `lines` are by account."""
    billed: defaultdict[tuple[str, str], list[BilledLine]] = defaultdict(list)
    for account, some in lines.items():
        for line in some:
            billed[account, line.currency].append(line)
    keys = {(account, currency) for account, found in mrr.items() for currency in found}
    return [
        Books(
            *key, at, policy,
            mrr.get(key[0], {}).get(key[1], {}),
            tuple(monthly_charges(billed.get(key, ()), policy)),
        )
        for key in sorted(keys | billed.keys())
    ]  # fmt: skip


def sums(rows: Iterable[Compared]) -> list[Compared]:
    """One row per currency over all accounts, also over those that tie."""
    found: defaultdict[str, list[Compared]] = defaultdict(list)
    for row in rows:
        found[row.currency].append(row)
    return [
        Compared(
            None,
            currency,
            sum(row.mrr for row in some),
            sum(row.invoiced for row in some),
            unexplained=sum(row.unexplained for row in some),
            tied=sum(row.tied for row in some),
        )
        for currency, some in sorted(found.items())
    ]

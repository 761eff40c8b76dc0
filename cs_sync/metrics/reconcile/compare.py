"""An account's MRR at a month's end beside its invoices for that instant."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from msgspec import Struct, field

from cs_sync.metrics.mrr.facts import BillingFacts
from cs_sync.metrics.mrr.normalise import round_half_even
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.reconcile.causes import (
    Cause,
    DifferencePart,
    SubscriptionBalance,
    explain_difference,
)
from cs_sync.metrics.reconcile.charges import (
    DEMANDED_STATUSES,
    BilledLine,
    MonthlyCharge,
    SubscriptionKey,
    calculate_monthly_charges,
)

Mrr = Mapping[str, Mapping[str, Mapping[SubscriptionKey, int]]]
"""Account → currency → subscription → minor units per month."""


class ReconciliationRow(Struct, frozen=True):
    """An account in one currency, or all accounts; `cause` is None if it ties.

    `unexplained` is the unexplained amount in either direction, `tied` the MRR confirmed by
    invoices; usage billed on top does not reduce it. Amounts are in minor units per month.
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
        """Return the row as `cs-sync reconcile` prints it."""
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


class AccountComparison(Struct, frozen=True):
    """An account in one currency just before `at`: MRR by subscription, and its charges."""

    account: str
    currency: str
    at: datetime
    policy: MrrPolicy
    mrr: Mapping[SubscriptionKey, int] = field(default_factory=dict)
    charges: tuple[MonthlyCharge, ...] = ()

    @property
    def total(self) -> int:
        """The account's total MRR."""
        return sum(self.mrr.values())

    @property
    def invoiced(self) -> Fraction:
        """The recurring lines of open and paid invoices for this instant."""
        return sum((c.net for c in self._get_billed()), Fraction(0))

    @property
    def ties(self) -> bool:
        """Whether MRR and invoices are equal, up to rounding of the lines."""
        slack = sum((c.rounding for c in self._get_billed()), Fraction(1))
        return abs(self.total - self.invoiced) <= slack

    def compare_account(self, facts: BillingFacts | None = None) -> ReconciliationRow:
        """Compare MRR and invoices; the account's facts explain the difference."""
        parts = [] if facts is None or self.ties else list(self._explain_parts(facts))
        weights: defaultdict[Cause, Fraction] = defaultdict(Fraction)
        for part in parts:
            weights[part.cause] += abs(part.amount)
        off = sum((w for cause, w in weights.items() if cause != "metered"), Fraction(0))
        ranked = sorted(weights, key=lambda cause: (-weights[cause], cause))
        return ReconciliationRow(
            self.account,
            self.currency,
            self.total,
            round_half_even(self.invoiced),
            ranked[0] if ranked else None,
            unexplained=round_half_even(weights.get("unknown", Fraction(0))),
            tied=max(0, self.total - round_half_even(off)),
        )

    def _get_billed(self) -> Iterator[MonthlyCharge]:
        for charge in self.charges:
            billed = charge.billed
            if (
                billed.kind != "one_off"
                and billed.status in DEMANDED_STATUSES
                and billed.covers(self.at)
            ):
                yield charge

    def _explain_parts(self, facts: BillingFacts) -> Iterator[DifferencePart]:
        """Yield the parts of the difference, subscription by subscription.

        Usage is not MRR: everything billed for it is a difference.
        """
        named = {charge.billed.subscription for charge in self.charges}
        for key in sorted({*self.mrr, *(key for key in named if key is not None)}):
            charges = [c for c in self.charges if c.billed.subscription in (key, None)]
            balance = SubscriptionBalance(
                key, self.currency, self.mrr.get(key, 0), charges, self.at
            )
            yield from explain_difference(balance, facts, self.policy)
        metered = sum(
            (c.net for c in self._get_billed() if c.billed.kind == "metered"), Fraction(0)
        )
        if metered:
            yield DifferencePart("metered", -metered)


def build_comparisons(
    mrr: Mrr, lines: Mapping[str, Iterable[BilledLine]], at: datetime, policy: MrrPolicy
) -> list[AccountComparison]:
    """Build one comparison per account and currency of either side.

    Args:
        mrr: Account → currency → subscription → MRR in minor units.
        lines: Account → its invoice lines.
        at: The instant.
        policy: The MRR policy.
    """
    billed: defaultdict[tuple[str, str], list[BilledLine]] = defaultdict(list)
    for account, account_lines in lines.items():
        for line in account_lines:
            billed[account, line.currency].append(line)
    keys = {(account, currency) for account, amounts in mrr.items() for currency in amounts}
    return [
        AccountComparison(
            *key, at, policy,
            mrr.get(key[0], {}).get(key[1], {}),
            tuple(calculate_monthly_charges(billed.get(key, ()), policy)),
        )
        for key in sorted(keys | billed.keys())
    ]  # fmt: skip


def sum_rows(rows: Iterable[ReconciliationRow]) -> list[ReconciliationRow]:
    """Sum the rows per currency, over all accounts, also those that tie."""
    by_currency: defaultdict[str, list[ReconciliationRow]] = defaultdict(list)
    for row in rows:
        by_currency[row.currency].append(row)
    return [
        ReconciliationRow(
            None,
            currency,
            sum(row.mrr for row in members),
            sum(row.invoiced for row in members),
            unexplained=sum(row.unexplained for row in members),
            tied=sum(row.tied for row in members),
        )
        for currency, members in sorted(by_currency.items())
    ]

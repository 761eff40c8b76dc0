"""MRR at risk: of the accounts that leave, have not paid, or are red."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from cs_sync.health.money_at_risk import assess_risk
from cs_sync.report.data import RISK_KINDS, AgendaItem, HistoryPoint, ReportedAccount, RiskKind
from cs_sync_schemas.money import to_major_units


class RiskSum(Struct, frozen=True):
    """The MRR at risk at one time, in the report's currency, and the whole MRR."""

    amounts: Mapping[RiskKind, int]
    accounts: Mapping[RiskKind, int]
    mrr: int

    @property
    def total(self) -> int:
        """The MRR at risk."""
        return sum(self.amounts.values())

    @property
    def share(self) -> float | None:
        """The share of the MRR that is at risk; None without MRR."""
        return self.total / self.mrr if self.mrr else None


def classify_risk(band: str, *, leaving: bool, unpaid: bool) -> RiskKind | None:
    """Classify why an account's MRR is at risk.

    None if it is not.

    Args:
        band: The health band.
        leaving: Every running subscription is cancelled.
        unpaid: An invoice is overdue.
    """
    if leaving:
        return "leaving"
    if unpaid:
        return "unpaid"
    return "red" if band == "red" else None


def sum_risk(points: Iterable[HistoryPoint]) -> RiskSum:
    """Add up the MRR at risk of the accounts at one time."""
    amounts: dict[RiskKind, int] = dict.fromkeys(RISK_KINDS, 0)
    counts: dict[RiskKind, int] = dict.fromkeys(RISK_KINDS, 0)
    mrr = 0
    for point in points:
        mrr += point.mrr
        if point.risk is not None:
            amounts[point.risk] += point.mrr
            counts[point.risk] += 1
    return RiskSum(amounts, counts, mrr)


def calculate_attention(account: ReportedAccount, owed: int = 0) -> float:
    """Calculate how much an account matters today.

    The unit is a minor unit of the report's currency. All MRR of an account that leaves or has not
    paid counts, of others P(churn) × MRR while a model is accepted, else the share that the score
    misses (none without a score). An account without MRR, as a paused one, counts with what it
    owes. MRR without an exchange rate counts at par: this is an order, not a sum.

    Args:
        account: The account.
        owed: Its overdue invoices.
    """
    point, mrr = account.now, rank_mrr(account)
    if not mrr:
        return float(owed)
    if point.risk in ("leaving", "unpaid"):
        return float(mrr)
    if account.churn_probability is None and point.score is None:
        return 0.0
    return float(assess_risk(point.score, account.churn_probability).apply(mrr))


def rank_mrr(account: ReportedAccount) -> int:
    """Return the MRR by which accounts are ranked.

    At par where no exchange rate is known.
    """
    units = sum(to_major_units(amount, code) for code, amount in account.mrr.items())
    return account.now.mrr or round(units * 100)


def sum_owed(agenda: Iterable[AgendaItem]) -> dict[str, int]:
    """Map account → its overdue invoices, in the report's currency."""
    owed: dict[str, int] = {}
    for item in agenda:
        if item.kind == "unpaid":
            owed[item.account] = owed.get(item.account, 0) + (item.worth or 0)
    return owed


def sort_by_attention(
    accounts: Iterable[ReportedAccount], owed: Mapping[str, int]
) -> list[ReportedAccount]:
    """Sort accounts by risk and by how much they matter.

    What is at risk comes first.
    """
    return sorted(
        accounts,
        key=lambda account: (
            account.now.risk is None,
            -calculate_attention(account, owed.get(account.id, 0)),
            -rank_mrr(account),
            account.id,
        ),
    )


def average_score(points: Sequence[HistoryPoint]) -> float | None:
    """Return the mean score of the scored accounts; None without any."""
    scores = [point.score for point in points if point.score is not None]
    return sum(scores) / len(scores) if scores else None

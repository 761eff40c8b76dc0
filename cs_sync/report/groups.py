"""Accounts by what they share: plan, segment, owner, and the month of their first MRR."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from msgspec import Struct

from cs_sync.foresight.cohorts import Cohort, build_cohorts
from cs_sync.report.data import ReportData, ReportedAccount
from cs_sync.report.risk import average_score

MAX_GROUPS = 12
"""Groups shown by themselves; the smaller ones are one more."""


class GroupRow(Struct, frozen=True):
    """The accounts of a group; money in minor units of the report's currency.

    `churn_rate` is the share of the customers of a year ago that left since, `retained` the
    share of their MRR of then that is still paid, without expansion; None without any.
    `then` is the number of customers a year ago.
    """

    name: str | None
    accounts: int
    mrr: int
    at_risk: int
    score: float | None
    bands: Mapping[str, int]
    then: int
    churn_rate: float | None
    retained: float | None
    tasks: int = 0


class CohortRow(Struct, frozen=True):
    """Customers by the month of their first MRR; shares by month since, newest last.

    The shares are those of the month's own customers and MRR; None where the future is.
    """

    month: date
    accounts: int
    mrr: int
    kept_accounts: Sequence[float | None]
    kept_mrr: Sequence[float | None]


def group_accounts(
    accounts: Iterable[ReportedAccount], key: Callable[[ReportedAccount], str]
) -> list[GroupRow]:
    """Group accounts by a text, largest MRR first, small groups last.

    Returns:
        The rows; the name is empty for accounts without the text, None for the small groups.
    """
    groups: dict[str, list[ReportedAccount]] = {}
    for account in accounts:
        groups.setdefault(key(account), []).append(account)
    rows = [build_group_row(name, members) for name, members in groups.items()]
    rows = [row for row in rows if row.accounts or row.then]
    rows.sort(key=lambda row: (row.name == "", -row.mrr, row.name or ""))
    if len(rows) <= MAX_GROUPS:
        return rows
    kept = {row.name for row in rows[: MAX_GROUPS - 1]}
    rest = [member for name, members in groups.items() if name not in kept for member in members]
    return [*rows[: MAX_GROUPS - 1], build_group_row(None, rest)]


def build_group_row(name: str | None, members: Sequence[ReportedAccount]) -> GroupRow:
    """Add up the accounts of one group."""
    customers = [account for account in members if account.is_customer]
    before = [account for account in members if account.past and account.past[0].paying]
    gone = sum(not account.now.paying for account in before)
    was = sum(account.past[0].mrr for account in before)
    kept = sum(min(account.past[0].mrr, account.now.mrr) for account in before)
    return GroupRow(
        name,
        len(customers),
        sum(account.now.mrr for account in customers),
        sum(account.now.mrr for account in customers if account.now.risk),
        average_score([account.now for account in customers]),
        Counter(account.now.band for account in customers if account.now.band),
        len(before),
        gone / len(before) if before else None,
        kept / was if was else None,
        sum(len(account.tasks) for account in customers),
    )


def build_cohort_rows(data: ReportData) -> list[CohortRow]:
    """Build the cohorts of the last months, oldest first."""
    ends = [*data.months, data.as_of]
    members = (
        (account.first_paid, [*account.past, account.now])
        for account in data.accounts
        if account.first_paid and len(account.past) == len(data.months)
    )
    return [_build_cohort_row(cohort, len(ends)) for cohort in build_cohorts(members, ends)]


def _build_cohort_row(cohort: Cohort, width: int) -> CohortRow:
    accounts = [part / cohort.accounts for part in cohort.retained]
    mrr = [part / cohort.mrr if cohort.mrr else None for part in cohort.mrr_retained]
    future: list[float | None] = [None] * (width - len(accounts))
    return CohortRow(
        cohort.month, cohort.accounts, cohort.mrr, [*accounts, *future], [*mrr, *future]
    )


def count_migration(
    pairs: Iterable[tuple[str | None, str | None]],
) -> Counter[tuple[str | None, str | None]]:
    """Count accounts by their band then and now.

    None means no customer at that time.
    """
    return Counter(pair for pair in pairs if pair != (None, None))

"""Cohorts of accounts by the month of their first MRR."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from msgspec import Struct

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.foresight.cohorts import build_cohorts
from cs_sync.metrics.periods import add_months, get_day_start
from cs_sync.queries.report_money import MoneyConverter, build_converter
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import Span, find_first_paid, get_mrr_before, read_mrr_spans
from cs_sync.store.queries.health import read_live_accounts

MONTHS = 12
"""Complete months by default, as in the report."""


class _PaidAtEnd(Struct, frozen=True):
    mrr: int
    paying: bool


def list_cohorts(workspace: Workspace, since: date | None = None) -> list[dict[str, Any]]:
    """List what stayed of each cohort, by months since its first.

    Past amounts are converted at today's rates, so that a change is no change of rates.

    Args:
        workspace: The workspace.
        since: A day of the first month; a year ago by default.

    Returns:
        One row per cohort and age; the last age is the current month up to today.

    Raises:
        ConfigError: The month is in the future.
    """
    today = workspace.today
    first = (since or add_months(today.replace(day=1), -MONTHS)).replace(day=1)
    if first > today:
        raise ConfigError(f"{first:%Y-%m} is in the future", "give an earlier month with --since")
    months = (today.year - first.year) * 12 + today.month - first.month
    ends = [*(add_months(first, n + 1) - timedelta(days=1) for n in range(months)), today]
    money = build_converter(workspace)
    with workspace.store.read() as connection:
        spans = read_mrr_spans(connection, get_mrr_policy(workspace).hash)
        accounts = [account["id"] for account in read_live_accounts(connection)]
    paid = [spans[account] for account in accounts if account in spans]
    _emit_missing_rates(workspace, paid, money)
    cohorts = build_cohorts(_list_members(workspace, paid, ends, money), ends)
    return [
        {
            "cohort": cohort.month,
            "age": age,
            "accounts": cohort.accounts,
            "retained": cohort.retained[age],
            "rate": cohort.retained[age] / cohort.accounts,
            "mrr": cohort.mrr,
            "mrr_retained": cohort.mrr_retained[age],
            "currency": money.currency,
        }
        for cohort in cohorts
        for age in range(len(cohort.retained))
    ]


def _list_members(
    workspace: Workspace,
    paid: Sequence[Sequence[Span]],
    ends: Sequence[date],
    money: MoneyConverter,
) -> Iterator[tuple[date, list[_PaidAtEnd]]]:
    """Yield each account's day of first MRR, and what it paid.

    At each of the ends.
    """
    zone = workspace.config.workspace.timezone
    moments = [get_day_start(end + timedelta(days=1), str(zone)) for end in ends]
    for spans in paid:
        first = find_first_paid(spans, zone)
        if first is not None and first >= ends[0].replace(day=1):
            amounts = [get_mrr_before(spans, moment) for moment in moments]
            yield first, [_PaidAtEnd(money.add_up(own), any(own.values())) for own in amounts]


def _emit_missing_rates(
    workspace: Workspace, paid: Sequence[Sequence[Span]], money: MoneyConverter
) -> None:
    """Warn of currencies without a rate: their MRR is in no sum."""
    currencies = sorted({span.currency for spans in paid for span in spans if span.amount})
    missing = [code for code in currencies if money.convert(1, code) is None]
    if missing:
        message = (
            f"no rate from {', '.join(missing)} to {money.currency}: MRR in it is left out; "
            "bring rates with fx_rates.csv"
        )
        workspace.emit(Event("step_ended", workspace.clock(), detail={"message": message}))

"""Reconciliation of MRR with invoices per account, with the causes of differences."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from msgspec import Struct

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.metrics.periods import Period, add_months, find_last_whole_period, find_period
from cs_sync.metrics.reconcile.compare import ReconciliationRow, build_comparisons, sum_rows
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.billing import read_billing_facts
from cs_sync.store.queries.month_close import read_closed_totals
from cs_sync.store.queries.reconcile import (
    MrrBySubscription,
    read_billed_lines,
    read_invoicing_sources,
    read_mrr_parts,
)
from cs_sync_schemas.money import format_amount

BILLING_TABLES = frozenset({
    "account", "account_link", "discount", "invoice", "invoice_line", "mrr_span", "product",
    "refund", "subscription", "subscription_change", "subscription_item",
})  # fmt: skip
"""What a reconciliation rests on."""


class Reconciliation(Struct, frozen=True):
    """The reconciliation of a month: per account and currency, and in total per currency.

    `left_out` is the MRR by currency of sources without invoices to compare with.
    """

    month: date
    accounts: list[ReconciliationRow]
    sums: list[ReconciliationRow]
    left_out: dict[str, int]


def list_differences(
    workspace: Workspace, *, month: date | None = None, everything: bool = False
) -> list[dict[str, Any]]:
    """List a month's differences between MRR and invoices, the most unexplained first.

    Args:
        workspace: The workspace.
        month: A day of the month; the last whole month by default.
        everything: Include accounts without a difference.

    Returns:
        One row per account and currency, followed by the total per currency.

    Raises:
        ConfigError: The month is not over.
    """
    reconciliation = reconcile_month(workspace, month)
    for note in (
        *_describe_uninvoiced(reconciliation),
        *_describe_closing_difference(workspace, reconciliation),
    ):
        _emit_note(workspace, note)
    rows = [row for row in reconciliation.accounts if everything or row.cause]
    rows.sort(key=lambda row: (-row.unexplained, -abs(row.mrr - row.invoiced), str(row.account)))
    return [row.json(reconciliation.month) for row in (*rows, *reconciliation.sums)]


def _describe_uninvoiced(reconciliation: Reconciliation) -> Iterator[str]:
    for currency, amount in sorted(reconciliation.left_out.items()):
        what = f"MRR of {format_amount(amount, currency)}"
        yield f"{what} is from sources without invoices, and not compared"


def _describe_closing_difference(workspace: Workspace, result: Reconciliation) -> Iterator[str]:
    """Yield a note per currency with MRR changed since the month's closing.

    Both sides of the comparison use current knowledge.
    """
    with workspace.store.read() as connection:
        closed = read_closed_totals(connection, get_mrr_policy(workspace).hash)
    now = {total.currency: total.mrr for total in result.sums}
    for currency, amount in sorted(closed.get(add_months(result.month, 1), {}).items()):
        current = now.get(currency, 0) + result.left_out.get(currency, 0)
        if current != amount:
            yield (
                f"{result.month:%Y-%m} was closed with MRR of {format_amount(amount, currency)};"
                f" compared is what is known now, {format_amount(current, currency)}"
            )


def reconcile_month(workspace: Workspace, month: date | None = None) -> Reconciliation:
    """Compare MRR and invoices at the end of a month.

    Args:
        workspace: The workspace.
        month: A day of the month; the last whole month by default.

    Raises:
        ConfigError: The month is not over.
    """
    policy, period = get_mrr_policy(workspace), _select_month(workspace, month)
    with workspace.store.read() as connection:
        mrr = read_mrr_parts(connection, policy.hash, period.ends_at)
        left_out = _remove_uninvoiced(mrr, read_invoicing_sources(connection))
        lines = read_billed_lines(connection, period.starts_at, period.ends_at)
        books = build_comparisons(mrr, lines, period.ends_at, policy)
        apart = sorted({book.account for book in books if not book.ties})
        facts = {
            account_facts.account_id: account_facts
            for account_facts in read_billing_facts(connection, apart)
        }
    rows = [book.compare_account(facts.get(book.account)) for book in books]
    rows = [row for row in rows if row.mrr or row.invoiced]
    return Reconciliation(period.start, rows, sum_rows(rows), left_out)


def _select_month(workspace: Workspace, month: date | None) -> Period:
    zone = str(workspace.config.workspace.timezone)
    last = find_last_whole_period(workspace.today, "month", zone)
    chosen = last if month is None else find_period(month, "month", zone)
    if chosen.start > last.start:
        raise ConfigError(
            f"{chosen.start:%Y-%m} is not over", f"the last whole month is {last.start:%Y-%m}"
        )
    return chosen


def _remove_uninvoiced(mrr: MrrBySubscription, invoicing: set[str]) -> dict[str, int]:
    """Remove the MRR of sources without invoices; return its sum.

    By currency.
    """
    left: Counter[str] = Counter()
    for by_currency in mrr.values():
        for currency, amounts in by_currency.items():
            for key in [key for key in amounts if key[0] not in invoicing]:
                left[currency] += amounts.pop(key)
    return dict(left)


def _emit_note(workspace: Workspace, note: str) -> None:
    detail = {"step": "reconcile", "message": note}
    workspace.emit(Event("step_ended", workspace.clock(), detail=detail))

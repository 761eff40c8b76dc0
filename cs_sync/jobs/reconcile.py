"""Whether MRR ties to the invoices, account by account, and why where it does not."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.jobs.derive import ensure_mrr, policy_of
from cs_sync.jobs.workspace import Workspace
from cs_sync.metrics.periods import Period, add_months, last_whole_period, period_of
from cs_sync.metrics.reconcile.compare import Compared, books_of, sums
from cs_sync.store.billing import read_billing
from cs_sync.store.closings import read_totals
from cs_sync.store.reconcile import (
    MrrBySubscription,
    invoicing_sources,
    read_billed,
    read_mrr_parts,
)
from cs_sync_schemas.money import CURRENCY_EXPONENT


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A month: every account and currency, and the sum of each currency.

    `left_out` is the MRR by currency of sources that have no invoices to compare with.
    """

    month: date
    accounts: list[Compared]
    sums: list[Compared]
    left_out: dict[str, int]


def reconcile(
    workspace: Workspace, *, month: date | None = None, everything: bool = False
) -> list[dict[str, Any]]:
    """What does not tie, the most unexplained first, then the sum of each currency.

    With `everything`, also what ties. Raises ConfigError.
    """
    found = reconciled(workspace, month)
    for note in (*_left_out(found), *_restated(workspace, found)):
        _tell(workspace, note)
    rows = [row for row in found.accounts if everything or row.cause]
    rows.sort(key=lambda row: (-row.unexplained, -abs(row.mrr - row.invoiced), str(row.account)))
    return [row.json(found.month) for row in (*rows, *found.sums)]


def _left_out(found: Reconciled) -> Iterator[str]:
    for currency, amount in sorted(found.left_out.items()):
        what = f"MRR of {_amount(amount, currency)}"
        yield f"{what} is from sources without invoices, and not compared"


def _restated(workspace: Workspace, found: Reconciled) -> Iterator[str]:
    """What has been learnt of the month's MRR since it was closed, as both sides are of now."""
    with workspace.store.read() as connection:
        closed = read_totals(connection, policy_of(workspace).hash)
    now = {total.currency: total.mrr for total in found.sums}
    for currency, amount in sorted(closed.get(add_months(found.month, 1), {}).items()):
        known = now.get(currency, 0) + found.left_out.get(currency, 0)
        if known != amount:
            yield (
                f"{found.month:%Y-%m} was closed with MRR of {_amount(amount, currency)};"
                f" compared is what is known now, {_amount(known, currency)}"
            )


def _amount(minor: int, currency: str) -> str:
    exponent = CURRENCY_EXPONENT[currency]
    return f"{Decimal(minor).scaleb(-exponent):,.{exponent}f} {currency}"


def reconciled(workspace: Workspace, month: date | None = None) -> Reconciled:
    """Compare both sides at the end of a month, the last whole one unless it is named."""
    policy, period = policy_of(workspace), _period(workspace, month)
    ensure_mrr(workspace, policy)
    with workspace.store.read() as connection:
        mrr = read_mrr_parts(connection, policy.hash, period.ends_at)
        left_out = _leave_out(mrr, invoicing_sources(connection))
        lines = read_billed(connection, period.starts_at, period.ends_at)
        books = books_of(mrr, lines, period.ends_at, policy)
        apart = sorted({book.account for book in books if not book.ties})
        facts = {one.account_id: one for one in read_billing(connection, apart)}
    rows = [book.compared(facts.get(book.account)) for book in books]
    rows = [row for row in rows if row.mrr or row.invoiced]
    return Reconciled(period.start, rows, sums(rows), left_out)


def _period(workspace: Workspace, month: date | None) -> Period:
    zone = str(workspace.config.workspace.timezone)
    last = last_whole_period(workspace.today, "month", zone)
    chosen = last if month is None else period_of(month, "month", zone)
    if chosen.start > last.start:
        raise ConfigError(
            f"{chosen.start:%Y-%m} is not over", f"the last whole month is {last.start:%Y-%m}"
        )
    return chosen


def _leave_out(mrr: MrrBySubscription, invoicing: set[str]) -> dict[str, int]:
    """Take out what is from sources without invoices; its sum by currency."""
    left: Counter[str] = Counter()
    for by_currency in mrr.values():
        for currency, amounts in by_currency.items():
            for key in [key for key in amounts if key[0] not in invoicing]:
                left[currency] += amounts.pop(key)
    return dict(left)


def _tell(workspace: Workspace, note: str) -> None:
    detail = {"step": "reconcile", "message": note}
    workspace.emit(Event("step_ended", workspace.clock(), detail=detail))

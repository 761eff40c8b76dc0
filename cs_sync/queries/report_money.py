"""Money of the report: converted amounts, the bridge of this month, and what lies ahead."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from msgspec import Struct

from cs_sync.health import AccountEvidence, build_day_scope
from cs_sync.metrics.fx import ExchangeRates
from cs_sync.metrics.periods import Period, add_months
from cs_sync.queries.day import DayView
from cs_sync.queries.metric_rows import compute_bridge
from cs_sync.queries.metrics import build_conversion_into, build_scope
from cs_sync.report import AgendaItem, MonthPart, MonthSoFar, UsedRate
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import read_subscription_mrr
from cs_sync.store.queries.fx_rates import read_fx_rates
from cs_sync.store.queries.renewals import read_renewals

AGENDA_DAYS = timedelta(days=90)
_MOVES = ("new", "reactivation", "expansion", "contraction", "churn")
_LOSSES = ("contraction", "churn")


class MoneyConverter(Struct, frozen=True):
    """Amounts in the report's currency, all at the latest rates of one day.

    Past amounts are converted at the same rates, so that a change is no change of rates.
    """

    rates: ExchangeRates
    day: date
    currency: str

    def find_rate(self, currency: str) -> Fraction | None:
        """Find a currency's rate between minor units.

        None if it is unknown.
        """
        return self.rates.minor(self.day, currency, self.currency)

    def list_parts(self) -> list[Any]:
        """List what tells this converter from others, for a digest."""
        return [self.currency, [(c, str(self.find_rate(c))) for c in self.rates.currencies]]

    def convert(self, amount: int, currency: str) -> int | None:
        """Convert an amount in minor units; None without a rate."""
        rate = self.find_rate(currency)
        return None if rate is None else round(amount * rate)

    def add_up(self, amounts: Mapping[str, int]) -> int:
        """Add up convertible amounts (currency → minor units)."""
        if amounts.keys() <= {self.currency}:
            return sum(amounts.values())
        rates = {code: self.find_rate(code) for code in amounts}
        known = ((amounts[code], rate) for code, rate in rates.items() if rate is not None)
        return round(sum((amount * rate for amount, rate in known), Fraction()))

    def list_used_rates(self, currencies: Iterable[str]) -> list[UsedRate]:
        """Return the rates of these currencies with their days."""
        quotes = {
            code: self.rates.find_quote(self.day, code, self.currency)
            for code in sorted(set(currencies) - {self.currency})
        }
        return [
            UsedRate(code, float(quote[1]), quote[0]) for code, quote in quotes.items() if quote
        ]


def build_converter(workspace: Workspace) -> MoneyConverter:
    """Build the converter into the workspace's currency at today's rates."""
    with workspace.store.read() as connection:
        rates = read_fx_rates(connection)
    return MoneyConverter(rates, workspace.today, workspace.config.workspace.currency)


def compare_months(workspace: Workspace) -> MonthSoFar:
    """Compute the bridges of this month and the last, part and whole."""
    today = workspace.today
    first = today.replace(day=1)
    last = add_months(first, -1)
    length = (today - first).days + 1
    return MonthSoFar(
        _compute_part(workspace, first, first + timedelta(days=length)),
        _compute_part(workspace, last, min(last + timedelta(days=length), first)),
        _compute_part(workspace, last, first),
    )


def _compute_part(workspace: Workspace, start: date, end: date) -> MonthPart:
    zone, currency = str(workspace.config.workspace.timezone), workspace.config.workspace.currency
    scope = build_scope(workspace, (Period(start, end, zone),), get_mrr_policy(workspace))
    scope = replace(scope, conversion=build_conversion_into(workspace, scope, currency))
    rows = [row for row in compute_bridge(workspace, scope) if row.currency == currency]
    moves = {
        name: sum(getattr(row, name) for row in rows) * (-1 if name in _LOSSES else 1)
        for name in _MOVES
    }
    return MonthPart(
        start, end, moves, sum(row.opening for row in rows), sum(row.closing for row in rows)
    )


def build_agenda(workspace: Workspace, day: DayView, money: MoneyConverter) -> list[AgendaItem]:
    """List what leaves, renews or is unpaid within 90 days, by day."""
    now, policy = workspace.clock(), get_mrr_policy(workspace).hash
    scope = build_day_scope(day.day, str(workspace.config.workspace.timezone))
    with workspace.store.read() as connection:
        renewals = read_renewals(connection, scope)
        listed = [
            item for item in day.customers
            if item.head.is_on_agenda or item.account["id"] in renewals
        ]  # fmt: skip
        mrr = read_subscription_mrr(connection, policy, now) if listed else {}
    zone, until = workspace.config.workspace.timezone, now + AGENDA_DAYS
    items: list[AgendaItem] = []

    def add(at: datetime, kind: str, account: str, amount: int, currency: str) -> None:
        local = at.astimezone(zone).date()
        worth = money.convert(amount, currency)
        items.append(AgendaItem(local, kind, account, amount, currency, worth))  # type: ignore[arg-type]

    for item in listed:
        account = item.account["id"]
        evidence = item.evidence if item.head.is_on_agenda else AccountEvidence()
        for ending in evidence.subscriptions:
            _, currency, amount = mrr.get((ending.source, ending.source_id), ("", "", 0))
            if ending.ends_at and now <= ending.ends_at < until and amount:
                add(ending.ends_at, "leaving", account, amount, currency)
        for invoice in evidence.invoices:
            due = invoice.due_at or invoice.issued_at
            add(due, "unpaid", account, invoice.amount_remaining, invoice.currency)
        for renewal in renewals.get(account, ()):
            _, currency, amount = mrr.get((renewal.source, renewal.source_id), ("", "", 0))
            if renewal.renews_at < until and amount:
                add(renewal.renews_at, "renewal", account, amount, currency)
    return sorted(items, key=lambda item: (item.day, item.kind, item.account))


def list_currencies(day: DayView, spent: Iterable[str]) -> Iterator[str]:
    """Yield the currencies of today's MRR and of other amounts."""
    for amounts in day.mrr.values():
        yield from amounts
    yield from spent

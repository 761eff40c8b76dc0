"""Books worked by hand: what was billed, and what every number must then be."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import find_period
from cs_sync_schemas import Discount, Invoice, InvoiceLine, Subscription, SubscriptionItem
from tests.metrics.conftest import Ledger

BOOKS = sorted((Path(__file__).parent / "books").glob("*.toml"))
RECORDS: dict[str, type[SQLModel]] = {
    "subscriptions": Subscription,
    "items": SubscriptionItem,
    "discounts": Discount,
    "invoices": Invoice,
    "lines": InvoiceLine,
}


@pytest.mark.slow("computes whole books")
@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_the_book_comes_out_as_worked_by_hand(path: Path, ledger: Ledger) -> None:
    book = tomllib.loads(path.read_text())
    policy = MrrPolicy.preset(book.get("policy", "default"), **book.get("overrides", {}))
    accounts = _opened(book, ledger, policy)
    ledger.compute(accounts, policy)
    for expected in book["expect"].get("movements", ()):
        facts = ledger.facts(expected["account"])[expected["account"]]
        steps = [
            [str(m.at.date()), m.kind, m.amount, m.cause]
            for m in calculate_account_mrr(facts, policy).movements
        ]
        assert steps == expected["steps"], expected["account"]
    for expected in book["expect"].get("kpi", ()):
        assert _value(ledger, expected, policy) == expected.get("value"), expected


def _opened(book: dict[str, Any], ledger: Ledger, policy: MrrPolicy) -> list[str]:
    """Store the book's rows; the accounts are those its rows name."""
    named = [row["account_source_id"] for row in book.get("subscriptions", ())]
    named += [row["account"] for row in book.get("spans", ())]
    accounts = list(dict.fromkeys(named))
    for account in accounts:
        ledger.account(account)
    for kind, model in RECORDS.items():
        ledger.add(model, *book.get(kind, ()))
    for span in book.get("spans", ()):
        ledger.span(
            span["account"], span["amount"], span["start"], span.get("end"),
            span.get("currency", "EUR"), policy,
        )  # fmt: skip
    return accounts


def _value(ledger: Ledger, expected: dict[str, Any], policy: MrrPolicy) -> Any:
    period = find_period(expected["start"], expected["grain"], policy.zone)
    rows = ledger.kpis(expected["metric"], Scope((period,), policy))
    currency = expected.get("currency")
    [row] = [r for r in rows if currency in (None, r.currency)]
    return (
        row.value if row.value is None or isinstance(row.value, int) else pytest.approx(row.value)
    )

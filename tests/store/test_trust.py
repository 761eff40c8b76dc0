"""Both sides of a reconciliation, what belongs to no account, and beliefs, on each database."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from cs_sync.follow_ups.mrr_news import Belief
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import list_whole_periods
from cs_sync.store.engine import Store
from cs_sync.store.queries.mrr_movements import read_movements, read_sync_times
from cs_sync.store.queries.reconcile import (
    read_billed_lines,
    read_invoicing_sources,
    read_mrr_parts,
)
from cs_sync.store.queries.unattributed import (
    UnattributedShare,
    read_unattributed_records,
    read_unattributed_shares,
)
from cs_sync_schemas import (
    Invoice,
    InvoiceLine,
    MonthClose,
    MrrMovement,
    MrrSpan,
    Run,
    SubscriptionItem,
    Ticket,
    UsageDay,
)
from tests.metrics.conftest import Ledger

POLICY = MrrPolicy().hash


def on(month: int, day: int = 1) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


def ledger_in(store: Store) -> Ledger:
    """A ledger whose rows go into this store."""
    made = Ledger()
    made.engine.dispose()
    made.engine = store.engine
    made.account("a")
    made.account("test", is_test=True)
    return made


def span(account: str, amount: int, since: datetime, **fields: Any) -> dict[str, Any]:
    part = {"source": "files", "subscription": f"s-{account}", "item": "i", "amount": amount}
    return {
        "account_id": account, "policy": POLICY, "currency": "EUR", "valid_from": since,
        "amount": amount, "parts": [part], **fields,
    }  # fmt: skip


def test_mrr_by_subscription_and_the_lines_that_bill_it(store: Store) -> None:
    ledger = ledger_in(store)
    ledger.add(MrrSpan, span("a", 70, on(1)), span("test", 900, on(1)), span("a", 5, on(3)))
    item = {"source_id": "i", "subscription_source_id": "s-a", "valid_from": on(1)}
    ledger.add(SubscriptionItem, {**item, "unit_amount": "70", "inclusive_tax_percent": "19"})
    invoice = {"currency": "EUR", "status": "open", "issued_at": on(2), "account_source_id": "a"}
    line = {"currency": "EUR", "subscription_source_id": "s-a", "interval": "month"}
    february = {"period_start": on(2), "period_end": on(3)}
    ledger.add(
        Invoice,
        {"source_id": "n1", **invoice, **february},
        {"source_id": "n2", **invoice, **february, "total": 30, "subscription_source_id": "s-a"},
        {"source_id": "n3", **invoice, "account_source_id": "test"},
    )
    ledger.add(
        InvoiceLine,
        {"source_id": "l1", "invoice_source_id": "n1", "amount": 70, **line, **february,
         "subscription_item_source_id": "i"},
        {"source_id": "l2", "invoice_source_id": "n1", "amount": 50, **line,
         "period_start": on(1), "period_end": on(2)},
        {"source_id": "l3", "invoice_source_id": "n1", "amount": 9, **line, "interval": None},
        {"source_id": "l4", "invoice_source_id": "n3", "amount": 900, **line, **february},
    )  # fmt: skip
    with store.read() as connection:
        parts = read_mrr_parts(connection, POLICY, on(3))
        billed = read_billed_lines(connection, on(2), on(3))
        sources = read_invoicing_sources(connection)
    assert parts == {"a": {"EUR": {("files", "s-a"): 70}}}
    assert list(billed) == ["a"]
    actual = {
        entry.line.source_id: (entry.line.amount, entry.kind, entry.status) for entry in billed["a"]
    }
    assert actual == {
        "l1": (70, "licensed", "open"),
        "l3": (9, "one_off", "open"),
        "n2": (30, "licensed", "open"),
    }
    taxed = {entry.line.source_id: entry.inclusive_tax_percent for entry in billed["a"]}
    assert taxed["l1"] == Decimal(19)
    assert sources == {"files"}


def test_records_without_an_account(store: Store) -> None:
    ledger = ledger_in(store)
    bill = {"currency": "EUR", "status": "paid", "issued_at": on(1, 5)}
    ledger.add(
        Invoice,
        {"source_id": "n1", "account_source_id": "a", "total": 70, **bill},
        {"source_id": "n2", "account_source_id": "x", "total": 30, **bill},
    )
    ledger.add(Ticket, {"source_id": "t", "subject": "?", "status": "open", "opened_at": on(1)})
    ledger.add(UsageDay, {"source_id": "u", "contact_source_id": "who", "day": date(2026, 1, 2)})
    scope = Scope(list_whole_periods(date(2026, 1, 1), date(2026, 2, 1), "month", "UTC"))
    with store.read() as connection:
        shares = read_unattributed_shares(connection, scope)
        rows = list(read_unattributed_records(connection, scope))
    assert shares == [
        UnattributedShare("money", 30, 100, "EUR"), UnattributedShare("tickets", 1, 1),
        UnattributedShare("usage days", 1, 1),
    ]  # fmt: skip
    assert [(row["kind"], row["source_id"], row["amount"]) for row in rows] == [
        ("money", "n2", 30), ("tickets", "t", None), ("usage days", None, None),
    ]  # fmt: skip


def test_what_was_believed_before_a_movement_was_learnt(store: Store) -> None:
    """100 since January; on 10 March one learns that it has been 80 since 20 February."""
    ledger = ledger_in(store)
    learnt = on(3, 10)
    ledger.add(
        MrrSpan,
        span("a", 100, on(1), known_from=on(1, 2), known_to=learnt),
        span("a", 100, on(1), valid_to=on(2, 20), known_from=learnt),
        span("a", 80, on(2, 20), known_from=learnt),
    )
    move = {"account_id": "a", "policy": POLICY, "currency": "EUR", "cause": "price"}
    ledger.add(
        MrrMovement,
        {**move, "at": on(1), "kind": "new", "amount": 100, "known_from": on(1, 2)},
        {**move, "at": on(2, 20), "kind": "contraction", "amount": 20, "known_from": learnt},
    )
    ledger.add(
        MonthClose,
        {"policy": POLICY, "turn": date(2026, 3, 1), "known_at": on(3, 2), "closed_at": on(3, 2),
         "totals": {"EUR": 100}, "hash": ""},
    )  # fmt: skip
    ran = {"status": "ok", "writes": {}}
    ledger.add(
        Run,
        *(
            {"id": str(month), "command": command, "started_at": on(month), **ran}
            for month, command in ((1, "sync"), (2, "push"), (3, "run --dry-run"))
        ),
    )
    with store.read() as connection:
        first, late = read_movements(connection, POLICY, on(1))["a"]
        looks = read_sync_times(connection, POLICY, "UTC", on(1))
    assert (first.then, first.present) == (None, None)
    assert (late.then, late.present) == (Belief(100, 80), Belief(100, 80))
    assert sorted(looks.starts) == [on(1), on(3)]
    assert looks.closings == {on(3): on(3, 2)}
    assert looks.is_restatement(late)
    assert not looks.is_restatement(first)

"""Children: they end with the parent that had them, and when it no longer has them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from cs_sync.contracts.source import Page, Stream
from cs_sync.store.engine import Store
from cs_sync_schemas import Invoice, InvoiceLine, Record, SurveyResponse, Ticket, get_table
from tests.conftest import NOW, Clock
from tests.sync.forgetful import sync
from tests.sync.scripted import tickets

START, END = NOW - timedelta(days=30), NOW


def invoice(name: str) -> dict[str, Any]:
    amounts = {"total": 100, "amount_due": 100, "amount_paid": 0}
    fields = {"account_source_id": "cus_1", "status": "draft", "currency": "EUR", **amounts}
    return {"source_id": name, "issued_at": START, **fields}


def line(name: str, of: str) -> dict[str, Any]:
    fields = {"currency": "EUR", "amount": 100, "period_start": START, "period_end": END}
    return {"source_id": name, "invoice_source_id": of, **fields}


def ratings(*ids: str) -> dict[type[Record], list[dict[str, Any]]]:
    """Return ratings with the ids of their tickets."""
    facts = {"kind": "csat", "score": 1.0, "scale_min": 0.0, "scale_max": 1.0}
    return {SurveyResponse: [{"source_id": id_, "answered_at": NOW, **facts} for id_ in ids]}


INVOICES = Stream(
    "invoices",
    Invoice,
    lambda _window: iter(()),
    deletes="feed",
    children={InvoiceLine: "invoice_source_id"},
)
TICKETS = Stream(
    "tickets",
    Ticket,
    lambda _window: iter(()),
    deletes="sweep",
    children={SurveyResponse: "source_id"},
)


def show(store: Store, clock: Clock, stream: Stream, page: Page, name: str = "") -> int:
    """Sync a stream whose read is this one page; return the number of changes."""
    shown = Stream(
        stream.name,
        stream.record,
        lambda _window: iter([page]),
        deletes=stream.deletes,
        children=stream.children,
    )
    outcome = sync(store, clock, shown, name=name).outcome
    assert outcome is not None
    assert outcome.status == "ok", outcome.error
    return outcome.stored.changed


def living(store: Store, record: type[Record], *sources: str) -> list[str]:
    """Return the ids of the records that live, of these sources or of all."""
    table = get_table(record)
    here = select(table.c.source_id).where(table.c.deleted_at.is_(None))
    if sources:
        here = here.where(table.c.source.in_(sources))
    with store.read() as connection:
        return sorted(connection.scalars(here))


def test_children_go_with_a_deleted_parent(store: Store, clock: Clock) -> None:
    lines = [line("l1", "in_1"), line("l2", "in_1"), line("l3", "in_2")]
    both = [invoice("in_1"), invoice("in_2")]
    show(store, clock, INVOICES, Page({Invoice: both, InvoiceLine: lines}))
    assert living(store, InvoiceLine) == ["l1", "l2", "l3"]
    show(store, clock, INVOICES, Page({}, deleted={Invoice: ["in_1"]}))
    assert living(store, InvoiceLine) == ["l3"]


def test_a_rating_goes_when_its_ticket_no_longer_has_it(store: Store, clock: Clock) -> None:
    """It has the ticket's id; those of another source with the same ids stay."""
    whole = Page({**tickets("1", "2", "3"), **ratings("1", "2", "3")})
    for name in ("scripted", "other"):
        show(store, clock, TICKETS, whole, name)
    less = Page({**tickets("1", "2", "3"), **ratings("1", "3")})
    assert show(store, clock, TICKETS, less) == 1
    assert living(store, SurveyResponse, "scripted") == ["1", "3"]
    show(store, clock, TICKETS, Page({**tickets("1", "2"), **ratings("1")}))
    assert living(store, SurveyResponse, "scripted") == ["1"], "with the ticket that is gone"
    assert living(store, SurveyResponse, "other") == ["1", "2", "3"]

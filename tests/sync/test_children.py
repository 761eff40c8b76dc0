"""Children: they end with the parent that had them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from cs_sync.contracts.source import Page, Stream, Window
from cs_sync.store.engine import Store
from cs_sync.store.leases import LeasedStore, acquire_lease, release_lease
from cs_sync.sync.engine import sync_sources
from cs_sync.sync.reader import SyncSession
from cs_sync.sync.windows import ReadRequest
from cs_sync_schemas import Invoice, InvoiceLine, Record, get_table
from tests.conftest import NOW, Clock
from tests.sync.scripted import Scripted

START, END = NOW - timedelta(days=30), NOW


def invoice(name: str) -> dict[str, Any]:
    amounts = {"total": 100, "amount_due": 100, "amount_paid": 0}
    fields = {"account_source_id": "cus_1", "status": "draft", "currency": "EUR", **amounts}
    return {"source_id": name, "issued_at": START, **fields}


def line(name: str, of: str) -> dict[str, Any]:
    fields = {"currency": "EUR", "amount": 100, "period_start": START, "period_end": END}
    return {"source_id": name, "invoice_source_id": of, **fields}


def show(store: Store, clock: Clock, page: Page) -> None:
    def read(_window: Window) -> Iterator[Page]:
        yield page

    clock.advance(minutes=1)
    children: dict[type[Record], str] = {InvoiceLine: "invoice_source_id"}
    stream = Stream("invoices", Invoice, read, deletes="feed", children=children)
    with store.write() as connection:
        held = acquire_lease(connection, f"run-{clock.now}", clock())
    session = SyncSession(LeasedStore(store, held), "run", clock, lambda _event: None)
    (outcome,) = sync_sources(session, [Scripted([stream]).opened()], ReadRequest(), lambda _: None)
    with store.write() as connection:
        release_lease(connection, held, clock())
    assert outcome.status == "ok", outcome.error


def living_lines(store: Store) -> list[str]:
    table = get_table(InvoiceLine)
    with store.read() as connection:
        names = select(table.c.source_id).where(table.c.deleted_at.is_(None))
        return sorted(connection.scalars(names))


def test_children_go_with_a_deleted_parent(store: Store, clock: Clock) -> None:
    lines = [line("l1", "in_1"), line("l2", "in_1"), line("l3", "in_2")]
    show(store, clock, Page({Invoice: [invoice("in_1"), invoice("in_2")], InvoiceLine: lines}))
    assert living_lines(store) == ["l1", "l2", "l3"]
    show(store, clock, Page({}, deleted={Invoice: ["in_1"]}))
    assert living_lines(store) == ["l3"]

"""Sweeping: what a complete read no longer shows is gone, and nothing else is."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from cs_sync.contracts.source import Page, Rejection, Stream
from cs_sync.store.engine import Store
from cs_sync.store.leases import LeasedStore, acquire_lease, release_lease
from cs_sync.sync.engine import sync_sources
from cs_sync.sync.result import StreamResult
from cs_sync.sync.session import SyncSession
from cs_sync.sync.windows import ReadRequest
from cs_sync_schemas import Record, RejectedRecord, SubscriptionItem, Ticket, get_table
from tests.conftest import NOW, Clock
from tests.sync.scripted import Scripted, tickets

JANUARY, MARCH = NOW - timedelta(days=300), NOW - timedelta(days=240)


def show(store: Store, clock: Clock, record: type[Record], page: Page) -> StreamResult:
    """Sync a stream whose complete read is this one page."""
    clock.advance(minutes=1)
    stream = Stream("all", record, lambda _window: iter([page]), deletes="sweep")
    with store.write() as connection:
        held = acquire_lease(connection, f"run-{clock.now}", clock())
    session = SyncSession(LeasedStore(store, held), "run", clock, lambda _event: None)
    (outcome,) = sync_sources(
        session, [Scripted([stream]).opened()], ReadRequest(), lambda _outcome: None
    )
    with store.write() as connection:
        release_lease(connection, held, clock())
    return outcome


def living(store: Store, record: type[Record], *columns: str) -> list[Any]:
    table = get_table(record)
    with store.read() as connection:
        shown = select(*(table.c[name] for name in columns)).where(table.c.deleted_at.is_(None))
        return sorted(tuple(row) for row in connection.execute(shown))


def refused(source_id: str | None) -> Rejection:
    return Rejection(Ticket, source_id, "bad_value", "line 3: not a date", {"line": 3})


def test_what_was_refused_is_not_gone(store: Store, clock: Clock) -> None:
    show(store, clock, Ticket, Page(tickets("1", "2", "3")))
    outcome = show(store, clock, Ticket, Page(tickets("1"), rejected=[refused("2")]))
    assert living(store, Ticket, "source_id") == [("1",), ("2",)]
    assert (outcome.status, outcome.stored.deleted) == ("partial", 1)


def test_a_row_refused_at_the_door_is_not_gone(store: Store, clock: Clock) -> None:
    show(store, clock, Ticket, Page(tickets("1", "2")))
    rows = [*tickets("1")[Ticket], {"source_id": "2", "opened_at": "yesterday"}]
    assert show(store, clock, Ticket, Page({Ticket: rows})).stored.deleted == 0
    assert living(store, Ticket, "source_id") == [("1",), ("2",)]


def test_nothing_is_gone_while_a_refused_record_has_no_id(store: Store, clock: Clock) -> None:
    show(store, clock, Ticket, Page(tickets("1", "2")))
    outcome = show(store, clock, Ticket, Page(tickets("1"), rejected=[refused(None)]))
    assert (outcome.status, outcome.stored.deleted) == ("partial", 0)
    assert show(store, clock, Ticket, Page(tickets("1"))).stored.deleted == 1


def version(valid_from: datetime) -> dict[str, Any]:
    return {
        "source_id": "i1",
        "subscription_source_id": "s1",
        "unit_amount": Decimal(4900),
        "valid_from": valid_from,
    }


def test_a_version_that_is_no_longer_shown_is_gone_alone(store: Store, clock: Clock) -> None:
    both = [version(JANUARY), version(MARCH)]
    show(store, clock, SubscriptionItem, Page({SubscriptionItem: both}))
    outcome = show(store, clock, SubscriptionItem, Page({SubscriptionItem: both[:1]}))
    assert outcome.stored.deleted == 1
    assert living(store, SubscriptionItem, "source_id", "valid_from") == [("i1", JANUARY)]


@pytest.mark.parametrize("source_id", ["2", None])
def test_what_was_refused_and_is_no_longer_shown_does_not_wait(
    store: Store, clock: Clock, source_id: str | None
) -> None:
    def waiting() -> int | None:
        with store.read() as connection:
            return connection.scalar(select(func.count()).select_from(get_table(RejectedRecord)))

    for _ in range(2):
        show(store, clock, Ticket, Page(tickets("1"), rejected=[refused(source_id)]))
        assert waiting() == 1
    show(store, clock, Ticket, Page(tickets("1")))
    assert waiting() == 0

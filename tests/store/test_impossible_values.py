"""Values that no record can have: the record is rejected, its page is stored, on both databases."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from cs_sync.contracts.source import Page, Rejection, Stream
from cs_sync.store.engine import Store
from cs_sync.store.records.counts import StoredCounts
from cs_sync.store.records.page import store_page, validate_page
from cs_sync.store.records.rejects import REJECTED
from cs_sync.store.records.write import WriteContext
from cs_sync_schemas import (
    Invoice,
    QualityDay,
    Record,
    SourceAccount,
    SubscriptionItem,
    SurveyResponse,
    UsageDay,
    get_table,
)

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
JUST: dict[type[Record], dict[str, Any]] = {
    Invoice: {"account_source_id": "a", "currency": "EUR", "issued_at": NOW},
    SubscriptionItem: {"subscription_source_id": "s", "valid_from": NOW, "unit_amount": 100},
    SurveyResponse: {"kind": "nps", "answered_at": NOW},
    UsageDay: {"account_source_id": "a", "day": "2026-11-20", "events": 1},
    QualityDay: {"day": "2026-11-20"},
    SourceAccount: {},
}
IMPOSSIBLE: list[tuple[type[Record], str, Any]] = [
    (Invoice, "total", 2**63),
    (Invoice, "total", -(10**15) - 1),
    (Invoice, "total", 1e300),
    (Invoice, "total", "NaN"),
    (Invoice, "attempt_count", 2**31),
    (Invoice, "issued_at", "9999-12-31T23:59:59-14:00"),
    (Invoice, "issued_at", datetime.min.replace(tzinfo=UTC)),
    (Invoice, "paid_at", "1969-12-31T23:59:59Z"),
    (Invoice, "due_at", datetime(2201, 1, 1, tzinfo=UTC)),
    (SubscriptionItem, "unit_amount", Decimal("1e1000000")),
    (SubscriptionItem, "unit_amount", Decimal("1e-1000000")),
    (SubscriptionItem, "unit_amount", "Infinity"),
    (SubscriptionItem, "quantity", Decimal(10) ** 26),
    (SubscriptionItem, "quantity", float("nan")),
    (SubscriptionItem, "interval_count", 10**30),
    (SubscriptionItem, "unit_amount", 10**15 + 1),
    (SubscriptionItem, "quantity", 10**14),
    (SurveyResponse, "score", float("inf")),
    (SurveyResponse, "score", "nan"),
    (UsageDay, "events", 2**31),
    (UsageDay, "day", date(1, 1, 1)),
    (UsageDay, "day", "9999-12-31"),
    (QualityDay, "response_seconds", "-Infinity"),
    (SourceAccount, "name", "half \ud83d"),
]


@pytest.mark.parametrize(("record", "field", "value"), IMPOSSIBLE)
def test_a_record_with_an_impossible_value_is_rejected_by_field(
    record: type[Record], field: str, value: Any
) -> None:
    row = {"source_id": "bad", **JUST[record], field: value}
    page = Page({record: [row, {"source_id": "good", **JUST[record]}]})
    valid = validate_page(_stream(record), page)
    [rejection] = valid.rejected
    assert [row["source_id"] for row in valid.rows[record]] == ["good"]
    assert rejection.source_id == "bad"
    assert rejection.reason.startswith(field) or rejection.code in ("rule", "text")


def test_what_was_rejected_is_kept_and_the_rest_of_the_page_stored(store: Store) -> None:
    for record, rows in _by_record().items():
        stored = _store(store, record, Page({record: rows}))
        assert stored.rejected == len(rows) - 1
        with store.read() as connection:
            ids = select(get_table(record).c.source_id)
            assert connection.scalars(ids).all() == ["good"]
    with store.read() as connection:
        kept = connection.scalars(select(REJECTED.c.reason)).all()
    assert len(kept) == len(IMPOSSIBLE)
    assert all(kept)


def test_the_largest_values_that_are_taken_are_stored_as_they_are(store: Store) -> None:
    invoice = {"total": 10**15, "amount_due": -(10**15), "attempt_count": 2**31 - 1}
    times = {"issued_at": datetime(1970, 1, 1, tzinfo=UTC), "due_at": "2200-12-31T00:00:00Z"}
    row = {"source_id": "i", **JUST[Invoice], **invoice, **times}
    assert _store(store, Invoice, Page({Invoice: [row]})).rejected == 0
    amount = Decimal(10) ** 15
    item = {"source_id": "si", **JUST[SubscriptionItem], "unit_amount": amount, "quantity": 1}
    assert _store(store, SubscriptionItem, Page({SubscriptionItem: [item]})).rejected == 0
    with store.read() as connection:
        [held] = connection.execute(select(get_table(Invoice))).mappings()
        [sold] = connection.execute(select(get_table(SubscriptionItem))).mappings()
    assert {name: held[name] for name in invoice} == invoice
    assert (held["issued_at"].year, held["due_at"].year) == (1970, 2200)
    assert (sold["unit_amount"], sold["quantity"]) == (amount, 1)


@pytest.mark.parametrize("odd", ["nul \0", "half \ud83d"])
def test_odd_text_in_an_id_or_a_reason_stops_no_page(store: Store, odd: str) -> None:
    refused = Rejection(SourceAccount, odd, "malformed", f"not shaped: {odd}", {"id": odd})
    page = Page(
        {SourceAccount: [{"source_id": "good"}]},
        deleted={SourceAccount: [odd]},
        rejected=[refused],
    )
    stored = _store(store, SourceAccount, page, confirm=True)
    assert (stored.changed, stored.rejected, stored.deleted) == (1, 1, 0)


def _by_record() -> Mapping[type[Record], list[dict[str, Any]]]:
    actual: dict[type[Record], list[dict[str, Any]]] = {}
    for number, (record, field, value) in enumerate(IMPOSSIBLE):
        row = {"source_id": f"bad {number}", **JUST[record], field: value}
        actual.setdefault(record, [{"source_id": "good", **JUST[record]}]).append(row)
    return actual


def _stream(record: type[Record]) -> Stream:
    return Stream("odd", record, lambda _window: iter(()))


def _store(
    store: Store, record: type[Record], page: Page, *, confirm: bool = False
) -> StoredCounts:
    stream = _stream(record)
    valid = validate_page(stream, page)
    moment = WriteContext("test", NOW)
    with store.write() as connection:
        return store_page(connection, stream, valid, moment, "run", confirm=confirm)

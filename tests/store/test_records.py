"""Storing records: only differences are written, versions follow each other, children end."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from cs_sync.store.engine import Store
from cs_sync.store.fast.bulk_upserts import RowsExist
from cs_sync.store.records.validate import validate_rows
from cs_sync.store.records.write import (
    WriteContext,
    end_missing_children,
    soft_delete,
    store_rows,
)
from cs_sync_schemas import Discount, Record, SubscriptionItem, Ticket, get_table
from tests.conftest import NOW

LATER = NOW + timedelta(hours=1)


def rows_of(store: Store, record: type[Record]) -> list[dict[str, Any]]:
    table = get_table(record)
    with store.read() as connection:
        actual = connection.execute(select(table).order_by(*table.primary_key))
        return [row._asdict() for row in actual]


def put(store: Store, record: type[Record], *rows: dict[str, Any], at: datetime = NOW) -> int:
    admitted, rejected = validate_rows(record, rows)
    assert not rejected
    with store.write() as connection:
        return store_rows(connection, record, admitted, WriteContext("crm", at))


def ticket(source_id: str, **fields: Any) -> dict[str, Any]:
    return {"source_id": source_id, "opened_at": NOW, "subject": "Export fails", **fields}


def test_a_record_is_stored_once_and_written_again_only_when_it_differs(store: Store) -> None:
    assert put(store, Ticket, ticket("1"), ticket("2")) == 2
    assert put(store, Ticket, ticket("1"), ticket("2"), at=LATER) == 0
    assert put(store, Ticket, ticket("1", status="solved"), ticket("2"), at=LATER) == 1
    first, second = rows_of(store, Ticket)
    assert (first["status"], first["first_seen_at"], first["changed_at"]) == ("solved", NOW, LATER)
    assert (second["status"], second["changed_at"]) == ("open", NOW)


def test_where_new_rows_are_expected_one_that_is_stored_refuses_all(store: Store) -> None:
    admitted, _ = validate_rows(Ticket, [ticket("1"), ticket("2")])
    expecting = WriteContext("crm", NOW, expects_new=True)
    with store.write() as connection:
        assert store_rows(connection, Ticket, admitted[:1], expecting) == 1
    with pytest.raises(RowsExist), store.write() as connection:
        store_rows(connection, Ticket, admitted[::-1], expecting)
    assert [row["source_id"] for row in rows_of(store, Ticket)] == ["1"]
    with store.write() as connection:
        assert store_rows(connection, Ticket, admitted[1:], expecting) == 1
    expected = rows_of(store, Ticket)
    assert put(store, Ticket, ticket("1"), ticket("2"), at=LATER) == 0
    assert rows_of(store, Ticket) == expected


def test_a_later_copy_of_a_record_in_one_page_wins(store: Store) -> None:
    put(store, Ticket, ticket("1", status="open"), ticket("1", status="closed"))
    assert [row["status"] for row in rows_of(store, Ticket)] == ["closed"]


def test_a_touch_at_the_source_alone_changes_nothing(store: Store) -> None:
    put(store, Ticket, ticket("1", updated_at=NOW))
    assert put(store, Ticket, ticket("1", updated_at=LATER), at=LATER) == 0


def test_a_deleted_record_that_comes_back_lives_again(store: Store) -> None:
    put(store, Ticket, ticket("1"))
    with store.write() as connection:
        assert soft_delete(connection, Ticket, ["1", "unknown"], WriteContext("crm", LATER)) == 1
        assert soft_delete(connection, Ticket, ["1"], WriteContext("crm", LATER)) == 0
    assert rows_of(store, Ticket)[0]["deleted_at"] == LATER
    assert put(store, Ticket, ticket("1"), at=LATER) == 1
    assert rows_of(store, Ticket)[0]["deleted_at"] is None


def test_ids_in_any_order_and_script_are_found_again(store: Store) -> None:
    names = ["z", "Ω", "9", "10", "Z", "\uffff", "😀", "ä", "a b", "ab"]
    for name in names:
        assert put(store, Ticket, ticket(name)) == 1
    for name in reversed(names):
        assert put(store, Ticket, ticket(name), at=LATER) == 0
    assert put(store, Ticket, *map(ticket, names), ticket("new"), at=LATER) == 1


def test_one_source_never_overwrites_another(store: Store) -> None:
    put(store, Ticket, ticket("1", subject="Ours"))
    admitted, _ = validate_rows(Ticket, [ticket("1", subject="Theirs")])
    with store.write() as connection:
        store_rows(connection, Ticket, admitted, WriteContext("other", NOW))
    assert [r["subject"] for r in rows_of(store, Ticket)] == ["Ours", "Theirs"]


def test_raw_is_kept_only_when_asked_for(store: Store) -> None:
    admitted, _ = validate_rows(Ticket, [ticket("1", raw={"id": 1}), ticket("2", raw={"id": 2})])
    with store.write() as connection:
        store_rows(connection, Ticket, admitted[:1], WriteContext("crm", NOW, keep_raw=True))
        store_rows(connection, Ticket, admitted[1:], WriteContext("crm", NOW))
    assert [row["raw"] for row in rows_of(store, Ticket)] == [{"id": 1}, None]


def test_text_that_databases_dislike_survives(store: Store) -> None:
    hostile = "nul \0 quote ' ; DROP TABLE ticket; -- 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \x1b[31m <script>"
    put(store, Ticket, ticket("1", subject=hostile, tags=["a\0b"]))
    [row] = rows_of(store, Ticket)
    assert row["subject"] == hostile.replace("\0", "\N{REPLACEMENT CHARACTER}")
    assert row["tags"] == ["a\N{REPLACEMENT CHARACTER}b"]


@pytest.mark.parametrize("amount", ["4900", "0.5", "123456789012.000000000001", "1E+3"])
def test_decimals_keep_every_digit(store: Store, amount: str) -> None:
    put(store, SubscriptionItem, item(unit_amount=amount))
    assert rows_of(store, SubscriptionItem)[0]["unit_amount"] == Decimal(amount)


def item(**fields: Any) -> dict[str, Any]:
    given = {"source_id": "si_1", "subscription_source_id": "sub_1", "unit_amount": 4900}
    return {**given, "valid_from": NOW - timedelta(days=90), **fields}


def show(store: Store, at: datetime, *, expects_new: bool = False, **fields: Any) -> None:
    """A page that shows the present state of the item."""
    admitted, _ = validate_rows(SubscriptionItem, [item(**fields)])
    moment = WriteContext("stripe", at, expects_new=expects_new)
    with store.write() as connection:
        store_rows(connection, SubscriptionItem, admitted, moment, snapshot=True)


def versions_of(store: Store) -> list[tuple[Any, ...]]:
    rows = rows_of(store, SubscriptionItem)
    return [(row["valid_from"], row["valid_to"], row["quantity"]) for row in rows]


def test_a_changed_snapshot_begins_a_version_when_the_source_says_so(store: Store) -> None:
    began = NOW - timedelta(days=90)
    changed = NOW + timedelta(minutes=5)
    show(store, NOW, quantity=2)
    show(store, NOW, quantity=2)
    show(store, LATER, quantity=5, updated_at=changed)
    show(store, LATER, quantity=5, updated_at=changed)
    assert versions_of(store) == [(began, changed, 2), (changed, None, 5)]


def test_an_item_that_begins_otherwise_is_no_new_one_where_new_rows_are_expected(
    store: Store,
) -> None:
    show(store, NOW, quantity=2, expects_new=True)
    show(store, LATER, quantity=5, valid_from=NOW, expects_new=True)
    assert versions_of(store) == [(NOW - timedelta(days=90), LATER, 2), (LATER, None, 5)]


def test_without_a_time_of_change_a_version_begins_when_it_was_first_seen(store: Store) -> None:
    show(store, NOW, quantity=2)
    show(store, LATER, quantity=5)
    assert versions_of(store) == [
        (NOW - timedelta(days=90), LATER, 2),
        (LATER, None, 5),
    ]


def test_the_end_of_an_item_is_not_a_new_version(store: Store) -> None:
    show(store, NOW, quantity=2)
    show(store, LATER, quantity=2, valid_to=LATER)
    assert versions_of(store) == [(NOW - timedelta(days=90), LATER, 2)]


def test_a_coupon_of_twelve_months_that_is_missing_ended_now(store: Store) -> None:
    """One that ended before stays as it is; one that is to end later is gone already."""
    for source_id, months in (("di_1", 12), ("di_2", -1)):
        given = {"source_id": source_id, "percent_off": 10, "starts_at": NOW}
        ends_at = NOW + timedelta(days=30 * months)
        put(store, Discount, {**given, "subscription_source_id": "sub_1", "ends_at": ends_at})
    field, moment = "subscription_source_id", WriteContext("crm", LATER)
    with store.write() as connection:
        assert end_missing_children(connection, Discount, field, ["sub_1"], [], moment) == 1
    ends = [row["ends_at"] for row in rows_of(store, Discount)]
    assert ends == [LATER, NOW - timedelta(days=30)]


def test_what_a_reread_parent_no_longer_has_is_ended(store: Store) -> None:
    for source_id in ("di_1", "di_2", "di_3"):
        given = {"source_id": source_id, "percent_off": 10, "starts_at": NOW}
        parent = "sub_2" if source_id == "di_3" else "sub_1"
        put(store, Discount, {**given, "subscription_source_id": parent})
    field, moment = "subscription_source_id", WriteContext("crm", LATER)
    with store.write() as connection:
        ended = end_missing_children(connection, Discount, field, ["sub_1"], ["di_2"], moment)
    assert ended == 1
    assert [row["ends_at"] for row in rows_of(store, Discount)] == [LATER, None, None]

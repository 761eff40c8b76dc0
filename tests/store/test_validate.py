"""Validation: what is a record, and the reason for what is not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cs_sync.store.records.validate import validate_rows
from cs_sync_schemas import (
    RECORDS,
    Discount,
    Invoice,
    Record,
    Subscription,
    SubscriptionItem,
    SurveyResponse,
    Ticket,
)

SUBSCRIPTION = {
    "source_id": "sub_1",
    "account_source_id": "cus_1",
    "started_at": "2026-01-01T00:00:00Z",
    "currency": "eur",
}
ITEM = {"source_id": "si_1", "subscription_source_id": "sub_1", "valid_from": 1767225600}
ANSWER = {"source_id": "r1", "kind": "nps", "answered_at": "2026-01-01T00:00:00+02:00"}


TEN = {"scale_min": 0, "scale_max": 10}


def reason(record: type[Record], row: dict[str, Any]) -> str:
    admitted, rejected = validate_rows(record, [row])
    assert not admitted
    return rejected[0].reason


def test_a_row_becomes_complete_and_typed() -> None:
    [row], rejected = validate_rows(Subscription, [SUBSCRIPTION])
    assert not rejected
    assert row["currency"] == "EUR"
    assert row["status"] == "active"
    assert row["started_at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert row["ended_at"] is None


def test_none_for_a_field_that_has_a_default_means_the_default() -> None:
    [row], _ = validate_rows(SubscriptionItem, [{**ITEM, "unit_amount": 1, "quantity": None}])
    assert row["quantity"] == 1


def test_numbers_may_be_ids() -> None:
    [row], _ = validate_rows(Subscription, [{**SUBSCRIPTION, "account_source_id": 42}])
    assert row["account_source_id"] == "42"


@pytest.mark.parametrize(
    ("record", "row", "says"),
    [
        (Subscription, {**SUBSCRIPTION, "currency": "xyz"}, "unknown currency 'xyz'"),
        (Subscription, {**SUBSCRIPTION, "started_at": "2026-01-01T00:00:00"}, "naive datetime"),
        (Subscription, {**SUBSCRIPTION, "status": "sleeping"}, "status: Input should be"),
        (Subscription, {**SUBSCRIPTION, "colour": "red"}, "colour: Extra inputs"),
        (SubscriptionItem, {**ITEM, "unit_amount": 1, "quantity": -1}, "quantity"),
        (SubscriptionItem, ITEM, "price without amount"),
        (SubscriptionItem, {**ITEM, "unit_amount": 1, "valid_to": 1}, "valid_to is before"),
        (Ticket, {"source_id": "t", "opened_at": 1, "status": "resolved"}, "'solved' or 'closed'"),
        (Discount, {"source_id": "d", "starts_at": 1, "amount_off": 5}, "belongs to nothing"),
        (SurveyResponse, {**ANSWER, "score": 9}, "say its scale; NPS is asked from 0 to 10"),
        (SurveyResponse, {**ANSWER, **TEN, "score": 11}, "outside its scale 0 to 10"),
        (SurveyResponse, {**ANSWER, **TEN, "score": 4, "scale_min": 1}, "0 to 10, not 1 to 10"),
        (SurveyResponse, {**ANSWER, "kind": "ces", "score": 4}, "without scale_min"),
    ],
)
def test_a_row_that_is_no_record_is_told_why(
    record: type[Record], row: dict[str, Any], says: str
) -> None:
    assert says in reason(record, row)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, "open"),
        ({"solved_at": 1767225600}, "solved"),
        ({"solved_at": 1767225600, "closed_at": 1767225601}, "closed"),
        ({"status": "open", "solved_at": 1767225600}, "open"),
    ],
)
def test_a_ticket_without_a_status_has_the_one_that_its_times_tell(
    given: dict[str, Any], status: str
) -> None:
    [row], _ = validate_rows(Ticket, [{"source_id": "1", "opened_at": 1767225600, **given}])
    assert row["status"] == status


@pytest.mark.parametrize(
    ("given", "status", "remaining"),
    [
        ({"status": "open", "total": 900, "amount_remaining": 250}, "open", 250),
        ({"status": "open", "total": 900, "amount_paid": 300}, "open", 600),
        ({"status": "open", "total": 900}, "open", 900),
        ({"status": "open", "total": 900, "amount_due": 700, "amount_paid": 300}, "open", 400),
        ({"status": "uncollectible", "total": 900}, "uncollectible", 900),
        ({"status": "open", "total": -50}, "open", 0),  # a credit note
        ({"status": "paid", "total": 900}, "paid", 0),
        ({"status": "void", "total": 900}, "void", 0),
        ({"total": 900, "paid_at": 1767225600}, "paid", 0),
        ({"status": "open"}, "open", None),
        ({"status": "open", "amount_paid": 300}, "open", None),
        ({"total": 900}, "open", None),  # a list of invoices that does not say which are paid
    ],
)
def test_what_remains_of_an_invoice_is_derived_or_unknown(
    given: dict[str, Any], status: str, remaining: int | None
) -> None:
    bill = {"source_id": "i", "account_source_id": "a", "currency": "EUR", "issued_at": 1767225600}
    [row], _ = validate_rows(Invoice, [{**bill, **given}])
    assert (row["status"], row["amount_remaining"]) == (status, remaining)


def test_a_bad_row_does_not_take_the_good_ones_along() -> None:
    rows = [{**SUBSCRIPTION, "source_id": str(n)} for n in range(5)]
    rows[3]["currency"] = "nope"
    admitted, rejected = validate_rows(Subscription, rows)
    assert [row["source_id"] for row in admitted] == ["0", "1", "2", "4"]
    assert [(r.source_id, r.code) for r in rejected] == [("3", "invalid")]
    assert rejected[0].raw == rows[3]


def test_text_that_is_not_unicode_is_rejected_with_its_record() -> None:
    admitted, rejected = validate_rows(SurveyResponse, [{**ANSWER, "comment": "bad \ud800 text"}])
    assert not admitted
    assert rejected[0].code == "text"


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_has_a_validator(record: type[Record]) -> None:
    assert validate_rows(record, []) == ([], [])

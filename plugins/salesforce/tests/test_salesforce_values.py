"""Values, batches and names: what needs no org."""

from dataclasses import replace
from typing import Any

import pytest

from cs_sync import Ack, Op, Reject, RequestRefused
from cs_sync_salesforce.batches import send_batch
from cs_sync_salesforce.tasks import parse_lists
from cs_sync_salesforce.values import format_text, format_value, is_same_value

ACME = "001000000000001AAA"


def score(remote_id: str | None = ACME, **fields: Any) -> Op:
    return Op("account", "a1", {"cs_health_score": 42.5, **fields}, remote_id=remote_id)


def test_a_record_that_somebody_else_is_writing_is_tried_again() -> None:
    errors = [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain", "fields": []}]
    [answer] = send_batch([(score(), {})], lambda _: [{"success": False, "errors": errors}])
    assert answer == Reject(
        "a1", "UNABLE_TO_LOCK_ROW", "UNABLE_TO_LOCK_ROW: unable to obtain", lasting=False
    )


def test_results_of_another_number_of_records_count_for_none() -> None:
    assert list(send_batch([(score(), {})] * 2, lambda _: [{"success": True, "id": ACME}])) == []


def test_a_batch_that_is_refused_for_one_record_is_halved() -> None:
    def send(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if {"bad": True} in records:
            body = [{"errorCode": "JSON_PARSER_ERROR", "message": "Cannot deserialize"}]
            raise RequestRefused("no", status=400, body=body)
        return [{"success": True, "id": ACME, "errors": []} for _ in records]

    pairs = [(replace(score(), key=f"a{n}"), {"bad": True} if n == 3 else {}) for n in range(6)]
    answers = {answer.key: answer for answer in send_batch(pairs, send)}
    assert len(answers) == 6
    bad = answers.pop("a3")
    assert bad == Reject("a3", "JSON_PARSER_ERROR", "JSON_PARSER_ERROR: Cannot deserialize")
    assert all(isinstance(answer, Ack) for answer in answers.values())


def test_an_orgs_own_statuses_and_priorities_are_used() -> None:
    statuses = [
        {"ApiName": "Offen", "IsClosed": False, "IsDefault": True},
        {"ApiName": "Erledigt", "IsClosed": True, "IsDefault": False},
    ]
    priorities = [
        {"ApiName": "P1", "IsHighPriority": True, "IsDefault": False},
        {"ApiName": "P2", "IsHighPriority": False, "IsDefault": True},
    ]
    lists = parse_lists(statuses, priorities)
    assert (lists.new, lists.completed) == ("Offen", "Erledigt")
    assert lists.priorities == {"high": "P1", "medium": "P2", "low": "P2"}
    assert parse_lists([], []).completed == "Completed"


@pytest.mark.parametrize(
    ("ours", "stored", "same"),
    [
        (42.0, 42, True), (42.00001, 42.0, True), (42.0, 43.0, False), (42.0, None, False),
        ("", None, True), (None, None, True), ("a  b", "a\nb", True), ("a", "b", False),
        ("2026-11-20T09:00:00.123Z", "2026-11-20T09:00:00.000+0000", True),
        ("2026-11-20T09:00:00.123Z", "2026-11-20T10:00:00.000+0000", False),
        (True, True, True), (True, 1, False),
    ],
)  # fmt: skip
def test_values_are_compared_in_salesforces_form(ours: Any, stored: Any, same: bool) -> None:
    assert is_same_value(ours, stored) is same


def test_texts_are_cut_to_their_fields() -> None:
    assert format_text("a\r\nb\x07c", 10) == "a\nbc"
    assert format_text("x" * 12, 10) == "x" * 9 + "…"
    assert format_value("x" * 300, None) == "x" * 254 + "…"
    assert format_value(3, 255) == 3

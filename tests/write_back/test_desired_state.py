"""Which record of the destination an account is written to."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from cs_sync.contracts.destination import Object
from cs_sync.write_back.desired_state import (
    DestinationIndex,
    build_account_records,
    build_follow_up_records,
)
from cs_sync.write_back.fields import AccountFields
from cs_sync.write_back.plan import LedgerEntry, make_plan

PORTRAIT = AccountFields(
    score=40.0,
    band="red",
    coverage=1.0,
    reasons=["3 tickets in 30 days"],
    change_30d=-12.0,
    mrr={"EUR": 99.0},
    next_action=None,
    updated_at=datetime(2026, 11, 21, 9, tzinfo=UTC),
)
CALL: dict[str, Any] = {
    "key": "call-acme", "account_id": "acme", "title": "Call", "body": "", "due_at": None,
    "priority": "high", "kind": "call", "owner_source": "crm", "owner_source_id": "7",
    "assignee": None, "state": "open", "evidence": [], "lead": None, "task": None,
    "contact_id": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("records", "remote_id", "refusal"),
    [
        ([], None, "no matching record in crm"),
        ([("c1", "")], "c1", None),
        ([("c1", ""), ("c2", "")], None, "2 records in crm are this account: c1, c2; merge"),
    ],
)
def test_where_accounts_have_records_exactly_one_is_written(
    records: list[tuple[str, str]], remote_id: str | None, refusal: str | None
) -> None:
    crm = DestinationIndex("crm", {"acme": records}, frozenset({"7"}))
    [wish] = build_account_records([("acme", PORTRAIT)], crm, "cs_")
    [call] = build_follow_up_records([CALL], crm, {})
    assert (wish.op.remote_id, call.op.account_remote_id) == (remote_id, remote_id)
    assert call.op.owner_remote_id == "7"
    for actual in (wish.refusal, call.refusal):
        assert (actual or "").startswith(refusal or "")
        assert bool(actual) == bool(refusal)


def test_a_destination_without_records_is_given_our_own_ids() -> None:
    crm = DestinationIndex("hook", addresses="accounts")
    [wish] = build_account_records([("acme", PORTRAIT)], crm, "cs_")
    [call] = build_follow_up_records([CALL], crm, {})
    assert (wish.op.remote_id, wish.refusal) == ("acme", None)
    assert (call.op.account_remote_id, call.refusal) == ("acme", None)
    assert call.op.owner_remote_id is None


def test_the_owner_is_found_by_e_mail_wherever_they_come_from() -> None:
    crm = DestinationIndex(
        "crm", {"acme": [("c1", "")]}, frozenset({"7"}), {"ana@example.com": "9"}
    )
    other = {"owner_source": "zendesk", "owner_source_id": "7"}
    for row, owner in (
        (CALL | other, None),
        (CALL | other | {"assignee": "ana@example.com"}, "9"),
        (CALL | {"assignee": "ana@example.com"}, "9"),
        (CALL | {"assignee": "bo@example.com"}, None),
    ):
        [call] = build_follow_up_records([row], crm, {})
        assert call.op.owner_remote_id == owner


def test_what_concerns_the_company_needs_no_record() -> None:
    [call] = build_follow_up_records([CALL | {"account_id": ""}], DestinationIndex("crm"), {})
    assert (call.op.account_remote_id, call.refusal) == (None, None)


@pytest.mark.parametrize("state", ["waiting", "held_out", "done"])
def test_what_is_not_open_is_not_written(state: str) -> None:
    assert (
        list(build_follow_up_records([CALL | {"state": state}], DestinationIndex("crm"), WRITTEN))
        == []
    )


WRITTEN: dict[tuple[Object, str], LedgerEntry] = {
    ("follow_up", "call-acme"): LedgerEntry("follow_up", "call-acme", "acked", "t1")
}
NEWS = [
    {"kind": "ticket", "id": "ticket zendesk:1", "text": "#1"},
    {
        "kind": "ticket",
        "id": "ticket zendesk:2",
        "text": "#2",
        "since": "2026-11-21T09:00:00+00:00",
    },
]


def test_news_of_what_was_written_becomes_a_note() -> None:
    crm = DestinationIndex("crm", {"acme": [("c1", "")]})
    row = CALL | {"evidence": NEWS}
    [_, note] = build_follow_up_records([row], crm, WRITTEN)
    assert (note.op.object, note.op.account_remote_id) == ("note", "c1")
    assert note.op.fields == {"title": "Call", "body": "#2", "at": NEWS[1]["since"]}
    [_, again] = build_follow_up_records([row | {"title": "Call them"}], crm, WRITTEN)
    assert again.op.key == note.op.key
    assert len(list(build_follow_up_records([row], crm, {}))) == 1


def test_what_became_needless_is_closed_once_and_only_if_it_was_written() -> None:
    crm, row = DestinationIndex("crm", {"acme": [("c1", "")]}), CALL | {"state": "resolved"}
    assert list(build_follow_up_records([row], crm, {})) == []
    [wish] = build_follow_up_records([row], crm, WRITTEN)
    [item] = make_plan([wish], WRITTEN, "cs_")
    assert (item.action, item.reason) == ("update", "no longer needed")
    assert item.op is not None
    assert (item.op.remote_id, item.op.fields) == ("t1", {"status": "closed"})
    closed = {name: replace(entry, fields={"status": "closed"}) for name, entry in WRITTEN.items()}
    [item] = make_plan([wish], closed, "cs_")
    assert item.action == "unchanged"

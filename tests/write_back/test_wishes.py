"""Which record of the destination an account is written to."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cs_sync.write_back.fields import Portrait
from cs_sync.write_back.wishes import Crm, account_wishes, follow_up_wishes

PORTRAIT = Portrait(
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
}  # fmt: skip


@pytest.mark.parametrize(
    ("records", "remote_id", "refusal"),
    [
        ([], None, "no record in crm is this account"),
        ([("c1", "")], "c1", None),
        ([("c1", ""), ("c2", "")], None, "2 records in crm are this account: c1, c2; merge"),
    ],
)
def test_where_accounts_have_records_exactly_one_is_written(
    records: list[tuple[str, str]], remote_id: str | None, refusal: str | None
) -> None:
    crm = Crm("crm", {"acme": records}, frozenset({"7"}))
    [wish] = account_wishes({"acme": PORTRAIT}, crm, "cs_")
    [call] = follow_up_wishes([CALL], crm)
    assert (wish.remote_id, call.account_remote_id) == (remote_id, remote_id)
    assert call.owner_remote_id == "7"
    for found in (wish.refusal, call.refusal):
        assert (found or "").startswith(refusal or "")
        assert bool(found) == bool(refusal)


def test_a_destination_without_records_is_given_our_own_ids() -> None:
    crm = Crm("hook", addresses="accounts")
    [wish] = account_wishes({"acme": PORTRAIT}, crm, "cs_")
    [call] = follow_up_wishes([CALL], crm)
    assert (wish.remote_id, wish.refusal) == ("acme", None)
    assert (call.account_remote_id, call.refusal) == ("acme", None)
    assert call.owner_remote_id is None

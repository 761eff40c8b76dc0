"""Follow-ups on record, on both databases: kept once, changed, and found after a merge."""

from typing import Any

from sqlmodel import Session

from cs_sync.follow_ups import OwnerFact, build_follow_up_key
from cs_sync.store.engine import Store
from cs_sync.store.queries.follow_ups import (
    insert_follow_ups,
    read_follow_ups,
    read_owners,
    update_follow_up,
)
from cs_sync_schemas import Account, Owner
from tests.conftest import NOW


def row(account: str, **fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "key": build_follow_up_key("review", account, "1"), "account_id": account,
        "playbook": "review",
        "occasion": "1", "title": "Review", "body": "", "priority": "high", "kind": "todo",
        "due_at": NOW, "owner_source": None, "owner_source_id": None, "assignee": None,
        "evidence": [{"id": "1"}], "at_risk": 12.5, "score": None, "band": "red",
        "mrr": {"EUR": 100}, "state": "open", "touched": False, "created_at": NOW,
        "opened_at": NOW, "ended_at": None, "reason": None, "why": None, "advice": None,
        "happened_at": None, "contact_id": None, "lead": None, "task": None,
        "language": "en",
    }  # fmt: skip
    return given | fields


def test_the_first_words_stay_and_what_becomes_of_it_is_noted(store: Store) -> None:
    with store.write() as connection:
        insert_follow_ups(connection, [row("acme")])
        insert_follow_ups(connection, [row("acme", title="Another")])
        update_follow_up(connection, row("acme")["key"], {"state": "done", "ended_at": NOW})
    with store.read() as connection:
        (actual,) = read_follow_ups(connection)
    assert actual == row("acme", state="done", ended_at=NOW)


def test_a_follow_up_moves_with_its_account(store: Store) -> None:
    with Session(store.engine) as session:
        for name, survivor in (("c", "b"), ("b", "a"), ("a", None), ("x", "y"), ("y", "x")):
            session.add(Account(id=name, merged_into=survivor, first_seen_at=NOW, changed_at=NOW))
        session.commit()
    with store.write() as connection:
        insert_follow_ups(connection, [row("c"), row("a"), row("x"), row("")])
    with store.read() as connection:
        actual = {item["key"]: item["account_id"] for item in read_follow_ups(connection)}
    assert actual[row("c")["key"]] == actual[row("a")["key"]] == "a"
    assert actual[row("x")["key"]] in ("x", "y")
    assert actual[row("")["key"]] == ""


def test_owners_with_their_addresses(store: Store) -> None:
    known: dict[str, Any] = {
        "first_seen_at": NOW,
        "last_seen_at": NOW,
        "changed_at": NOW,
        "row_hash": "",
    }
    with Session(store.engine) as session:
        session.add(Owner(source="crm", source_id="1", email="Ana@example.com", **known))
        session.add(Owner(source="crm", source_id="2", is_active=False, **known))
        session.add(Owner(source="crm", source_id="3", deleted_at=NOW, **known))
        session.commit()
    with store.read() as connection:
        assert read_owners(connection) == {
            ("crm", "1"): OwnerFact("Ana@example.com"),
            ("crm", "2"): OwnerFact(None, is_active=False),
            ("crm", "3"): OwnerFact(None, is_active=False),
        }

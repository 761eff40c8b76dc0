"""The identity graph is stored some records at a time; what is stored does not depend on that."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cs_sync.identity import RecordRef, Resolution, ResolvedAccount, ResolvedContact, ResolvedLink
from cs_sync.store.engine import Store
from cs_sync.store.queries import contact_accounts, identity_graph
from cs_sync.store.queries.identity_graph import save_graph
from cs_sync.store.upserts import split_rows, upsert_rows
from cs_sync_schemas.tables import (
    ACCOUNT,
    ACCOUNT_LINK,
    CONTACT,
    CONTACT_ACCOUNT,
    CONTACT_LINK,
    KEPT_RESULT,
)
from tests.conftest import NOW, migrated_sqlite

LATER = NOW + timedelta(days=1)
TABLES = (ACCOUNT, ACCOUNT_LINK, CONTACT, CONTACT_LINK, CONTACT_ACCOUNT)


def make_graph(place_of: dict[str, str], target_of: dict[str, str], name: str) -> Resolution:
    """Build accounts a and b of the records of two sources, with their people."""
    accounts = {id_: ResolvedAccount(id_, name, None, None, None, {}, None, False) for id_ in "ab"}
    contacts = [
        ResolvedContact(id_, account, f"{id_}@x.example", None, name, None,
                        RecordRef("crm", account), stated=True)
        for id_, account in place_of.items()
    ]  # fmt: skip
    links = [
        ResolvedLink(RecordRef(source, id_), target, "own", "The first record")
        for source in ("billing", "crm")
        for id_, target in target_of.items()
    ]
    return Resolution(
        accounts=tuple(accounts.values()),
        account_links=tuple(links),
        contacts=tuple(contacts),
        contact_links=tuple(
            ResolvedLink(RecordRef("crm", id_), id_, "own", "The first record") for id_ in place_of
        ),
    )


FIRST = make_graph({"x": "a", "y": "a", "z": "b"}, {"a": "a", "b": "b", "c": "b"}, "One")
THEN = make_graph({"x": "a", "y": "b", "z": "b"}, {"a": "a", "b": "b", "c": "a"}, "Two")


def read_tables(store: Store) -> list[list[dict[str, Any]]]:
    with store.read() as connection:
        return [
            [row._asdict() for row in connection.execute(select(t).order_by(*t.primary_key))]
            for t in TABLES
        ]


def save_both(store: Store) -> list[list[dict[str, Any]]]:
    for graph, at in ((FIRST, NOW), (THEN, LATER)):
        with store.write() as connection:
            save_graph(connection, graph, at)
    return read_tables(store)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "other").mkdir()
    with migrated_sqlite(tmp_path / "other") as opened:
        yield opened


def test_a_graph_is_stored_alike_one_by_one(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = save_both(other)
    for module in (identity_graph, contact_accounts):
        monkeypatch.setattr(module, "split_rows", partial(split_rows, size=1))
    actual = save_both(store)
    assert actual == expected
    accounts, links, _, _, places = actual
    assert {row["name"] for row in accounts} == {"Two"}
    assert {row["account_id"] for row in links if row["source_id"] == "c"} == {"a"}
    assert [row["account_source_id"] for row in places if row["contact_id"] == "y"] == ["a", "b"]


def test_rows_that_are_made_one_by_one_are_all_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five in chunks of two; of two with one key the last one stays."""
    monkeypatch.setattr("cs_sync.store.upserts.split_rows", partial(split_rows, size=2))
    keys = ["1", "2", "3", "1", "4"]
    rows = ({"kind": "x", "key": key, "content": f"{place}"} for place, key in enumerate(keys))
    with store.write() as connection:
        upsert_rows(connection, KEPT_RESULT, rows)
        upsert_rows(connection, KEPT_RESULT, iter(()))
    with store.read() as connection:
        written = connection.execute(select(KEPT_RESULT.c.key, KEPT_RESULT.c.content)).all()
    assert dict(map(tuple, written)) == {"1": "3", "2": "1", "3": "2", "4": "4"}

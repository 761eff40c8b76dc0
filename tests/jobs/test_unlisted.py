"""Customers that no list shows any more keep their money; what is missing is said."""

import sqlite3
from contextlib import closing

import pytest

from tests.jobs.road import Acme

GONE = "cus_gone"


@pytest.fixture
def orphaned(acme: Acme) -> Acme:
    """A paying subscription is that of a customer whom Stripe does not list."""
    with closing(sqlite3.connect(acme.path / "cs_sync.db")) as database, database:
        (paying,) = database.execute(
            "SELECT json_extract(parts, '$[0].subscription') FROM mrr_span"
            " WHERE known_to IS NULL AND valid_to IS NULL ORDER BY account_id LIMIT 1"
        ).fetchone()
        database.execute(
            "UPDATE subscription SET account_source_id = ? WHERE source_id = ?", (GONE, paying)
        )
    return acme


@pytest.mark.slow("syncs and runs whole commands")
def test_a_customer_that_is_not_listed_is_an_account_by_its_id(orphaned: Acme) -> None:
    ran = orphaned.run("sync")
    assert ran.code == 0
    assert f"stripe: customer {GONE} no longer listed, but named by subscriptions" in ran.messages
    [link] = orphaned.select(
        "SELECT account_id, deleted_at FROM account_link JOIN source_account"
        " USING (source, source_id) WHERE source_id = ?",
        GONE,
    )
    assert link["account_id"] == GONE
    assert link["deleted_at"]
    assert orphaned.select("SELECT 1 FROM mrr_span WHERE account_id = ? AND amount > 0", GONE)
    assert GONE not in orphaned.run("sync").messages


@pytest.mark.slow("syncs and runs whole commands")
def test_customers_that_could_not_be_read_are_not_deleted_but_missing(orphaned: Acme) -> None:
    orphaned.disturb({"path": "/v1/customers", "status": 403, "times": 9})
    ran = orphaned.run("sync", "--full", "--only", "stripe")
    assert f"stripe: customer {GONE} not known, so the MRR of their subscriptions" in ran.messages
    assert not orphaned.select("SELECT 1 FROM source_account WHERE source_id = ?", GONE)

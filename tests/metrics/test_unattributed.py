"""What belongs to no account: counted by hand, and listed."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import list_whole_periods
from cs_sync.queries.unattributed import list_newest_unattributed, list_unattributed_shares
from cs_sync.store.engine import Store
from cs_sync.store.queries.unattributed import (
    UnattributedShare,
    read_unattributed_records,
    read_unattributed_shares,
)
from cs_sync_schemas import (
    FeatureDay,
    Invoice,
    SurveyResponse,
    Ticket,
    UsageDay,
)
from tests.metrics.conftest import LONG_AGO, Ledger, utc
from tests.metrics.test_kept_figures import workspace_of

SCOPE = Scope(list_whole_periods(date(2026, 1, 1), date(2026, 2, 1), "month", "UTC"))


def invoice(name: str, account: str, total: int, **fields: Any) -> dict[str, Any]:
    given = {"currency": "EUR", "status": "paid", "issued_at": utc(2026, 1, 5)}
    return {"source_id": name, "account_source_id": account, "total": total, **given, **fields}


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    """Account `a` with Ann; a test account; and records of `x` and `who`, which nobody knows."""
    ledger.account("a")
    ledger.account("test", is_test=True)
    ledger.person("ann", "ann", "a")
    ledger.add(
        Invoice,
        invoice("i1", "a", 7000),
        invoice("i2", "x", 2000),
        invoice("i3", "x", 1000, issued_at=utc(2026, 1, 20)),
        invoice("i4", "x", 9900, status="void"),
        invoice("i5", "test", 5000),
        invoice("i6", "a", 4000, currency="USD"),
        invoice("i7", "x", 6000, deleted_at=LONG_AGO),
    )
    opened = {"subject": "It breaks", "status": "open", "opened_at": utc(2026, 1, 9)}
    ledger.add(
        Ticket,
        {"source_id": "t1", "account_source_id": "a", **opened},
        {"source_id": "t2", "contact_source_id": "ann", **opened},
        {"source_id": "t3", "contact_source_id": "who", **opened},
        {"source_id": "t4", **opened},
    )
    ledger.add(
        UsageDay,
        *(
            {
                "source_id": f"u{day}",
                "contact_source_id": who,
                "day": date(2026, 1, day),
                "events": 1,
            }
            for day, who in ((1, "ann"), (2, "who"), (3, "who"), (4, "who"))
        ),
    )
    return ledger


def test_each_kind_has_its_share_and_money_its_currencies(books: Ledger) -> None:
    with books.engine.connect() as connection:
        shares = read_unattributed_shares(connection, SCOPE)
    assert shares == [
        UnattributedShare("money", 3000, 10_000, "EUR"),
        UnattributedShare("money", 0, 4000, "USD"),
        UnattributedShare("tickets", 2, 4),
        UnattributedShare("usage days", 3, 4),
    ]
    assert [share.share for share in shares] == [0.3, 0, 0.5, 0.75]
    assert UnattributedShare("answers", 0, 0).share is None


def test_they_are_listed_newest_first_and_days_of_use_once_per_person(books: Ledger) -> None:
    with books.engine.connect() as connection:
        rows = list(read_unattributed_records(connection, SCOPE))
        few = list(read_unattributed_records(connection, SCOPE, 1))
    names = ("kind", "source_id", "account_source_id", "contact_source_id", "records", "amount")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("money", "i3", "x", None, 1, 1000),
        ("money", "i2", "x", None, 1, 2000),
        ("tickets", "t3", None, "who", 1, None),
        ("tickets", "t4", None, None, 1, None),
        ("usage days", None, None, "who", 3, None),
    ]
    assert rows[-1]["newest"] == date(2026, 1, 4)
    assert [row["kind"] for row in few] == ["money", "tickets", "usage days"]


def test_nothing_stored_is_nothing_to_share(ledger: Ledger) -> None:
    ledger.add(FeatureDay)
    ledger.add(SurveyResponse)
    with ledger.engine.connect() as connection:
        assert read_unattributed_shares(connection, SCOPE) == []
        assert list(read_unattributed_records(connection, SCOPE)) == []


@pytest.mark.parametrize("today", [date(2026, 2, 5), date(2026, 2, 20)])
def test_what_is_kept_in_parts_is_what_all_records_give(books: Ledger, today: date) -> None:
    """Today is in February: January's days are one part, and each later week another."""
    late = {"contact_source_id": "who", "events": 1}
    books.add(UsageDay, {"source_id": "late", "day": date(2026, 2, 9), **late})
    books.add(UsageDay, {"source_id": "new", "day": date(2026, 2, 1), "account_source_id": "x",
                         "events": 1})  # fmt: skip
    store = Store(books.engine)
    workspace = workspace_of(store, utc(2026, 2, 5))
    workspace.config = SimpleNamespace(workspace=SimpleNamespace(timezone="UTC"), mrr=None)
    workspace.today = today
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cs_sync.queries.kept_rows.get_mrr_policy", lambda _: MrrPolicy())
        for _ in range(2):  # computed, and kept
            shares = list_unattributed_shares(workspace)
            newest = list_newest_unattributed(workspace, shares, 2)
    with store.read() as connection:
        assert shares == read_unattributed_shares(connection, SCOPE)
    assert shares[-1] == UnattributedShare("usage days", 5, 6)
    of_use = [row for row in newest if row["kind"] == "usage days"]
    assert [(row["contact_source_id"], row["account_source_id"]) for row in of_use] == [
        ("who", None), (None, "x"),
    ]  # fmt: skip
    store.close()

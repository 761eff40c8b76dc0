"""MRR against invoices, worked out by hand for February 2026; Acme's is in `test_true_mrr.py`."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.road import CONFIG, Place

BOOKS = {
    "accounts.csv": """
        source_id,name,is_test
        year,Yearly,
        gift,Half price once,
        seats,Seats since the 15th,
        gone,Nobody knows,
        legacy,By hand,
        tax,Tax included,
        dollar,In dollars,
        test,A test,true
        """,
    "subscriptions.csv": """
        source_id,account,status,started_at,currency
        s-year,year,active,2025-10-10,EUR
        s-gift,gift,active,2026-01-20,EUR
        s-seats,seats,active,2026-02-01,EUR
        s-gone,gone,active,2026-01-01,EUR
        s-legacy,legacy,active,2026-01-01,EUR
        s-tax,tax,active,2026-01-01,EUR
        s-dollar,dollar,active,2026-01-01,USD
        s-test,test,active,2026-01-01,EUR
        """,
    "subscription_items.csv": """
        source_id,subscription,valid_from,unit_amount,quantity,interval,inclusive_tax_percent
        i-year,s-year,2025-10-10,120000,1,year,
        i-gift,s-gift,2026-01-20,5000,1,month,
        i-seats,s-seats,2026-02-01,1000,2,month,
        i-seats,s-seats,2026-02-15,1000,3,month,
        i-gone,s-gone,2026-01-01,3000,1,month,
        i-legacy,s-legacy,2026-01-01,7000,1,month,
        i-tax,s-tax,2026-01-01,11900,1,month,19
        i-dollar,s-dollar,2026-01-01,9000,1,month,
        i-test,s-test,2026-01-01,99900,1,month,
        """,
    "invoices.csv": """
        source_id,account,subscription,status,currency,issued_at,total,period_start,period_end
        in-year,year,s-year,paid,EUR,2025-10-10,120000,2025-10-10,2025-10-10
        in-gift,gift,s-gift,paid,EUR,2026-02-20,2500,2026-01-20,2026-02-20
        in-seats,seats,s-seats,paid,EUR,2026-02-01,2000,2026-02-01,2026-02-01
        in-gone,gone,s-gone,paid,EUR,2026-02-01,2000,2026-02-01,2026-02-01
        in-tax,tax,s-tax,open,EUR,2026-02-01,11900,2026-02-01,2026-02-01
        in-dollar,dollar,s-dollar,paid,USD,2026-02-01,9000,2026-02-01,2026-02-01
        in-legacy,legacy,s-legacy,paid,EUR,2026-02-01,7000,2026-02-01,2026-03-01
        """,
    "invoice_lines.csv": """
        source_id,invoice,subscription,subscription_item_source_id,currency,amount,discount_amount,interval,quantity,is_proration,period_start,period_end
        l-year,in-year,s-year,i-year,EUR,120000,0,year,1,false,2025-10-10,2026-10-10
        l-gift,in-gift,s-gift,i-gift,EUR,5000,2500,month,1,false,2026-02-20,2026-03-20
        l-seats,in-seats,s-seats,i-seats,EUR,2000,0,month,2,false,2026-02-01,2026-03-01
        l-gone,in-gone,s-gone,i-gone,EUR,2000,0,month,1,false,2026-02-01,2026-03-01
        l-tax,in-tax,s-tax,i-tax,EUR,11900,0,month,1,false,2026-02-01,2026-03-01
        l-dollar,in-dollar,s-dollar,i-dollar,USD,9000,0,month,1,false,2026-02-01,2026-03-01
        """,
}


@pytest.fixture(scope="module")
def synced_books(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("synced"))
    made.configure(CONFIG)
    for name, text in BOOKS.items():
        made.write(f"data/{name}", text)
    ran = made.run("sync")
    assert ran.code == 0, ran
    return made


@pytest.fixture
def place(synced_books: Place, tmp_path: Path) -> Place:
    return synced_books.copy_to(tmp_path)


def compact(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("account", "currency", "mrr", "invoiced", "cause", "unexplained", "tied")
    assert all(row["difference"] == row["mrr"] - row["invoiced"] for row in rows)
    return [tuple(row[name] for name in names) for row in rows]


@pytest.mark.slow("syncs and runs whole commands")
def test_what_does_not_tie_is_listed_with_its_cause_and_summed_up(place: Place) -> None:
    """In euro: 100.00, 50.00, 30.00, 30.00, 70.00 and 100.00 of MRR, of which three tie."""
    rows = place.json("reconcile")
    assert {row["month"] for row in rows} == {"2026-02"}
    assert compact(rows) == [
        ("gone", "EUR", 3000, 2000, "unknown", 1000, 2000),
        ("gift", "EUR", 5000, 2500, "coupon", 0, 2500),
        ("seats", "EUR", 3000, 2000, "proration", 0, 2000),
        (None, "EUR", 38_000, 33_500, None, 1000, 33_500),
        (None, "USD", 9000, 9000, None, 0, 9000),
    ]
    closing = place.json("mrr", "--since", "2026-02-01", "--until", "2026-03-01")
    assert {row["currency"]: row["closing"] for row in closing} == {"EUR": 38_000, "USD": 9000}


def test_all_shows_also_what_ties(place: Place) -> None:
    named = {row["account"]: row["cause"] for row in place.json("reconcile", "--all")}
    assert named["year"] is named["tax"] is named["legacy"] is named["dollar"] is None
    assert "test" not in named


def test_another_month_is_asked_for_and_must_be_over(place: Place) -> None:
    rows = place.json("reconcile", "--month", "2025-12", "--all")
    assert compact(rows)[0] == ("year", "EUR", 10_000, 10_000, None, 0, 10_000)
    ran = place.run("reconcile", "--month", "2026-03")
    assert ran.code == 2
    assert "2026-03 is not over" in ran.messages
    assert "the last whole month is 2026-02" in ran.messages


def test_the_table_ends_with_the_share_that_ties(place: Place) -> None:
    output = place.run("reconcile").messages
    assert (
        "88.2% of MRR ties to invoices (335.00 EUR of 380.00 EUR); unexplained: 10.00 EUR" in output
    )
    assert (
        "100.0% of MRR ties to invoices (90.00 USD of 90.00 USD); unexplained: 0.00 USD" in output
    )
    assert place.run("--format", "csv", "reconcile").out.startswith(
        "account,month,currency,mrr,invoiced,difference,cause,unexplained,tied\n"
        "gone,2026-02,EUR,3000,2000,1000,unknown,1000,2000\n"
    )


def test_what_has_no_invoices_at_all_is_left_out_with_a_word(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.configure(CONFIG)
    for name in ("accounts.csv", "subscriptions.csv", "subscription_items.csv"):
        place.write(f"data/{name}", BOOKS[name])
    assert place.run("sync").code == 0
    ran = place.run("--format", "json", "reconcile")
    assert json.loads(ran.out) == []
    assert "MRR of 380.00 EUR is from sources without invoices" in ran.messages


@pytest.mark.slow("syncs and runs whole commands")
def test_what_was_learnt_since_the_month_was_closed_is_told(place: Place) -> None:
    assert place.json("mrr", "--since", "2026-02-01", "--until", "2026-03-01")
    assert "was closed with" not in place.run("reconcile").messages
    items = BOOKS["subscription_items.csv"].replace("01-01,3000,", "01-01,2000,")
    place.write("data/subscription_items.csv", items)
    assert place.run("sync").code == 0
    output = place.run("reconcile").messages
    assert (
        "2026-02 was closed with MRR of 380.00 EUR; compared is what is known now, 370.00" in output
    )

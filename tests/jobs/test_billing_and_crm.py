"""A workspace with billing and CRM alone: everybody has a score, and who leaves is seen."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.follow_ups.books import Books, day
from tests.jobs.road import CONFIG, Place, Ran


def invoice(books: Books, name: str, number: int, issued: int, **fields: Any) -> None:
    """Issued so many days ago, due two weeks later and paid at once."""
    given = {"status": "paid", "paid_at": day(issued - 1), "due_at": day(issued - 14), **fields}
    books.add("invoices", source_id=f"in-{name}-{number}", account=name, number=f"{name}-{number}",
              subscription=f"s-{name}", currency="EUR", total=10_000, amount_due=10_000,
              issued_at=day(issued), **given)  # fmt: skip


@pytest.fixture(scope="module")
def ran_once(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("billing"))
    made.configure(CONFIG)
    books = Books()
    ago = {"bold": 3, "cold": 135, "late": 10, "mild": 20}
    leaving = {"cancel_at": "2026-03-13", "canceled_at": "2026-03-01", "cancel_reason": "unused"}
    for name, days in ago.items():
        life: dict[str, Any] = leaving if name == "bold" else {}
        books.customer(name, used=None, account={"last_contacted_at": day(days)}, **life)
        for number, issued in enumerate((95, 65, 35)):
            invoice(books, name, number, issued)
    unpaid = {"status": "open", "paid_at": "", "amount_remaining": 10_000}
    invoice(books, "late", 9, 24, **unpaid)
    books.keep(made)
    assert made.run("run").code == 0
    return made


@pytest.fixture
def place(ran_once: Place, tmp_path: Path) -> Place:
    """After a run: bold leaves soon, cold is not spoken to, late does not pay, mild is well."""
    return ran_once.copy_to(tmp_path)


@pytest.fixture
def ran(ran_once: Place) -> Ran:
    return ran_once.ran[0]


@pytest.mark.slow("syncs and runs whole commands")
def test_everybody_is_scored_by_what_billing_and_the_crm_know(place: Place, ran: Ran) -> None:
    """Weights 40, 20 (MRR), 5 (payments) and 10 (contact) of 75; plans of one unit have no seats.

    Bold: 10 for billing. Cold: 135 days are halfway from 50 to 0, 2.5 of 10. Late: nothing for
    billing, 3.5 of 5 for one unpaid invoice.
    """
    rows = {row["account"]: row for row in place.json("score")}
    shares = {"bold": 45, "cold": 67.5, "late": 33.5, "mild": 75}
    assert {n: row["score"] for n, row in rows.items()} == {
        name: pytest.approx(points / 75 * 100) for name, points in shares.items()
    }
    bands = {"bold": "yellow", "cold": "green", "late": "yellow", "mild": "green"}
    assert {name: row["band"] for name, row in rows.items()} == bands
    assert {row["coverage"] for row in rows.values()} == {1}
    assert {tuple(row["left_out"]) for row in rows.values()} == {
        ("usage", "support", "nps", "growth")
    }
    assert rows["mild"]["reasons"] == [
        "Pays on time",
        "MRR unchanged in 90 days",
        "No failed or late payment in 12 months",
        "Last contact logged 20 days ago",
    ]
    assert "4 customers scored: 2 yellow, 2 green\n" in ran.out


LEFT_OUT = "Not in the score, as no connected source brings it: usage, tickets, and survey answers"


@pytest.mark.slow("syncs and runs whole commands")
def test_what_is_left_out_is_said_once_by_each_command(place: Place, ran: Ran) -> None:
    assert ran.messages.count(LEFT_OUT) == 1
    scored = place.run("score")
    assert scored.err.count(LEFT_OUT) == 1
    assert LEFT_OUT not in scored.out
    assert place.run("--quiet", "score").err == ""
    (row,) = [row for row in place.json("check") if row["source"] == "health"]
    assert (row["ok"], row["message"]) == (True, LEFT_OUT)
    assert place.run("check").messages.count(LEFT_OUT) == 1
    assert place.run("report").code == 0
    page = (place.path / "cs_sync_report.html").read_text(encoding="utf-8")
    assert page.count(LEFT_OUT) == 1


@pytest.mark.slow("syncs and runs whole commands")
def test_who_leaves_and_who_does_not_pay_lead_the_watch_list(ran: Ran) -> None:
    watched = ran.out.split("Watch list\n")[1].split("Written")[0]
    assert re.findall(r"(?m)^(\w+) +\w+ +100\.00 EUR", watched) == ["Bold", "Late"]
    assert "Subscription cancelled, ends on 13 Mar; reason: not using it" in watched
    assert "Invoice late-9 is 10 days past due" in watched
    assert "Pays on time" not in watched


@pytest.mark.slow("syncs and runs whole commands")
def test_they_are_on_the_watch_list_without_a_score_as_well(place: Place) -> None:
    """Only NPS counts, and nobody was asked: no score, and Bold and Late are there with reasons."""
    weights = {"usage": 0, "billing": 0, "support": 0, "nps": 100}
    model = "".join(
        f"    [health.inputs.{name}]\n    weight = {weight}\n" for name, weight in weights.items()
    )
    place.configure(CONFIG + model)
    ran = place.run("run")
    assert "0 customers scored; 4 without enough data\n" in ran.out
    watched = ran.out.split("Watch list\n")[1].split("Written")[0]
    assert "insufficient" in watched
    assert "Subscription cancelled, ends on 13 Mar; reason: not using it" in watched
    assert "Invoice late-9 is 10 days past due" in watched
    assert "Cold" not in watched
    (run,) = place.json("run")
    assert run["bands"] == {"insufficient": 4}


@pytest.mark.slow("syncs and runs whole commands")
def test_a_source_of_use_gives_the_common_weights_back(place: Place) -> None:
    place.write("data/usage_days.csv", f"account,contact,day,events\nmild,p-mild,{day(1)},5\n")
    place.run("sync")
    rows = {row["account"]: row for row in place.json("score")}
    assert {part["input"] for part in rows["mild"]["contributions"]} == {"usage", "billing"}
    assert rows["mild"]["left_out"] == ["support", "nps"]
    then = place.now.replace(minute=0, second=50).isoformat()
    before = {row["account"]: row for row in place.json("score", "--known-at", then)}
    assert before["mild"]["left_out"] == ["usage", "support", "nps", "growth"]

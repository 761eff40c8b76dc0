"""Who was whose account then: merges and moves of records do not reach back before they were known.

Two customers pay 100.00 and 250.00 a month; in April their records turn out to be one company.
"""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.jobs.road import CONFIG, Place
from tests.metrics.conftest import utc

pytestmark = pytest.mark.slow("computes every metric on both databases")

BOOKS = {
    "contacts.csv": """
        source_id,account,email,name
        ann,north,ann@north.example,Ann
        bob,south,bob@south.example,Bob
        """,
    "subscriptions.csv": """
        source_id,account,status,started_at,currency
        s-north,north,active,2025-01-01,EUR
        s-south,south,active,2025-06-01,EUR
        """,
    "subscription_items.csv": """
        source_id,subscription,valid_from,unit_amount,quantity,interval,interval_count
        i-north,s-north,2025-01-01,10000,1,month,1
        i-south,s-south,2025-06-01,25000,1,month,1
        """,
    "tickets.csv": """
        source_id,account,requester,subject,status,opened_at
        1,north,ann,Cannot export,open,2026-02-10T10:00
        2,south,bob,Cannot import,open,2026-02-11T10:00
        """,
    "survey_responses.csv": """
        source_id,kind,contact,score,scale_min,scale_max,answered_at
        n1,nps,ann,10,0,10,2026-02-12T10:00
        n2,nps,bob,2,0,10,2026-02-13T10:00
        """,
}
APART = """
    source_id,name,external_key,domain,attr.plan
    north,North,k-1,north.example,team
    south,South,k-2,south.example,solo
    """
ONE = APART.replace("k-2", "k-1")
"""The same own account id in both rows: one company."""
FEBRUARY = ("--since", "2026-02-01", "--until", "2026-03-01")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    made = Place(tmp_path, now=utc(2026, 3, 10, 8))
    text = CONFIG
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres")
        text += f'    [database]\n    url = "{url}"\n    schema = "links_{uuid4().hex}"\n'
    made.configure(text)
    for name, rows in BOOKS.items():
        made.write(f"data/{name}", rows)
    made.write("data/accounts.csv", APART)
    assert made.run("sync").code == 0
    return made


def printed(place: Place, *options: str) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if name != "stale_since"}
        for by in ((), ("--by", "plan"))
        for row in place.json("metrics", *FEBRUARY, *by, *options)
    ]


def values(rows: list[dict[str, Any]], metric: str) -> dict[str, Any]:
    return {str(row["segment"].get("plan", "all")): row["value"]
            for row in rows if row["metric"] == metric}  # fmt: skip


def merge(place: Place) -> str:
    """In April the two become one; what was known before, as an option."""
    known = place.now.isoformat()
    place.now = utc(2026, 4, 10, 8)
    place.write("data/accounts.csv", ONE)
    assert place.run("sync").code == 0
    return known


def test_a_later_merge_does_not_change_what_was_printed(place: Place) -> None:
    then = printed(place)
    assert values(then, "customers") == {"all": 2, "team": 1, "solo": 1}
    assert values(then, "mrr") == {"all": 35000, "team": 10000, "solo": 25000}
    known = merge(place)
    now = printed(place)
    assert values(now, "customers")["all"] == 1
    assert values(now, "mrr")["all"] == 35000
    assert printed(place, "--known-at", known) == then


def test_scores_and_their_reasons_are_those_of_the_accounts_of_then(place: Place) -> None:
    asked = ("--as-of", "2026-03-01")
    then, explained = place.json("score", *asked), place.run("explain", "south", *asked)
    assert {row["name"] for row in then} == {"North", "South"}
    known = merge(place)
    assert [row["name"] for row in place.json("score", *asked)] == ["North"]
    assert place.json("score", *asked, "--known-at", known) == then
    assert place.run("explain", "south", *asked, "--known-at", known).out == explained.out


def test_a_person_who_changes_companies_answered_for_the_one_of_then(place: Place) -> None:
    then, known = printed(place), place.now.isoformat()
    assert values(then, "nps") == {"all": 0, "team": 100, "solo": -100}
    place.now = utc(2026, 4, 10, 8)
    people = BOOKS["contacts.csv"].replace("ann,north,ann@north", "ann,south,ann@north")
    place.write("data/contacts.csv", people)
    assert place.run("sync").code == 0
    assert values(printed(place), "nps") == values(then, "nps")
    assert printed(place, "--known-at", known) == then

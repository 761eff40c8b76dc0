"""Figures by who looks after an account and down to the account itself, from files to JSON."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.jobs.road import Place

CONFIG = """
    [workspace]
    name = "two"
    currency = "EUR"
    [connectors.files]
    path = "data"
"""
FILES = {
    "accounts.csv": "source_id,owner_source_id\na,ann\nb,ben\n",
    "owners.csv": "source_id,name,email\nann,Ann,ann@us.example\nben,,ben@us.example\n",
    "subscriptions.csv": """
        source_id,account,started_at,currency
        s,a,2026-01-10,EUR
        t,b,2026-01-10,EUR
        """,
    "subscription_items.csv": """
        source_id,subscription,valid_from,unit_amount
        s,s,2026-01-10,1000
        t,t,2026-01-10,500
        """,
    "survey_responses.csv": """
        kind,account,contact,score,scale_min,scale_max,answered_at
        nps,a,p,9,0,10,2026-04-10
        nps,b,q,3,0,10,2026-04-10
        """,
}


@pytest.fixture
def place(tmp_path: Any) -> Place:
    """Ann looks after a, Ben after b."""
    made = Place(tmp_path, datetime(2026, 5, 10, 8, tzinfo=UTC))
    made.configure(CONFIG)
    for name, text in FILES.items():
        made.write(f"data/{name}", text)
    assert made.run("sync").code == 0
    return made


@pytest.mark.slow("computes whole books")
def test_an_account_that_is_handed_over_is_reclassed_and_nothing_else(place: Place) -> None:
    def by_owner(*line: str) -> dict[str, tuple[int, int, int]]:
        rows = place.json("mrr", "--by", "owner", *line)
        return {r["segment"]["owner"]: (r["opening"], r["reclass"], r["closing"]) for r in rows}

    april = by_owner("--since", "2026-04-01", "--until", "2026-05-01")
    assert april == {"Ann": (1000, 0, 1000), "ben@us.example": (500, 0, 500)}
    place.now = datetime(2026, 6, 10, 8, tzinfo=UTC)
    place.write("data/accounts.csv", "source_id,owner_source_id\na,ben\nb,ben\n")
    assert place.run("sync").code == 0
    place.now = datetime(2026, 7, 10, 8, tzinfo=UTC)
    june = by_owner("--since", "2026-06-01", "--until", "2026-07-01")
    assert june == {"Ann": (1000, -1000, 0), "ben@us.example": (500, 1000, 1500)}
    rows = place.json("metrics", "--metric", "mrr", "--by", "owner", "--as-of", "2026-06-01")
    assert {row["segment"]["owner"]: row["value"] for row in rows} == {
        "Ann": 1000, "ben@us.example": 500,
    }  # fmt: skip


def test_figures_go_down_to_one_account(place: Place) -> None:
    line = ("metrics", "--by", "account", "--as-of", "2026-05-01")
    rows = place.json(*line, "--metric", "mrr", "--metric", "nps")
    actual = {(row["metric"], row["segment"]["account"]): row["value"] for row in rows}
    assert actual == {("mrr", "a"): 1000, ("mrr", "b"): 500, ("nps", "a"): 100, ("nps", "b"): -100}

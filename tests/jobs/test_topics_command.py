"""`cs-sync analyse topics` from end to end: what customers write, by topic, with their words."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cs_sync.metrics.topics.group import MIN_TEXTS, Topic, Verbatim, find_topics
from tests.jobs.road import BOOKS, Place, small_company

pytestmark = pytest.mark.slow("groups texts in each test")

INVOICE = ("The invoice has the wrong amount", "Wrong amount on our invoice", "Invoice is late")
EXPORT = ("The export is slow", "Slow export of many rows", "Export lost rows")
HEAD = "source_id,kind,survey,contact,score,scale_min,scale_max,answered_at,comment\n"


def answers() -> str:
    """Ann's and Ben's six NPS answers (2, 4, 6 twice) on invoices, Cleo's six CSAT on the export.

    Ann and Ben are of Alpha (240.00 a month), Cleo is of Beta (75.00 a month).
    """
    lines = [
        f"q{n},nps,relation,{('ann', 'ben')[n % 2]},{(2, 4, 6)[n % 3]},0,10,"
        f"2026-02-{10 + n}T10:00,{INVOICE[n % 3]}"
        for n in range(6)
    ]
    lines += [
        f"r{n},csat,after ticket,cleo,4,1,5,2026-02-{10 + n}T11:00,{EXPORT[n % 3]}"
        for n in range(6)
    ]
    return HEAD + "\n".join(lines) + "\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = small_company(tmp_path)
    made.write("data/survey_responses.csv", answers())
    assert made.run("sync").code == 0
    return made


def list_topics(place: Place, *options: str) -> dict[str, dict[str, Any]]:
    """Return the topics by their first word."""
    rows = place.json("analyse", "topics", "--no-tickets", *options)
    words = ("invoice", "export")
    return {next((w for w in words if w in (row["topic"] or "")), "other"): row for row in rows}


def test_topics_carry_counts_scores_money_and_every_word(place: Place) -> None:
    actual = list_topics(place)
    assert set(actual) == {"invoice", "export"}
    invoice, export = actual["invoice"], actual["export"]
    assert (invoice["n"], invoice["share"], invoice["accounts"]) == (6, 0.5, 1)
    assert (invoice["mean_score"], invoice["detractor_share"]) == (4.0, 1.0)
    assert (invoice["mrr"], export["mrr"], export["currency"]) == (24000, 7500, "EUR")
    assert (export["mean_score"], export["detractor_share"]) == (7.5, None), "4 of 1 to 5"
    assert sorted(c["text"] for c in invoice["comments"]) == sorted(INVOICE * 2)
    first = next(c for c in export["comments"] if c["day"] == "2026-02-10")
    account = place.select("SELECT account_id FROM account_link WHERE source_id = 'beta'")
    assert first == {
        "account": account[0]["account_id"], "day": "2026-02-10", "kind": "csat",
        "survey": "after ticket", "score": 7.5, "text": EXPORT[0],
    }  # fmt: skip


def test_by_attribute_survey_and_time(place: Place) -> None:
    by_plan = place.json("analyse", "topics", "--no-tickets", "--by", "plan")
    assert {(row["segment"]["plan"], row["share"]) for row in by_plan} == {("team", 0.5)}
    by_account = place.json("analyse", "topics", "--no-tickets", "--by", "account", "--by", "plan")
    assert [(set(row["segment"]), row["share"]) for row in by_account] == [
        ({"account", "plan"}, 1.0),
        ({"account", "plan"}, 1.0),
    ]
    assert set(list_topics(place, "--since", "2026-02-10", "--until", "2026-02-16")) == set(
        list_topics(place)
    )
    few = place.run("--format", "json", "analyse", "topics", "--survey", "nps")
    assert [(row["topic"], row["n"]) for row in few.rows] == [(None, 6)]
    assert "6 comments are too few to be grouped: topics need 10" in few.messages
    none = place.run("analyse", "topics", "--since", "2024-01-01", "--until", "2024-02-01")
    assert "nobody wrote anything in this time" in none.messages
    assert "No topics" in none.out
    subjects = place.json("analyse", "topics")
    assert {c["kind"] for row in subjects for c in row["comments"]} == {"nps", "csat", "ticket"}


def test_as_known_before_they_answered_nobody_had_said_anything(place: Place) -> None:
    assert list_topics(place, "--known-at", "2026-03-01") == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--by", "colour"), "no account has an attribute 'colour'"),
        (("--since", "2026-03-01", "--until", "2026-02-01"), "is not before"),
    ],
)
def test_bad_options_are_told(place: Place, options: tuple[str, ...], message: str) -> None:
    ran = place.run("analyse", "topics", *options)
    assert ran.code == 2
    assert message in ran.messages


def test_without_scipy_the_remedy_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "scipy", None)
    ran = place.run("analyse", "topics")
    assert ran.code == 2
    assert "pip install 'customer-success-sync[analyse]'" in ran.messages


def test_the_table_quotes_and_other_formats_have_everything(place: Place) -> None:
    table = place.run("analyse", "topics", "--no-tickets").out
    assert "“The export is slow”" in table
    assert "240.00 EUR" in table
    csv = place.run("--format", "csv", "analyse", "topics", "--no-tickets").out
    assert csv.splitlines()[0].startswith("topic,period_start,period_end,segment,n,share")
    assert "Slow export of many rows" in csv


def test_the_report_tells_what_customers_say(place: Place) -> None:
    page = place.path / "cs_sync_report.html"
    attack = "Invoice is <img src=x onerror=alert(1)> late"
    hostile = answers().replace("Invoice is late", attack)
    place.write("data/survey_responses.csv", hostile)
    place.run("sync")
    place.run("report")
    text = page.read_text()
    assert "ticket subjects of the last year, by topic" in text
    assert "“The export is slow”" in text
    assert "<img" not in text
    assert "Invoice is &lt;img" in text
    place.write("data/survey_responses.csv", HEAD)
    place.run("sync")
    place.run("report")
    assert "of the last year, by topic" not in page.read_text(), "too few to tell"


def test_a_report_groups_the_newest(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    grouped: list[Sequence[Verbatim]] = []

    def find(comments: Sequence[Verbatim]) -> list[Topic]:
        grouped.append(comments)
        return find_topics(comments)

    monkeypatch.setattr("cs_sync.queries.topics.find_topics", find)
    place.run("report")
    monkeypatch.setattr("cs_sync.queries.topics.MAX_REPORT_COMMENTS", MIN_TEXTS)
    place.lose("kept_result")
    place.run("report")
    every, newest = grouped
    assert len(every) > MIN_TEXTS
    assert list(newest) == list(every[:MIN_TEXTS])


def test_who_is_forgotten_is_in_no_topic_and_still_counted(place: Place) -> None:
    def numbers() -> list[Any]:
        rows = place.json("metrics", "--metric", "nps", "--as-of", "2026-03-01")
        return [(row["value"], row["n"]) for row in rows]

    place.run("report")
    before = numbers()
    ran = place.run("forget", "cleo@beta.example")
    assert ran.code == 0, ran
    assert "cs_sync_report.html named the person and was written anew" in ran.messages
    assert "The export is slow" not in (place.path / "cs_sync_report.html").read_text()
    after = place.json("analyse", "topics", "--no-tickets")
    assert [(row["topic"], row["n"]) for row in after] == [(None, 6)]
    assert not any("export" in c["text"].lower() for row in after for c in row["comments"])
    assert numbers() == before
    place.run("report")
    assert "The export is slow" not in (place.path / "cs_sync_report.html").read_text()


def test_comments_are_kept_as_they_were_written(place: Place) -> None:
    words = '"Gut, aber: „teuer""\t– 20 % zu viel …"'
    place.write(
        "data/survey_responses.csv",
        BOOKS["survey_responses.csv"] + f"w1,nps,dan,8,0,10,2026-03-01T10:00,{words}\n",
    )
    assert place.run("sync", "--full", "--allow-deletions").code == 0
    (row,) = place.select("SELECT comment FROM survey_response WHERE source_id = 'w1'")
    assert row["comment"] == 'Gut, aber: „teuer"\t– 20 % zu viel …'
    shown = [c for r in place.json("analyse", "topics") for c in r["comments"]]
    assert row["comment"] in [c["text"] for c in shown]

"""The road on books that can be added up by hand: sync, metrics, MRR, scores, reasons."""

from typing import Any

import pytest

from cs_sync.cli.render.tables import (
    METRIC_FIELDS,
    MRR_FIELDS,
    OUTLOOK_FIELDS,
    RUN_FIELDS,
    SCORE_FIELDS,
)
from tests.jobs.road import Place, synced_company

FEBRUARY = {"period_start": "2026-02-01", "period_end": "2026-03-01"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The books, synced once; no test of this file changes them."""
    return synced_company(tmp_path_factory.mktemp("small"))


def metric(place: Place, name: str, *options: str) -> list[dict[str, Any]]:
    return place.json("metrics", "--metric", name, "--as-of", "2026-03-01", *options)


def only_row(place: Place, name: str) -> dict[str, Any]:
    (row,) = metric(place, name)
    return row


@pytest.mark.slow("syncs and runs whole commands")
def test_every_row_of_the_files_is_stored(place: Place) -> None:
    counts = {table: len(rows) for table, rows in place.records().items()}
    assert counts == {
        "source_account": 4,
        "source_contact": 4,
        "subscription": 4,
        "subscription_item": 5,
        "discount": 1,
        "invoice": 1,
        "ticket": 3,
        "survey_response": 8,
        "usage_day": 26,
    }


def test_a_row_of_metrics_has_the_fixed_fields_in_order(place: Place) -> None:
    row = only_row(place, "customer_churn_rate")
    assert tuple(row) == METRIC_FIELDS == (
        "metric", "period_start", "period_end", "segment", "currency", "value", "unit",
        "numerator", "denominator", "n", "low", "high", "policy", "status", "stale_since",
    )  # fmt: skip
    assert row["value"] == pytest.approx(1 / 3)
    assert row["low"] < row["value"] < row["high"]
    known = [name for name in METRIC_FIELDS if name not in ("value", "low", "high", "policy")]
    assert {name: row[name] for name in known} == {
        "metric": "customer_churn_rate", **FEBRUARY, "segment": {}, "currency": None,
        "unit": "ratio", "numerator": 1, "denominator": 3, "n": 3, "status": "insufficient",
        "stale_since": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("mrr", 240_00 + 75_00 + 30_00, "money_minor"),
        ("new_mrr", 30_00, "money_minor"),
        ("expansion_mrr", 40_00, "money_minor"),
        ("contraction_mrr", 25_00, "money_minor"),
        ("churned_mrr", 50_00, "money_minor"),
        ("reactivation_mrr", 0, "money_minor"),
        ("arpa", 115_00, "money_minor"),
        ("gross_mrr_churn_rate", 75 / 350, "ratio"),
        ("net_mrr_churn_rate", 35 / 350, "ratio"),
        ("expansion_rate", 40 / 350, "ratio"),
        ("nrr", 315 / 350, "ratio"),  # of the three of a year ago: 240 + 75 + 0
        ("grr", 275 / 350, "ratio"),  # 200 + 75 + 0
    ],
)
def test_revenue_of_february(place: Place, name: str, value: float, unit: str) -> None:
    row = only_row(place, name)
    assert row["value"] == pytest.approx(value)
    assert (row["unit"], row["currency"]) == (unit, "EUR")
    assert (row["period_start"], row["period_end"]) == ("2026-02-01", "2026-03-01")


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("customers", 3, "count"),
        ("churned_customers", 1, "count"),
        ("nps", 25, "score"),  # two promoters, one passive, one detractor
        ("csat", 1 / 2, "ratio"),  # Ann is satisfied; Ben was, but his last word counts
        ("dau", 21 / 28, "count"),  # Ann on 14 days, Ben on 7
        ("mau", 2, "count"),
        ("dau_mau", 0.375, "ratio"),
        ("open_tickets", 1, "count"),
    ],
)
def test_heads_and_voices_of_february(place: Place, name: str, value: float, unit: str) -> None:
    row = only_row(place, name)
    assert row["value"] == pytest.approx(value)
    assert row["unit"] == unit
    assert row["currency"] is None


def test_who_left_is_counted_by_reason(place: Place) -> None:
    (row,) = metric(place, "churn_by_reason")
    assert row["value"] == 1
    assert row["segment"]["reason"] not in ("unknown", None)  # too expensive, Gamma had said


def test_what_nobody_measures_is_null_and_insufficient(place: Place) -> None:
    row = only_row(place, "activation_rate")
    assert (row["value"], row["status"], row["n"]) == (None, "insufficient", 0)


def test_a_metric_splits_by_attribute(place: Place) -> None:
    rows = metric(place, "mrr", "--by", "plan")
    assert {row["segment"]["plan"]: row["value"] for row in rows} == {"team": 315_00, "solo": 30_00}


def test_as_of_takes_the_last_whole_period(place: Place) -> None:
    (row,) = place.json("metrics", "--metric", "mrr", "--as-of", "2026-02-28")
    assert (row["period_start"], row["period_end"]) == ("2026-01-01", "2026-02-01")
    assert row["value"] == 350_00


def test_since_and_until_take_every_whole_period(place: Place) -> None:
    rows = place.json(
        "metrics", "--metric", "mrr", "--since", "2025-12-15", "--until", "2026-03-09"
    )
    assert [(row["period_start"], row["value"]) for row in rows] == [
        ("2026-01-01", 350_00),
        ("2026-02-01", 345_00),
    ]


MOVED = ("new", "reactivation", "expansion", "contraction", "churn", "fx", "reclass", "restatement")


def test_the_bridge_by_account(place: Place) -> None:
    line = ("mrr", "--since", "2026-02-01", "--until", "2026-03-01", "--by", "account")
    rows = {row["account"]: row for row in place.json(*line)}
    (names,) = {tuple(row)[: len(MRR_FIELDS)] for row in rows.values()}
    assert (
        names
        == MRR_FIELDS
        == ("account", "currency", "period_start", "period_end", "opening", *MOVED, "closing")
    )
    assert {
        account: {k: v for k, v in row.items() if k in ("opening", *MOVED, "closing") and v}
        for account, row in rows.items()
    } == {
        "alpha": {"opening": 200_00, "expansion": 40_00, "closing": 240_00},
        # From midnight of 1 February in Warsaw: the first instant of February, not of January.
        "beta": {"opening": 100_00, "contraction": 25_00, "closing": 75_00},
        "gamma": {"opening": 50_00, "churn": 50_00},
        "delta": {"new": 30_00, "closing": 30_00},
    }


@pytest.mark.slow("syncs and runs whole commands")
@pytest.mark.parametrize("grain", ["day", "week", "month", "quarter", "year"])
def test_the_bridge_ties_in_every_period(place: Place, grain: str) -> None:
    line = ("mrr", "--since", "2025-01-01", "--until", "2026-03-10", "--grain", grain)
    rows = place.json(*line)
    assert len(rows) >= 1
    before = rows[0]["opening"]
    for row in rows:
        assert row["opening"] == before
        plus = row["new"] + row["reactivation"] + row["expansion"]
        minus = row["contraction"] + row["churn"]
        other = row["fx"] + row["reclass"] + row["restatement"]
        assert row["opening"] + plus - minus + other == row["closing"]
        before = row["closing"]


def test_scores_with_contributions_that_add_up(place: Place) -> None:
    rows = place.json("score")
    assert tuple(rows[0]) == (*SCORE_FIELDS, *OUTLOOK_FIELDS) == (
        "account", "name", "as_of", "score", "band", "coverage", "mode", "contributions",
        "reasons", "change_30d", "left_out", "is_customer", "churn_probability", "churn_from",
        "churn_until", "churn_alike_rate", "churn_alike_n", "expand_probability",
        "priority_minor", "priority_basis", "currency",
    )  # fmt: skip
    actual = {row["account"]: row for row in rows}
    # The worst first, and Gamma, who left, behind those who pay.
    assert [(account, row["band"], row["coverage"]) for account, row in actual.items()] == [
        ("beta", "red", 1.0),
        ("delta", "yellow", 0.9),
        ("alpha", "yellow", 1.0),
        ("gamma", "red", 0.7),
    ]
    for row in rows:
        assert row["as_of"] == "2026-03-10"
        given = sum(part["contribution"] for part in row["contributions"])
        assert given == pytest.approx(row["score"])
    # Unused 0, unpaid 0, no ticket 20 % of 100, NPS 3 half-way from 0 to 30: 10 % of 15.
    assert actual["beta"]["score"] == pytest.approx(20 + 1.5)
    # 10 days 50 of 100, paid 100, two tickets 33⅓, NPS 9.5 half-way from 85 to 100.
    assert actual["alpha"]["score"] == pytest.approx(20 + 30 + 20 / 3 + 9.25)
    assert actual["delta"]["score"] == pytest.approx((30 + 20) / 0.9)  # no answer to NPS
    assert actual["gamma"]["score"] == pytest.approx((20 + 5) / 0.7)  # nobody bills them any more


def test_contributions_have_the_fixed_fields(place: Place) -> None:
    (alpha,) = [row for row in place.json("score") if row["account"] == "alpha"]
    assert [tuple(part) for part in alpha["contributions"]] == [
        ("input", "value", "points", "weight", "contribution")
    ] * 4
    parts = {part["input"]: (part["value"], part["weight"]) for part in alpha["contributions"]}
    assert parts == {"usage": (10, 40), "billing": (2, 30), "support": (2, 20), "nps": (9.5, 10)}


def test_reasons_in_words(place: Place) -> None:
    reasons = {row["name"]: row["reasons"] for row in place.json("score")}
    assert reasons["Beta"] == [
        "No use so far",
        "Invoice B-7 is 18 days past due",
        "NPS 3 from Cleo on 9 Mar: “Too slow”",
        "No tickets in the last 30 days",
    ]
    assert "Active on 10 of the last 28 days" in reasons["Alpha"]
    assert "2 tickets in the last 30 days, both about export: #12 #13" in reasons["Alpha"]


@pytest.mark.slow("syncs and runs whole commands")
def test_explain_finds_an_account_by_id_name_or_domain(place: Place) -> None:
    answers = [place.json("explain", name) for name in ("beta", "Beta", "beta.example")]
    assert answers[0] == answers[1] == answers[2]
    (beta,) = answers[0]
    assert beta["mrr"] == {"EUR": 75_00}
    nobody = place.run("explain", "nobody")
    assert nobody.code == 2
    assert "no account matches 'nobody'" in nobody.err
    assert "→" in nobody.err


def test_runs_have_the_fixed_fields(place: Place) -> None:
    row = place.json("runs")[-1]
    assert tuple(row)[: len(RUN_FIELDS)] == RUN_FIELDS == (
        "run", "started_at", "ended_at", "status", "streams", "writes",
    )  # fmt: skip
    assert row["status"] == "ok"
    assert row["started_at"] <= row["ended_at"]
    assert row["started_at"].startswith("2026-03-10T08:00:0")
    names = (
        "source",
        "stream",
        "status",
        "records",
        "rejected",
        "deleted",
        "requests",
        "waited_seconds",
    )
    assert {tuple(stream) for stream in row["streams"]} == {names}
    assert {stream["stream"]: stream["records"] for stream in row["streams"]}["usage_days"] == 26
    assert row["writes"] == dict.fromkeys(
        ("create", "update", "unchanged", "rejected", "unknown"), 0
    )


def test_json_is_alone_on_standard_output_and_csv_has_the_same_fields(place: Place) -> None:
    line = ("mrr", "--since", "2026-02-01", "--until", "2026-03-01")
    assert place.run("--format", "json", *line).err == ""
    text = place.run("--format", "csv", *line).out.splitlines()
    assert text[0].split(",")[: len(MRR_FIELDS)] == list(MRR_FIELDS)
    assert text[1].split(",")[1:6] == ["EUR", "2026-02-01", "2026-03-01", "35000", "3000"]

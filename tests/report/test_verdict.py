"""Expected churn and the backtest's verdict: in words, in figures, and in the order of accounts."""

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from cs_sync.report import ReportData, build_figures, extract_text, summarize_report
from cs_sync.report.expected_churn import list_basis
from cs_sync.report.first_screen import answer_risk
from cs_sync.report.formats import Formats
from cs_sync.report.risk import calculate_attention
from cs_sync.report.verdict import build_verdict, describe_score
from tests.report.conftest import account, backtest, outcome, plain, point, report, subject
from tests.report.page_parser import Page


@pytest.mark.parametrize(
    ("fields", "begins"),
    [
        ({}, "Yes. The health score predicts 3% better than the base rate"),
        (
            {"verdict": "no signal", "slope": 1.33},
            "Not proven. The health score finds who leaves better than chance (3% better",
        ),
        (
            {"verdict": "no signal", "skill_low": -0.01, "needed_churned": 70},
            "Not proven. The health score predicts no better than the base rate so far"
            " (accounts that left: 60); about 70 more",
        ),
        ({"verdict": "no signal", "skill_low": -0.01}, "No. The health score predicts no better"),
        (
            {"verdict": "too little data", "churned": 4, "needed_churned": 196, "brier_skill": None,
             "skill_low": None, "slope": None},
            "Too early to say. Accounts that left: 4; about 196 more",
        ),
    ],
)  # fmt: skip
def test_the_verdict_is_a_sentence(formats: Formats, fields: dict[str, Any], begins: str) -> None:
    assert plain(describe_score(subject("score", **fields), formats)).startswith(begins)


def test_red_bands_and_rivals_by_hand(formats: Formats) -> None:
    """3 of 4 is 75 %, 3 of 12 that left 25 %; 300 of 400 EUR is 75 %."""
    built = build_verdict(backtest(), formats)
    assert built.red == "Red: 3 of 4 in red left (75%); of 12 that left, 25% had been red."
    red, green = built.bands
    assert [plain(cell) for cell in (red.rate, red.mrr, red.mrr_churned, red.mrr_rate)] == [
        "75% (25%–95%)", "400.00 EUR", "300.00 EUR", "75%",
    ]  # fmt: skip
    assert (green.accounts, green.churned, green.mrr_rate) == ("96", "9", "10%")
    assert "from day 15 to day 104" in built.bands_caption
    assert [row.name for row in built.subjects] == ["health score", "model", "base rate"]
    assert built.subjects[0].auc == "0.63 (0.58–0.68)"
    assert built.subjects[0].lift == "3.1×"
    nobody = replace(backtest(), bands=[outcome("green", 5, 0, 500, 0)])
    assert build_verdict(nobody, formats).red == "Red: no account was red at a judged month end."


def test_the_page_shows_verdict_bands_and_rivals(page: Page) -> None:
    text = plain(page.text("verdict"))
    for shown in (
        "Does the score tell the truth?",
        "Yes. The health score predicts 3% better than the base rate",
        "has been changed since; judge anew",
        "Judged on 20 Nov 2026. cs-sync analyse fit judges anew",
        "Score and model beside simple rivals: 12 month ends, 250 accounts, of which 60 left",
    ):
        assert shown in text


def test_the_first_screen_has_the_expected_churn_or_says_why_not(
    page: Page, formats: Formats, hostile: ReportData
) -> None:
    first = plain(page.text("today"))
    assert "Expected loss to churn, 5 Dec to 4 Mar 2027 829.00 EUR" in first
    assert "90% interval: 278.00 EUR to 1,514 EUR" in first
    assert "Probability of leaving × MRR of 9 accounts" in first
    assert "The interval would have held in 11 of 12 past months." in first
    unusable = replace(hostile, expected_churn=None)
    [accepted] = list_basis(unusable, formats)
    assert "as the model of 20 Nov 2026 was fitted under another" in plain(accepted)
    judged = backtest(subject("score"), subject("model", "no signal"))
    unknown = replace(unusable, backtest=judged)
    [refused] = list_basis(unknown, formats)
    assert plain(refused).startswith(
        "Accounts are ordered by MRR × missing health, as the backtest of 20 Nov 2026 accepted no"
    )
    [never] = list_basis(replace(unknown, backtest=None), formats)
    assert never.endswith("has not been judged: `cs-sync analyse fit` does it.")
    assert hostile.expected_churn
    short = replace(hostile, expected_churn=replace(hostile.expected_churn, low=None, high=None))
    assert list(list_basis(short, formats))[1] == "Too few horizons are over for an interval."


def test_an_opened_account_shows_its_chance(html: str) -> None:
    text = plain(extract_text(html))
    assert "1 in 4 leaves within 90 days from 25 Mar 2026" in text


def test_accounts_are_ordered_by_probability_while_a_model_is_accepted() -> None:
    """26 % of 100.00, else the 10 points that 90 misses; leaving counts whole."""
    steady = account("steady", point(10_000))
    assert calculate_attention(steady) == 1_000
    assert calculate_attention(replace(steady, churn_probability=0.26)) == 2_600
    leaving = account("leaving", point(10_000, 80.0, "green", "leaving"), churn_probability=0.1)
    assert calculate_attention(leaving) == 10_000


def test_the_figures_for_programs_and_for_mail(hostile: ReportData) -> None:
    figures = build_figures(hostile, answer_risk(hostile).now)
    assert (figures["expected_churn"], figures["low"], figures["high"]) == (82_900, 27_800, 151_400)
    assert (figures["priority_basis"], figures["verdict"]) == ("churn_probability", "signal")
    assert figures["expected_until"] == date(2027, 3, 4)
    sentences = plain(" ".join(summarize_report(hostile).sentences))
    assert "Expected loss to churn, 5 Dec to 4 Mar 2027: 829.00 EUR (90% interval" in sentences
    alone = report(account("a", point(10_000)))
    bare = build_figures(alone, answer_risk(alone).now)
    assert (bare["mrr"], bare["priority_basis"]) == (10_000, "missing_health")
    assert {bare[name] for name in ("expected_churn", "low", "verdict", "judged_on")} == {None}

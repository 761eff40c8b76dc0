"""What a report says of the small company's books, worked out by hand."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from cs_sync.queries.report import _drop_remedy
from tests.jobs.road import BOOKS, Place, small_company

pytestmark = pytest.mark.slow("runs the whole job")

RATES = "day,base,quote,rate\n2026-01-01,USD,EUR,0.80\n2026-03-01,USD,EUR,0.50\n"
EPSILON = {
    "accounts.csv": "epsilon,Epsilon,epsilon.example,team\n",
    "subscriptions.csv": "s-epsilon,epsilon,active,2026-01-01,USD,2026-03-05,,unused\n",
    "subscription_items.csv": "i-epsilon,s-epsilon,2026-01-01,10000,1,month,1\n",
}
"""Epsilon pays 100.00 USD a month since January and leaves on 15 April."""


class Text(HTMLParser):
    """The text of a page, a space between its parts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def __str__(self) -> str:
        return " ".join(" ".join(self.parts).replace("\u00a0", " ").split())


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    place: Place = small_company(tmp_path_factory.mktemp("report"))
    for name, row in EPSILON.items():
        place.write(f"data/{name}", BOOKS[name] + row)
    place.write("data/fx_rates.csv", RATES)
    ends = BOOKS["subscriptions.csv"] + EPSILON["subscriptions.csv"]
    lines = [f"{line},{at}" for line, at in zip(
        ends.splitlines(), ["cancel_at", "", "", "", "", "2026-04-15"], strict=True
    )]  # fmt: skip
    place.write("data/subscriptions.csv", "\n".join(lines) + "\n")
    assert place.run("sync").code == 0
    assert place.run("report").code == 0
    return Path(place.path / "cs_sync_report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def text(report: str) -> str:
    return str(Text(report))


@pytest.fixture(scope="module")
def data(report: str) -> dict[str, Any]:
    actual = re.search(r'id="payload">([^<]*)<', report)
    assert actual
    payload: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(actual[1])))
    return payload


def test_money_at_risk_is_one_sum_at_the_latest_rate(text: str) -> None:
    """Epsilon leaves with 100.00 USD at 0.50, Beta's 75.00 is unpaid, of 240 + 75 + 30 + 50 EUR.

    30 days ago Epsilon had not cancelled, and Beta's invoice was not yet due.
    """
    assert "MRR at risk 125.00 EUR ▲ +125.00 EUR in 30 days 31.6% of 395.00 EUR MRR" in text
    assert "Cancelled 50.00 EUR 1 account" in text
    assert "Invoice overdue 75.00 EUR 1 account" in text
    assert "EUR 75.00 EUR 345.00 EUR USD 100.00 USD 100.00 USD" in text
    assert "1 USD = 0.5000 EUR (rate of 1 Mar 2026)" in text


def test_the_next_90_days_have_their_money(text: str) -> None:
    """Beta's year ends in January: beyond 90 days. Its invoice of 1,200.00 is overdue."""
    assert "Ends 50.00 EUR 1 account" in text
    assert "Renews 0 EUR 0 accounts" in text
    assert "Unpaid 1,200 EUR 1 account" in text
    assert "15 Apr Epsilon Ends 100.00 USD" in text
    assert "20 Feb Beta Unpaid 1,200 EUR" in text


def test_this_month_stands_beside_the_same_days_of_the_last(text: str) -> None:
    """1 to 10 February: Delta new with 30, Alpha's two seats 40, Beta's discount 25.

    Later in February Gamma left with 50. In March nothing has moved.
    """
    assert "1 Mar – 10 Mar 1 Feb – 10 Feb Feb 2026" in text
    assert "New – +30 +30" in text
    assert "Expansion – +40 +40" in text
    assert "Contraction – −25 −25" in text
    assert "Churn – – −50" in text
    assert "Net change – +45 −5" in text


def test_accounts_have_their_past(data: dict[str, Any]) -> None:
    """Alpha paid 200.00 until January, 240.00 since February."""
    rows = {row[1]: row for row in data["rows"]}
    assert set(rows) == {"Alpha", "Beta", "Delta", "Epsilon"}
    assert rows["Alpha"][-1][0] == [20_000] * 11 + [24_000] * 2
    assert rows["Epsilon"][-1][0] == [0] * 10 + [5_000] * 3
    assert [rows[name][11] for name in ("Alpha", "Beta", "Epsilon")] == [-1, 1, 0]
    assert data["rows"][0][1] == "Beta", "75.00 and then 50.00 are at risk"
    assert rows["Epsilon"][0] in ("epsilon", "a-epsilon")


def test_messages_of_a_run_are_without_remedies() -> None:
    message = '2 follow-ups go to nobody\n  → give them one, or set [follow_ups] assignee = "…"'
    assert [_drop_remedy(text) for text in (message, "one line")] == [
        "2 follow-ups go to nobody",
        "one line",
    ]


def test_who_left_is_in_the_groups_and_not_in_the_table(text: str) -> None:
    """By plan: solo lost Gamma, one of one a year ago. Of team's two both are there, with

    200.00 of 200.00 and 75.00 of 100.00: 275 ÷ 300 is 92%.
    """
    assert "solo 1 30.00 EUR – " in text
    assert "100% of 1 0%" in text
    assert "0% of 2 92%" in text
    assert "Gamma" not in text

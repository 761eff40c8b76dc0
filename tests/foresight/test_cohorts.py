"""Cohorts on the books of a small company, worked by hand."""

from datetime import date
from pathlib import Path

import pytest

from tests.jobs.road import Place, small_company


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = small_company(tmp_path)
    assert place.run("sync").code == 0
    return place


@pytest.mark.slow("simulates books")
def test_cohorts_of_accounts_and_mrr(place: Place) -> None:
    """Alpha, Beta and Gamma began in January 2025; Gamma left, Delta came in February 2026.

    Alpha paid 200.00 and grew to 240.00, Beta 100.00 a month less 25 % from February 2026,
    Gamma 50.00 until 20 February.
    """
    rows = place.json("analyse", "cohorts", "--since", "2025-01")
    assert list(rows[0]) == [
        "cohort", "age", "accounts", "retained", "rate", "mrr", "mrr_retained", "currency",
    ]  # fmt: skip
    january = [row for row in rows if row["cohort"] == "2025-01-01"]
    assert [row["age"] for row in january] == list(range(15))
    assert january[0] == {
        "cohort": "2025-01-01", "age": 0, "accounts": 3, "retained": 3, "rate": 1.0,
        "mrr": 35000, "mrr_retained": 35000, "currency": "EUR",
    }  # fmt: skip
    assert [row["retained"] for row in january[-3:]] == [3, 2, 2]
    assert january[-1]["rate"] == pytest.approx(2 / 3)
    assert [row["mrr_retained"] for row in january[-3:]] == [35000, 31500, 31500]
    assert [(row["age"], row["mrr_retained"]) for row in rows if row["cohort"] == "2026-02-01"] == [
        (0, 3000), (1, 3000),
    ]  # fmt: skip


@pytest.mark.slow("simulates books")
def test_the_last_twelve_months_and_a_heat_map(place: Place) -> None:
    """As in the report: January 2025 is out of sight."""
    assert {row["cohort"] for row in place.json("analyse", "cohorts")} == {"2026-02-01"}
    table = place.run("analyse", "cohorts").out
    assert "Feb 2026" in table
    assert "100%" in table


@pytest.mark.slow("simulates books")
def test_a_month_that_lies_ahead(place: Place) -> None:
    ran = place.run("analyse", "cohorts", "--since", "2027-01")
    assert ran.code == 2
    assert "2027-01 is in the future" in ran.messages
    assert date(2027, 1, 1) > place.now.date()

"""Expected loss of a workspace: a figure where the backtest finds a signal, else none."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cs_sync.cli.render.expected_loss import loss_table
from cs_sync.foresight.observations import TENURE, Observation
from cs_sync.i18n import ENGLISH
from cs_sync.metrics.periods import add_months
from cs_sync.queries import expected_loss
from cs_sync.queries.backtest import Backtest
from cs_sync.queries.observations import PREDICTIVE_SIGNALS, ObservationRequest
from tests.foresight.panels import build_panel
from tests.i18n.test_leftovers import MASKED, find_letters, show
from tests.jobs.road import Place, small_company

TODAY = date(2026, 6, 30)
UNUSED = 40.0
"""Days without use of those at risk."""


def observe(name: str, cutoff: date, *, silent: bool, left: bool) -> Observation:
    """An account with 100.00 EUR a month."""
    values: dict[str, float | None] = dict.fromkeys(PREDICTIVE_SIGNALS)
    values |= {"days_since_use": UNUSED if silent else 1.0, TENURE: 12.0}
    return Observation(name, cutoff, "voluntary" if left else "stayed", 10_000, "EUR", values)


def make_months(*, informative: bool) -> list[list[Observation]]:
    """Eighteen months of 100 accounts: of the 20 unused ones 8 leave, of the others 2.

    Without information the same ten leave, and use says nothing.
    """
    months = []
    for number in range(18):
        cutoff = add_months(date(2024, 8, 1), number) - timedelta(days=1)
        month = []
        for place in range(100):
            silent = place < 20 if informative else place % 5 == number % 5
            left = place < 8 or 20 <= place < 22
            month.append(observe(f"{number}-{place}", cutoff, silent=silent, left=left))
        months.append(month)
    return months


def list_loss(monkeypatch: pytest.MonkeyPatch, *, informative: bool) -> list[dict[str, Any]]:
    request = ObservationRequest(horizon_days=90, lead_days=14)
    backtest = Backtest(request, 20, build_panel(make_months(informative=informative)), ())
    customers = [observe(f"now{n}", TODAY, silent=n < 10, left=False) for n in range(50)]
    monkeypatch.setattr(expected_loss, "open_backtest", lambda *_, **__: backtest)
    monkeypatch.setattr(expected_loss, "read_history", lambda _: None)
    monkeypatch.setattr(expected_loss, "read_customers", lambda *_: customers)
    monkeypatch.setattr(expected_loss, "_read_mrr", lambda _: {"EUR": 530_000})
    settings = SimpleNamespace(workspace=SimpleNamespace(timezone=ZoneInfo("UTC")))
    workspace: Any = SimpleNamespace(
        config=settings, today=TODAY, clock=lambda: datetime(2026, 6, 30, 12, tzinfo=UTC)
    )
    return expected_loss.list_expected_loss(workspace)


@pytest.mark.slow("simulates books")
def test_a_figure_where_there_is_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 10 unused accounts 40 % leave, of 40 others 2.5 %: five of 100.00 a month.

    The horizon begins after 14 days; 300.00 of 5,300.00 are of who has given notice.
    """
    (row,) = list_loss(monkeypatch, informative=True)
    assert (row["start"], row["end"]) == (date(2026, 7, 15), date(2026, 10, 13))
    assert (row["accounts"], row["mrr"], row["given_notice"]) == (50, 500_000, 30_000)
    assert row["verdict"] == "signal"
    assert row["expected"] == pytest.approx(50_000, rel=0.05)
    assert row["low"] < 50_000 < row["high"]
    # no month differed from what was expected: chance alone, 100.00 × √(10 × 0.24 + 40 × 0.0244)
    assert row["high"] - row["low"] == pytest.approx(2 * 1.645 * 18_370, rel=0.1)
    assert row["coverage"] == 1.0
    assert find_letters(show(loss_table([row], MASKED))) == set()
    without = {**row, "low": None, "high": None}
    assert find_letters(show(loss_table([without], MASKED))) == set()


@pytest.mark.slow("simulates books")
def test_no_figure_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = list_loss(monkeypatch, informative=False)
    assert row["verdict"] != "signal"
    names = ("expected", "low", "high", "coverage", "covered", "judged")
    assert [row[name] for name in names] == [None] * 6
    assert "No expected loss" in show(loss_table([row], ENGLISH))


@pytest.mark.slow("simulates books")
def test_the_command_of_a_small_company(tmp_path: Any) -> None:
    """Alpha pays 240.00, Beta 75.00, Delta 30.00; of two departures nothing is learnt."""
    place: Place = small_company(tmp_path)
    assert place.run("sync").code == 0
    (row,) = place.json("analyse", "loss", "--horizon", "30")
    assert (row["accounts"], row["mrr"], row["given_notice"]) == (3, 34_500, 0)
    assert (row["expected"], row["verdict"]) == (None, "too little data")

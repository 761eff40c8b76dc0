"""The commands: verdicts, bands, names and leaks of a small company, and what is refused."""

from datetime import date
from importlib import util
from pathlib import Path
from typing import Any

import orjson
import pytest

from cs_sync.cli.render.backtest import (
    BACKTEST_FIELDS,
    BAND_FIELDS,
    FIT_FIELDS,
    LEAK_FIELDS,
    RED_FIELDS,
)
from tests.follow_ups.books import Books
from tests.jobs.road import CONFIG, Place, synced_company

SHORT = ("--horizon", "30")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Three that stay and two that leave, red as nobody uses it any more; three month ends."""
    made = Place(tmp_path_factory.mktemp("backtest"))
    made.configure(CONFIG)
    books = Books()
    began: dict[str, Any] = {"since": "2025-10-05"}
    for name in ("stays", "keeps", "holds"):
        books.customer(name, used=range(150), **began)
    ended: dict[str, Any] = {"used": range(110, 150), "status": "canceled", **began}
    books.customer("leaves", ended_at="2026-01-25", cancel_reason="too_expensive", **ended)
    books.customer("unpaid", ended_at="2026-01-26", cancel_reason="payment_failed", **ended)
    for name in ("leaves", "unpaid"):
        books.nps(name, 1, "2025-11-05T10:00")
    books.keep(made)
    assert made.run("sync").code == 0
    return made


@pytest.mark.slow("runs backtests")
def test_verdicts_of_a_small_company(place: Place) -> None:
    rows = place.json("backtest", *SHORT)
    assert list(rows[0])[: len(BACKTEST_FIELDS)] == list(BACKTEST_FIELDS)
    churn = [row for row in rows if row["target"] == "churn"]
    assert [row["subject"] for row in churn] == [
        "score", "model", "base_rate", "days_since_use", "best_signal",
    ]  # fmt: skip
    assert {row["target"] for row in rows} == {
        "churn", "contraction", "expansion", "voluntary", "involuntary",
    }  # fmt: skip
    assert {row["verdict"] for row in rows} == {"too little data"}
    assert {(row["churned"], row["auc"], row["brier_skill"]) for row in churn} == {(2, None, None)}
    assert churn[0]["needed_churned"] == 198
    shown = place.run("backtest", *SHORT)
    assert "health score: too little data. 2 accounts left so far; about 198 more" in shown.messages


@pytest.mark.slow("runs backtests")
def test_bands_of_every_month_end(place: Place) -> None:
    rows = place.json("backtest", *SHORT, "--bands")
    assert list(rows[0]) == list(BAND_FIELDS)
    december = [row for row in rows if row["cutoff"] == "2025-12-31"]
    assert sum(row["accounts"] for row in december) == 5
    assert sum(row["churned"] for row in december) == 2
    assert sum(row["mrr_churned"] for row in december) == 20_000
    whole = [row for row in rows if row["cutoff"] is None]
    assert sum(row["accounts"] for row in whole) == 15
    later = place.json("backtest", *SHORT, "--bands", "--since", "2025-12-01")
    assert {row["cutoff"] for row in later} == {"2025-12-31", None}


@pytest.mark.slow("runs backtests")
def test_we_said_red_by_name(place: Place) -> None:
    rows = place.json("backtest", *SHORT, "--red")
    assert [(row["name"], row["outcome"], row["left_at"]) for row in rows] == [
        ("Leaves", "voluntary", "2026-01-24T23:00:00+00:00"),
        ("Unpaid", "involuntary", "2026-01-25T23:00:00+00:00"),
    ]  # fmt: skip
    assert list(rows[0]) == list(RED_FIELDS)
    assert {row["cutoff"] for row in rows} == {"2025-12-31"}
    shown = place.run("backtest", *SHORT, "--red").messages
    assert "Red on 31 Dec 2025, and what became of them" in shown


@pytest.mark.slow("runs backtests")
def test_every_input_as_known_and_as_recorded(place: Place) -> None:
    rows = place.json("backtest", *SHORT, "--leaks")
    assert list(rows[0]) == list(LEAK_FIELDS)
    used = {row["input"]: row for row in rows}
    assert used["days_since_use"]["verdict"] == "used"
    assert used["days_since_use"]["difference"] == 0
    heading, *_ = place.run("backtest", *SHORT, "--leaks").messages.splitlines()
    assert heading.split()[:2] == ["input", "cases"]


@pytest.mark.slow("runs backtests")
def test_fitting_keeps_nothing_of_two_that_left(place: Place) -> None:
    rows = place.json("analyse", "fit", *SHORT)
    assert list(rows[0]) == list(FIT_FIELDS)
    assert {(row["verdict"], row["accepted"], row["version"]) for row in rows} == {
        ("too little data", False, None)
    }
    assert place.select("SELECT * FROM foresight_model") == []
    assert place.select("SELECT * FROM run WHERE command = 'analyse fit'")[0]["status"] == "ok"
    assert rows[0]["left_out"]["csat_90"] == "all missing"


@pytest.mark.slow("runs backtests")
def test_fitting_keeps_what_the_backtest_found(place: Place) -> None:
    before = len(place.select("SELECT * FROM foresight_judgement"))
    place.json("backtest", *SHORT)
    assert len(place.select("SELECT * FROM foresight_judgement")) == before
    place.json("analyse", "fit", *SHORT)
    kept = place.select("SELECT * FROM foresight_judgement ORDER BY version")[-1]
    assert (kept["version"], kept["horizon_days"], kept["data_cut"]) == (
        before + 1, 30, "2025-12-31",
    )  # fmt: skip
    subjects, bands = orjson.loads(kept["subjects"]), orjson.loads(kept["bands"])
    assert subjects == [
        row | {"target": "churn"}
        for row in place.json("backtest", *SHORT)
        if row["target"] == "churn"
    ]
    whole = [row for row in place.json("backtest", *SHORT, "--bands") if row["cutoff"] is None]
    assert bands == whole
    assert orjson.loads(kept["forecasts"]) == []


@pytest.mark.slow("imports scikit-learn")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("--horizon", "200"), "has no month end with a whole horizon of 200 days"),
        ((*SHORT, "--since", "2026-03-01"), "no month end from 2026-03-01 on has a whole horizon"),
        ((*SHORT, "--bands", "--red"), "give one of --bands, --red and --leaks"),
        (("--horizon", "0"), "must be greater than or equal to 14"),
    ],
)
def test_what_cannot_be_judged_is_said(place: Place, line: tuple[str, ...], message: str) -> None:
    ran = place.run("backtest", *line)
    assert ran.code == 2
    assert message in ran.messages


def test_without_scikit_learn_the_remedy_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = synced_company(tmp_path)
    find = util.find_spec
    monkeypatch.setattr(
        "cs_sync.queries.backtest.find_spec",
        lambda name: None if name == "sklearn" else find(name),
    )
    for command in (("backtest",), ("analyse", "fit")):
        ran = place.run(*command, *SHORT)
        assert ran.code == 2
        assert "needs scikit-learn, which is not installed" in ran.messages
        assert "pip install 'customer-success-sync[analyse]'" in ran.messages


@pytest.mark.slow("runs backtests")
def test_a_horizon_of_the_configuration(place: Place) -> None:
    place.configure(CONFIG + "[foresight]\nhorizon_days = 30\nlead_days = 0\n")
    assert place.json("backtest")[0]["horizon_days"] == 30
    place.configure(CONFIG + "[foresight]\nhorizon_days = 3\n")
    ran = place.run("backtest")
    assert ran.code == 2
    assert "foresight.horizon_days" in ran.messages
    place.configure(CONFIG)
    assert date.fromisoformat(place.json("backtest", *SHORT, "--red")[0]["cutoff"]).year == 2025

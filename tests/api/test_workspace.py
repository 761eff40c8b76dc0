"""What the commands compute, asked in Python: equal, typed, and in frames."""

import logging
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import cs_sync
from cs_sync.api import rows as frames
from cs_sync.api.answers import AccountScore, BacktestResult, build_backtest_result
from cs_sync.metrics.bridge import BridgeRow
from cs_sync.metrics.kpi import KpiRow
from tests.jobs.road import Place

HEAVY = "sqlalchemy sqlmodel pydantic alembic pandas polars pyarrow httpx typer"


def test_importing_loads_nothing_heavy() -> None:
    code = f"import sys, cs_sync; print(sorted(set('{HEAVY}'.split()) & set(sys.modules)))"
    line = [sys.executable, "-c", code]
    assert subprocess.run(line, capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.slow("syncs and runs whole commands")
def test_metrics_are_those_of_the_command(ws: cs_sync.Workspace, synced: Place) -> None:
    line = ["metrics", "--metric", "mrr", "--metric", "nps", "--by", "plan"]
    actual = ws.metrics("mrr", "nps", by=["plan"])
    assert [row.json() for row in actual] == synced.json(*line)
    assert all(isinstance(row, KpiRow) for row in actual)
    [(seats, unit)] = [
        (row.value, row.unit)
        for row in actual
        if row.metric == "mrr" and row.segment == {"plan": "team"}
    ]
    assert (seats, unit) == (24_000 + 7_500, "money_minor"), "12 seats, and a year less a quarter"


@pytest.mark.slow("syncs and runs whole commands")
def test_policies_stand_side_by_side(ws: cs_sync.Workspace) -> None:
    actual = ws.metrics(
        "mrr", policies=["default", "stripe"], since="2026-02-01", until="2026-03-01"
    )
    assert len({row.policy for row in actual}) == 2


@pytest.mark.slow("syncs and runs whole commands")
def test_the_bridge_is_that_of_the_command(ws: cs_sync.Workspace, synced: Place) -> None:
    actual = ws.mrr(since=date(2026, 2, 1), until="2026-03-01")
    assert [row.json() for row in actual] == synced.json(
        "mrr", "--since", "2026-02-01", "--until", "2026-03-01"
    )
    [february] = actual
    assert (february.opening, february.new, february.expansion) == (35_000, 3_000, 4_000)
    assert (february.contraction, february.churn, february.closing) == (2_500, 5_000, 34_500)
    assert {row.account for row in ws.mrr(since="2026-02-01", until="2026-03-01", by=["account"])}


@pytest.mark.slow("syncs and runs whole commands")
def test_scores_are_those_of_the_command(ws: cs_sync.Workspace, synced: Place) -> None:
    actual, printed = ws.scores(), synced.json("score")
    assert [row.account for row in actual] == [row["account"] for row in printed]
    for row, line in zip(actual, printed, strict=True):
        plain = asdict(row) | {"as_of": row.as_of.isoformat()}
        assert {name: _as_json(value) for name, value in plain.items()} == line


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.slow("syncs and runs whole commands")
def test_a_score_of_an_earlier_day_and_knowledge(ws: cs_sync.Workspace) -> None:
    assert {row.as_of for row in ws.scores(as_of="2026-02-01")} == {date(2026, 2, 1)}
    for known_at in ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)):
        actual = ws.scores(as_of="2026-02-01", known_at=known_at)
        assert {row.as_of for row in actual} == {date(2026, 2, 1)}
        with pytest.raises(cs_sync.ConfigError, match="stored before the first sync"):
            ws.scores(known_at=known_at)


@pytest.mark.slow("syncs and runs whole commands")
def test_no_run_begins_beside_another(ws: cs_sync.Workspace, tmp_path: Path) -> None:
    place = Place(tmp_path)
    until = datetime(2026, 3, 11, tzinfo=UTC)
    place.write_row("UPDATE lease SET holder = 'elsewhere:1:r', expires_at = ?", until)
    with pytest.raises(cs_sync.CsSyncError, match="another run works on this workspace"):
        ws.run(dry_run=True)


@pytest.mark.slow("computes all KPIs and draws the report")
def test_a_run_reports(ws: cs_sync.Workspace) -> None:
    report = ws.run(dry_run=True)
    assert report.summary.status == "ok"
    assert sum(report.bands.values()) == 3, "gamma has left"


def test_wrong_options_say_what_is_right(ws: cs_sync.Workspace) -> None:
    with pytest.raises(cs_sync.ConfigError, match="write it like 2026-01-31"):
        ws.metrics(as_of="soon")
    with pytest.raises(cs_sync.ConfigError, match="neither a day nor"):
        ws.scores(known_at="soon")
    with pytest.raises(cs_sync.ConfigError, match="unknown grain"):
        ws.mrr(grain="decade")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="family_name"):
        ws.metrics(family_name="x")  # type: ignore[call-arg]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(cs_sync.ConfigError, match=r"cs_sync\.toml"):
        cs_sync.open(tmp_path / "cs_sync.toml")


def test_remarks_go_to_the_log(ws: cs_sync.Workspace, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "cs_sync"):
        ws.metrics("cac", "mrr", by=["plan"])
    assert "not split by plan" in caplog.text


@pytest.mark.slow("imports pandas and polars")
def test_a_frame_has_the_types_of_the_rows(ws: cs_sync.Workspace) -> None:
    kpis = ws.metrics("mrr", "nps", "ltv", by=["plan"])
    arrow = kpis.to_arrow()
    kinds = {name: str(arrow.schema.field(name).type) for name in arrow.column_names}
    assert kinds["period_start"] == "date32[day]"
    assert kinds["value"] == kinds["low"] == "double"
    assert kinds["n"] == "int64"
    assert kinds["stale_since"] == "timestamp[us, tz=UTC]"
    assert kinds["segment.plan"] == "string"
    assert arrow.num_rows == len(kpis)
    assert arrow.column("value").to_pylist() == [row.value for row in kpis]


@pytest.mark.slow("syncs and runs whole commands")
def test_scores_in_every_library(ws: cs_sync.Workspace) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    scores = ws.scores()
    frame = scores.to_pandas()
    assert list(frame.columns) == list(AccountScore.__dataclass_fields__)
    assert frame.as_of.iloc[0] == pandas.Timestamp("2026-03-10")
    assert frame.score.dtype == "float64", "a number also where it is unknown"
    assert frame.churn_probability.isna().all()
    inputs = [contribution["input"] for contribution in frame.contributions.iloc[0]]
    assert inputs == [contribution.input for contribution in scores[0].contributions]
    assert scores.to_polars().equals(polars.DataFrame(scores)), "Arrow's own interface"
    assert scores.to_polars()["reasons"].to_list() == [list(row.reasons) for row in scores]


@pytest.mark.slow("imports pandas and polars")
def test_no_rows_keep_their_columns() -> None:
    for kind in (AccountScore, BacktestResult):
        names = frames.Rows(kind, []).to_arrow().column_names
        assert names == list(kind.__dataclass_fields__)
    assert "opening" in frames.Rows(BridgeRow, []).to_pandas().columns


@pytest.mark.slow("syncs and runs whole commands")
def test_a_missing_library_is_named(ws: cs_sync.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(cs_sync.ConfigError, match="needs polars") as caught:
        ws.scores().to_polars()
    assert "pip install polars" in str(caught.value)


def test_a_notebook_shows_rows_as_a_table() -> None:
    row = BridgeRow("<b>", {}, "EUR", date(2026, 1, 1), date(2026, 2, 1), *range(10))
    html = frames.Rows(BridgeRow, [row] * 21)._repr_html_()
    assert html.count("<tr>") == 21
    assert "1 more rows" in html
    assert "&lt;b&gt;" in html


def test_rows_are_a_sequence() -> None:
    row = BridgeRow(None, {}, "EUR", date(2026, 1, 1), date(2026, 2, 1), *range(10))
    several = frames.Rows(BridgeRow, [row, row, row])
    assert (len(several), len(several[1:]), several[-1]) == (3, 2, row)
    assert isinstance(several[1:], frames.Rows)
    assert repr(several) == "3 rows of BridgeRow"


def test_a_row_of_the_backtest() -> None:
    from cs_sync.foresight.gate import Ruling
    from cs_sync.foresight.subjects import JudgedSubject
    from cs_sync.foresight.walk_forward import Course

    judged = JudgedSubject("score", Course("churn", 104), 0, None, 2, Ruling("too little data", 30))
    made = build_backtest_result(judged.build_row(14))
    assert (made.subject, made.horizon_days, made.verdict) == ("score", 90, "too little data")
    assert made.auc is None

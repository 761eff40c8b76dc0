"""What `run` publishes for BI: the figures of the commands, and only what changed."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import text

from cs_sync.store.engine import open_store
from cs_sync.store.views.definitions import VIEWS
from cs_sync_sandbox import Sandbox
from tests.jobs.conftest import acme_in
from tests.jobs.published import FEW, WRITING, company_with_tasks, quiet_run, without_report
from tests.jobs.road import CONFIG, DAY, Place

ROOT = Path(__file__).parents[2]
BI = ROOT / "examples" / "bi"
PANELS: Mapping[str, str] = {
    f"{panel['id']} {panel['title']}": target["rawSql"]
    for panel in json.loads((BI / "grafana.json").read_text("utf-8"))["panels"]
    for target in panel["targets"]
}
QUESTIONS = dict(
    re.findall(r"-- ([^\n]+\?)\n(.+?);\n", (BI / "questions.sql").read_text("utf-8"), re.DOTALL)
)
STATEMENTS = {**PANELS, **QUESTIONS}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The small company after one run; copy it before you change it."""
    place = company_with_tasks(tmp_path_factory.mktemp("bi"))
    with quiet_run():
        assert place.run("run").code == 0
    return place


@pytest.fixture
def place(published: Place, tmp_path: Path) -> Iterator[Place]:
    with quiet_run():
        yield published.copy_to(tmp_path)


@pytest.mark.slow("syncs and runs whole commands")
def test_the_bridge_is_that_of_the_command(published: Place, place: Place) -> None:
    february = "SELECT * FROM cs_mrr_monthly WHERE month = '2026-02-01'"
    [row] = published.select(february)
    assert row["currency"] == "EUR"
    names = ("opening", "new", "expansion", "contraction", "churn", "closing")
    assert [row[name] for name in names] == [350.0, 30.0, 40.0, 25.0, 50.0, 345.0]
    assert [row[f"{name}_minor"] for name in names] == [35_000, 3_000, 4_000, 2_500, 5_000, 34_500]
    printed = place.json("mrr", "--since", "2025-01-01", "--until", "2026-03-01")
    months = published.select("SELECT * FROM cs_mrr_monthly ORDER BY month")
    assert [(m["month"], m["closing_minor"]) for m in months if m["month"] < "2026-03-01"] == [
        (line["period_start"], line["closing"]) for line in printed
    ]


@pytest.mark.slow("syncs and runs whole commands")
def test_kpis_are_those_of_the_command(published: Place, place: Place) -> None:
    wanted = [part for name in FEW for part in ("--metric", name)]
    printed = place.json("metrics", *wanted, "--since", "2026-01-01", "--until", "2026-03-01")
    stored = published.select("SELECT * FROM cs_kpi WHERE period_start >= '2026-01-01'")
    key = ("metric", "period_start", "currency", "dimension_value")
    actual = {tuple(row[name] for name in key): row for row in stored}
    assert len(actual) == len(printed)
    for line in printed:
        of = ", ".join(str(value or "") for value in line["segment"].values()) or None
        row = actual[line["metric"], line["period_start"], line["currency"], of]
        assert (row["n"], row["status"], row["policy"]) == (
            line["n"], line["status"], line["policy"],
        )  # fmt: skip
        if line["unit"] == "money_minor":
            assert (row["unit"], row["value_minor"]) == ("money", line["value"])
            assert row["value"] == (None if line["value"] is None else line["value"] / 100)
        else:
            assert row["value"] == line["value"], line


@pytest.mark.slow("syncs and runs whole commands")
def test_accounts_have_health_and_money_of_today(published: Place) -> None:
    rows = {row["account"]: row for row in published.select("SELECT * FROM cs_account")}
    assert {
        name: (row["mrr"], row["mrr_minor"], row["currency"]) for name, row in rows.items()
    } == {
        "alpha": (240, 24_000, "EUR"),
        "beta": (75, 7_500, "EUR"),
        "gamma": (None, None, None),
        "delta": (30, 3_000, "EUR"),
    }
    scores = {row["account"]: row for row in published.select("SELECT * FROM cs_score_daily")}
    assert scores.keys() == {"alpha", "beta", "delta"}, "gamma is not a customer any more"
    for name, row in scores.items():
        assert (row["score"], row["band"]) == (rows[name]["score"], rows[name]["band"])
    monthly = published.select("SELECT * FROM cs_account_mrr WHERE month = '2026-01-01'")
    assert {row["account"]: row["mrr"] for row in monthly} == {
        "alpha": 200, "beta": 100, "gamma": 50,
    }  # fmt: skip


@pytest.mark.slow("syncs and runs whole commands")
def test_a_second_run_writes_nothing_but_its_time(place: Place) -> None:
    tables = ("kpi", "mrr_month")
    before = {table: place.select(f"SELECT * FROM {table}") for table in tables}
    [first] = place.select("SELECT * FROM cs_freshness")
    assert place.run("run").code == 0
    assert {table: place.select(f"SELECT * FROM {table}") for table in tables} == before
    [second] = place.select("SELECT * FROM cs_freshness")
    assert second["published_at"] > first["published_at"]


@pytest.mark.slow("syncs and runs whole commands")
def test_what_changed_is_written_and_what_is_no_more_is_deleted(place: Place) -> None:
    nps = "SELECT * FROM cs_kpi WHERE metric = 'nps' AND period_start = '2026-02-01'"
    [before] = place.select(nps)
    place.write_row("UPDATE kpi SET value = 99 WHERE metric = 'nps'")
    place.write_row(
        "INSERT INTO kpi SELECT metric, period_start, 'USD', dimension_value, period_end,"
        " dimension, value, unit, numerator, denominator, n, low, high, status, stale_since,"
        " changed_at"
        " FROM kpi WHERE metric = 'mrr' AND currency = 'EUR'"
    )
    place.write_row("UPDATE mrr_month SET closing = 1 WHERE month = '2026-02-01'")
    assert place.run("run").code == 0
    [after] = place.select(nps)
    assert after["value"] == before["value"]
    assert after["changed_at"] > before["changed_at"]
    assert place.select("SELECT * FROM kpi WHERE currency = 'USD'") == []
    [month] = place.select("SELECT closing FROM mrr_month WHERE month = '2026-02-01'")
    assert month["closing"] == 34_500


@pytest.mark.slow("syncs and runs whole commands")
def test_figures_of_another_policy_are_not_mixed(place: Place) -> None:
    place.write_row(
        "INSERT INTO kpi SELECT metric, '2020-01-01', currency, dimension_value, period_end,"
        " dimension, value, unit, numerator, denominator, n, low, high, status, stale_since,"
        " changed_at FROM kpi WHERE metric = 'mrr' AND period_start = '2026-02-01'"
    )
    place.configure(CONFIG + WRITING + '    [metrics]\n    policy = "stripe"\n')
    assert place.run("run").code == 0
    policies = place.select("SELECT DISTINCT policy FROM cs_kpi")
    assert policies == place.select("SELECT policy FROM cs_freshness")
    assert place.select("SELECT * FROM cs_kpi WHERE period_start = '2020-01-01'") == []


@pytest.mark.slow("syncs and runs whole commands")
def test_earlier_months_are_published_on_request(place: Place) -> None:
    line = ("metrics", "--since", "2025-06-01", "--until", "2025-08-01", "--metric", "arpa")
    wanted = (
        "SELECT period_start, value_minor FROM cs_kpi"
        " WHERE metric = 'arpa' AND period_start < '2025-08-01'"
    )
    place.write_row("DELETE FROM kpi WHERE period_start < '2025-08-01'")
    printed = place.json(*line)
    assert place.select(wanted) == []
    assert place.json(*line, "--publish") == printed
    assert place.select(wanted) == [
        {"period_start": row["period_start"], "value_minor": row["value"]} for row in printed
    ]
    ran = place.run("metrics", "--publish", "--by", "plan")
    assert ran.code == 2
    assert "--publish stores whole months" in ran.messages


def test_tests_and_merged_accounts_are_left_out(place: Place) -> None:
    place.write_row("UPDATE account SET is_test = 1 WHERE id = 'alpha'")
    place.write_row("UPDATE account SET merged_into = 'delta' WHERE id = 'beta'")
    place.write_row("UPDATE follow_up SET account_id = 'beta'")
    for view in ("cs_account", "cs_account_mrr", "cs_score_daily"):
        actual = {row["account"] for row in place.select(f"SELECT account FROM {view}")}
        assert actual <= {"gamma", "delta"}, view
    follow_ups = place.select("SELECT DISTINCT account, name FROM cs_follow_up")
    assert follow_ups == [{"account": "delta", "name": "Delta"}], "they go on with the survivor"


@pytest.mark.slow("syncs and runs whole commands")
def test_who_was_forgotten_is_in_no_view(place: Place) -> None:
    place.write_row("UPDATE follow_up SET title = 'Call cleo@beta.example', assignee = NULL")
    wrote = '["cleo@beta.example wrote"]'
    place.write_row("UPDATE health_score SET reasons = ? WHERE account_id = 'beta'", wrote)
    condition = "rowid = (SELECT MIN(rowid) FROM kpi WHERE dimension <> '')"
    place.write_row(f"UPDATE kpi SET dimension_value = 'cleo@beta.example' WHERE {condition}")
    views = [
        row["name"] for row in place.select("SELECT name FROM sqlite_master WHERE type = 'view'")
    ]
    seen = {view for view in views if "cleo@" in str(place.select(f"SELECT * FROM {view}"))}
    assert seen == {"cs_follow_up", "cs_score_daily", "cs_kpi"}
    assert place.run("forget", "cleo@beta.example").code == 0
    assert [view for view in views if "cleo" in str(place.select(f"SELECT * FROM {view}"))] == []


PANEL_OPTIONS = {
    "barchart": {"xField", "stacking"},
    "piechart": {"reduceOptions"},
    "stat": {"reduceOptions"},
    "table": set[str](),
    "timeseries": set[str](),
}
"""Types of panels and the options that we set, as `@grafana/schema` 13.2 has them."""


def test_panels_are_of_the_types_that_grafana_publishes() -> None:
    """The whole file was compiled against those types once; these are the facts it depends on."""
    board = json.loads((BI / "grafana.json").read_text("utf-8"))
    for panel in board["panels"]:
        assert panel["options"].keys() <= PANEL_OPTIONS[panel["type"]], panel["title"]
        assert panel["fieldConfig"].keys() == {"defaults", "overrides"}
        refs = [target["refId"] for target in panel["targets"]]
        assert len(refs) == len(set(refs)) > 0
        for target in panel["targets"]:
            assert target["rawQuery"]
            assert target["format"] in ("table", "time_series")
        reduced = panel["options"].get("reduceOptions", {"calcs": ["lastNotNull"]})
        assert reduced.keys() <= {"calcs", "fields", "limit", "values"}
        if axis := panel["options"].get("xField"):
            assert f" AS {axis}" in panel["targets"][0]["rawSql"]


def test_the_dashboard_can_be_imported() -> None:
    """One data source, asked for at the import; panels with own ids, side by side and not over."""
    board = json.loads((BI / "grafana.json").read_text("utf-8"))
    [source] = board["__inputs"]
    assert source["pluginId"] in {required["id"] for required in board["__requires"]}
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {
            (place["x"] + across, place["y"] + down)
            for across in range(place["w"])
            for down in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"]["uid"] == f"${{{source['name']}}}"
        if any(target["format"] == "time_series" for target in panel["targets"]):
            assert panel["type"] == "timeseries"
            for target in panel["targets"]:
                assert " AS time," in target["rawSql"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_of_the_examples_runs(name: str, published: Place) -> None:
    rows = published.select(STATEMENTS[name])
    assert rows, "an empty panel proves nothing"


@pytest.mark.slow("imports a parser of SQL")
def test_every_column_of_the_examples_is_one_of_a_view() -> None:
    """Of PostgreSQL, as the dashboard asks: SQLite takes an unknown name in quotes for a text."""
    import sqlglot
    from sqlglot.errors import OptimizeError
    from sqlglot.optimizer.qualify import qualify

    columns: dict[str, object] = {view.name: dict.fromkeys(view.columns, "text") for view in VIEWS}

    def resolve(statement: str) -> None:
        parsed = sqlglot.parse_one(statement, read="postgres")
        qualify(parsed, schema=columns, dialect="postgres")

    for statement in STATEMENTS.values():
        resolve(statement)
    with pytest.raises(OptimizeError, match="no_column"):
        resolve('SELECT "no_column" FROM cs_account')


@pytest.mark.slow("runs all of Acme")
def test_every_statement_shows_something_of_acme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_report(monkeypatch)
    with Sandbox(seed=7, today=DAY, accounts=16, limits=False) as box:
        place = acme_in(tmp_path, box)
        assert place.run("run", "--yes").code in (0, 3)
    empty = [name for name, statement in STATEMENTS.items() if not place.select(statement)]
    assert set(empty) <= {"Why do customers leave?"}, "so small a company may keep everybody"


def test_every_statement_runs_on_postgresql(
    postgres_workspace: str, tmp_path: Path, published: Place
) -> None:
    database = f"""
    [database]
    url = "{postgres_workspace}"
    schema = "bi"
    """
    place = company_with_tasks(tmp_path, database)
    with quiet_run():
        assert place.run("run").code == 0
    store = open_store(postgres_workspace, "bi")
    with store.read() as connection:
        for name, statement in STATEMENTS.items():
            rows = connection.execute(text(statement)).all()
            assert len(rows) == len(published.select(statement)), name
        amounts = "SELECT account, mrr_minor, mrr FROM cs_account ORDER BY account"
        actual = connection.execute(text(amounts)).all()
    store.close()
    plain = [(a, minor, None if mrr is None else float(mrr)) for a, minor, mrr in actual]
    assert plain == [tuple(row.values()) for row in published.select(amounts)]

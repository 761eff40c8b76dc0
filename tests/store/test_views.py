"""The views for BI outlive migrations, with grants and with what others built on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateView

from cs_sync.store import migrate as migrating
from cs_sync.store.engine import Store, open_store
from cs_sync.store.migrate import migrate_schema
from cs_sync.store.queries.published import save_kpis, save_mrr_months, save_publication
from cs_sync.store.views.create import create_views
from cs_sync.store.views.definitions import VIEWS
from cs_sync.store.views.digest import DIGEST
from cs_sync.store.views.document import render_page
from tests.conftest import NOW

PAGE = Path(__file__).parents[2] / "docs" / "bi.md"
STABLE = {
    "cs_kpi": (
        "metric period_start period_end dimension dimension_value currency unit value value_minor"
        " low high numerator denominator n status stale_since policy changed_at"
    ),
    "cs_mrr_monthly": (
        "month currency opening new reactivation expansion contraction churn fx restatement closing"
        " opening_minor new_minor reactivation_minor expansion_minor contraction_minor churn_minor"
        " fx_minor restatement_minor closing_minor policy changed_at"
    ),
    "cs_account": (
        "account name domain external_key owner owner_email attributes created_at mrr mrr_minor"
        " currency mrr_currencies score band coverage as_of"
    ),
    "cs_account_mrr": "month account currency mrr mrr_minor",
    "cs_score_daily": "day account name score band coverage reasons model computed_at",
    "cs_follow_up": (
        "key account name playbook title why priority kind state due_at created_at opened_at"
        " ended_at owner assignee score band"
    ),
    "cs_freshness": "run_id published_at day policy mode timezone currency",
}
"""What dashboards rest on: append to a view, never rename or remove."""
PUBLICATION = {
    "run_id": "r", "published_at": NOW, "day": NOW.date(), "policy": "p", "mode": "weighted",
    "timezone": "UTC", "currency": "EUR",
}  # fmt: skip


def test_columns_are_only_ever_appended() -> None:
    assert {view.name for view in VIEWS} >= STABLE.keys()
    for view in VIEWS:
        named = STABLE.get(view.name, "").split()
        assert list(view.columns)[: len(named)] == named, view.name


def test_every_column_has_a_meaning() -> None:
    for view in VIEWS:
        assert all(column.meaning for column in view.columns.values()), view.name


def test_the_data_dictionary_is_that_of_the_views() -> None:
    made = render_page()
    assert PAGE.read_text("utf-8").rstrip() == made.rstrip(), (
        "run python -m cs_sync.store.views.document > docs/bi.md"
    )


def list_views(store: Store) -> set[str]:
    with store.read() as connection:
        return set(inspect(connection).get_view_names())


def test_a_database_has_them_before_the_first_run(store: Store) -> None:
    assert list_views(store) >= STABLE.keys()
    with store.read() as connection:
        for view in VIEWS:
            assert connection.execute(text(f"SELECT * FROM {view.name}")).all() == []


@contextmanager
def old_database(request: pytest.FixtureRequest, folder: Path, backend: str) -> Iterator[Store]:
    """A database of the first revision."""
    if backend == "sqlite":
        store = open_store(f"sqlite:///{folder / 'old.db'}")
    else:
        store = open_store(request.getfixturevalue("postgres_workspace"), "with_views")
    config = migrating._build_alembic_config()
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    yield store
    store.close()


@pytest.mark.slow("runs whole commands")
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_somebodys_own_views_outlive_a_migration(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with old_database(request, tmp_path, backend) as store:
        with store.write() as connection:
            for table in ("source_account", "account_attribute", "account", "ticket"):
                connection.execute(text(f"CREATE VIEW my_{table} AS SELECT * FROM {table}"))
        migrate_schema(store, NOW)
        assert list_views(store) >= {"my_account", "my_ticket", *STABLE}
        with store.read() as connection:
            assert connection.execute(text("SELECT * FROM my_account_attribute")).all() == []


def test_the_digest_is_that_of_the_definitions() -> None:
    parts = [
        (
            str(CreateView(view.build_statement(), view.name)),
            view.purpose,
            [column.meaning for column in view.columns.values()],
        )
        for view in VIEWS
    ]
    digest = sha256(repr(parts).encode()).hexdigest()[:16]
    assert digest == DIGEST, "write it to cs_sync/store/views/digest.py"


def test_a_run_leaves_the_views_of_its_version_alone(store: Store) -> None:
    """To make them anew would lock out whoever reads them, every time."""
    with store.write() as connection:
        save_publication(connection, PUBLICATION)
        connection.execute(text("DROP VIEW cs_freshness"))
    with store.write() as connection:
        save_publication(connection, PUBLICATION)
    assert "cs_freshness" not in list_views(store)
    with store.write() as connection:
        create_views(connection)


def test_a_run_mends_views_of_an_older_version(store: Store) -> None:
    with store.write() as connection:
        save_publication(connection, PUBLICATION)
        connection.execute(text("DROP VIEW cs_freshness"))
        connection.execute(text("UPDATE publication SET views = 'older'"))
    with store.write() as connection:
        save_publication(connection, PUBLICATION)
        assert connection.scalar(text("SELECT views FROM publication")) == DIGEST
        assert connection.scalar(text("SELECT run_id FROM cs_freshness")) == "r"


@pytest.mark.parametrize("backend", ["postgresql"])
def test_who_may_read_the_views_may_read_nothing_else(
    backend: str, postgres_workspace: str
) -> None:
    store = open_store(postgres_workspace, "granted")
    migrate_schema(store, NOW)
    names = ", ".join(f"granted.{view.name}" for view in VIEWS)
    with store.write() as connection:
        for statement in (
            "DROP ROLE IF EXISTS bi_reader",
            "CREATE ROLE bi_reader LOGIN PASSWORD 'x'",
            "GRANT USAGE ON SCHEMA granted TO bi_reader",
            f"GRANT SELECT ON {names} TO bi_reader",
            "CREATE VIEW own AS SELECT count(*) AS n FROM cs_account",
        ):
            connection.execute(text(statement))
        create_views(connection)
    url = make_url(postgres_workspace).set(username="bi_reader", password="x")
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        for view in VIEWS:
            connection.execute(text(f"SELECT * FROM granted.{view.name}"))
        with pytest.raises(Exception, match="permission denied"):
            connection.execute(text("SELECT * FROM granted.account"))
    with store.write() as connection:
        meaning = "SELECT col_description('granted.cs_account'::regclass, 1)"
        assert connection.scalar(text(meaning)) == "Id of the account, in all views."
        connection.execute(text("DROP OWNED BY bi_reader"))
        connection.execute(text("DROP ROLE bi_reader"))
        connection.execute(text("DROP VIEW own"))
    store.close()


def test_amounts_are_in_units_of_their_currency(store: Store) -> None:
    amounts: dict[str, tuple[int, float]] = {
        "EUR": (12_345, 123.45), "JPY": (12_345, 12_345), "KWD": (12_345, 12.345),
    }  # fmt: skip
    zero: dict[str, Any] = dict.fromkeys(
        ("opening", "new", "reactivation", "expansion", "contraction", "churn", "fx",
         "restatement"), 0,
    )  # fmt: skip
    with store.write() as connection:
        save_publication(connection, PUBLICATION)
        row = {"month": NOW.date(), "ends_at": NOW, "changed_at": NOW, **zero}
        save_mrr_months(
            connection,
            [{**row, "currency": code, "closing": n} for code, (n, _) in amounts.items()],
            NOW.date(),
        )
        actual = connection.execute(
            text("SELECT currency, closing, closing_minor FROM cs_mrr_monthly")
        ).all()
    assert {code: (minor, float(closing)) for code, closing, minor in actual} == amounts


def test_an_instant_is_written_as_people_read_it(store: Store) -> None:
    at = NOW.replace(microsecond=250_000)
    with store.write() as connection:
        save_publication(connection, {**PUBLICATION, "published_at": at})
        (actual,) = connection.scalars(text("SELECT published_at FROM cs_freshness"))
    assert f"{actual}".startswith(f"{at:%Y-%m-%d %H:%M:%S.25}")


def test_what_has_no_row_any_more_is_deleted_where_the_rows_are_all(store: Store) -> None:
    kpi = {
        "currency": "", "period_end": NOW.date(), "dimension": "reason", "value": 1.0,
        "unit": "count", "numerator": 1.0, "denominator": None, "n": 1, "low": None, "high": None,
        "status": "final", "stale_since": None, "changed_at": NOW,
    }  # fmt: skip
    months = [NOW.date().replace(month=month, day=1) for month in (9, 10)]
    rows = [
        {**kpi, "metric": metric, "period_start": month, "dimension_value": "price"}
        for metric in ("churn_by_reason", "goals")
        for month in months
    ]
    left = "SELECT metric, period_start FROM kpi ORDER BY metric, period_start"
    with store.write() as connection:
        save_kpis(connection, rows, months[0], lambda _metric, _month: True)
        save_kpis(connection, [], months[1], lambda metric, _month: metric == "goals")
        kept = connection.execute(text(left)).all()
    names = [(row.metric, str(row.period_start)) for row in kept]
    assert names == [
        ("churn_by_reason", "2026-09-01"), ("churn_by_reason", "2026-10-01"),
        ("goals", "2026-09-01"),
    ]  # fmt: skip
    with store.write() as connection:
        save_mrr_months(connection, [], months[0])
        assert connection.execute(text("SELECT * FROM mrr_month")).all() == []

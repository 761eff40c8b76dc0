"""Bringing a database up to date: newer ones are refused, older ones kept beside the new."""

import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from alembic import command
from sqlalchemy import (
    Column,
    Connection,
    Date,
    Select,
    String,
    Table,
    TableClause,
    bindparam,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.types import TypeEngine
from sqlmodel import UTCDateTime

from cs_sync.contracts.errors import StoreError
from cs_sync.contracts.source import Page
from cs_sync.store import migrate as migrating
from cs_sync.store.engine import Store, open_store
from cs_sync.store.migrate import migrate_schema
from cs_sync.store.views.create import create_views
from cs_sync_schemas import Lease, get_seen, get_table
from cs_sync_schemas.digests import Digest
from cs_sync_schemas.migrations import HEAD, LOCATION
from cs_sync_schemas.packed import PackedText
from cs_sync_schemas.tables import METADATA, MRR_SPAN, OWNER, SCORE_BAND
from cs_sync_schemas.times import Instant
from tests.conftest import NOW, Clock, migrated_sqlite
from tests.postgres import WORKSPACES, fresh_database
from tests.sync.scripted import stream, tickets
from tests.sync.test_engine import living, run

SPAN, BAND = MRR_SPAN, SCORE_BAND
EMPTIED = "0017", "kept_result"
"""A revision, and the table that it empties: what is kept there is computed again."""
OLD_REVISIONS = sorted((LOCATION / "versions").glob("[0-9]*.py"))
ONE = stream(lambda _window: iter([Page(tickets("1"))]))
NEXT = '''
    """A later schema."""

    from alembic import op

    revision, down_revision = "next", "{head}"
    branch_labels = depends_on = None

    def upgrade():
        op.execute("CREATE TABLE later (id INTEGER)")
        {also}
'''


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A database of its own on each: what these tests do to one is of no use to others."""
    if request.param == "sqlite":
        with migrated_sqlite(tmp_path) as opened:
            yield opened
    else:
        with fresh_database(request.getfixturevalue("postgres")) as url:
            opened = open_store(url, WORKSPACES[0])
            yield opened
            opened.close()


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This cs-sync with one migration more; the file of that migration."""
    folder = tmp_path / "migrations"
    shutil.copytree(LOCATION, folder)
    actual = folder / "versions" / "next.py"
    actual.write_text(dedent(NEXT.format(head=HEAD, also="")), encoding="utf-8")
    monkeypatch.setattr(migrating, "LOCATION", folder)
    monkeypatch.setattr(migrating, "HEAD", "next")
    return actual


def revision(store: Store) -> str:
    with store.read() as connection:
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


def has_later(store: Store) -> bool:
    with store.read() as connection:
        return inspect(connection).has_table("later")


def test_a_newer_database_is_refused_and_left_alone(store: Store, clock: Clock) -> None:
    run(store, clock, ONE)
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of 2031'"))
    with pytest.raises(StoreError, match="of 2031") as caught:
        migrate_schema(store, NOW)
    assert "upgrade cs-sync; nothing was changed" in str(caught.value)
    assert revision(store) == "of 2031"
    assert living(store) == ["1"]


@pytest.mark.slow("upgrades a database of each revision")
def test_an_older_database_is_brought_up_to_date(store: Store, clock: Clock, later: Path) -> None:
    run(store, clock, ONE)
    backup = migrate_schema(store, NOW)
    assert has_later(store)
    assert revision(store) == "next"
    assert living(store) == ["1"]
    assert migrate_schema(store, NOW) is None, "once is enough"
    if store.engine.dialect.name != "sqlite":
        assert backup is None, "PostgreSQL has tools of its own for that"
        return
    assert backup is not None
    assert HEAD in backup.name
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with closing(sqlite3.connect(backup)) as kept:
        assert kept.execute("SELECT source_id FROM ticket").fetchall() == [("1",)]
        assert kept.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)


def test_a_migration_that_fails_changes_nothing(store: Store, clock: Clock, later: Path) -> None:
    run(store, clock, ONE)
    broken = NEXT.format(head=HEAD, also='op.execute("CREATE TABLE ticket (id INTEGER)")')
    later.write_text(dedent(broken), encoding="utf-8")
    with pytest.raises(StoreError, match="exists"):
        migrate_schema(store, NOW)
    assert revision(store) == HEAD
    assert not has_later(store)
    assert living(store) == ["1"]


@pytest.mark.slow("upgrades a database of each revision")
@pytest.mark.parametrize("revision", [path.name[:4] for path in OLD_REVISIONS])
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_a_database_of_every_older_revision_upgrades_and_keeps_its_rows(
    revision: str, backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with ExitStack() as stack:
        if backend == "sqlite":
            store = open_store(f"sqlite:///{tmp_path / 'old.db'}")
        else:
            schema = f"revision_{revision}"
            store = open_store(request.getfixturevalue("postgres_workspace"), schema)
        stack.callback(store.close)
        config = migrating._build_alembic_config()
        with store.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            old = inspect(connection)
            tables = [
                shrink(table, connection, revision)
                for table in METADATA.sorted_tables
                if old.has_table(table.name)
            ]
            for table in tables:
                connection.execute(insert(table).values(make_row(table)))
            emptied = [EMPTIED[1]] if revision < EMPTIED[0] and old.has_table(EMPTIED[1]) else []
            kept = [table for table in tables if table.name not in emptied]
            before = {table.name: read_rows(connection, table) for table in kept}
        migrate_schema(store, NOW)
        with store.write() as connection:
            config.attributes["connection"] = connection
            command.check(config)
            now = [shrink(METADATA.tables[table.name], connection, HEAD) for table in kept]
            after = {
                table.name: read_rows(connection, select(*(table.c[c.name] for c in old.c)))
                for table, old in zip(now, kept, strict=True)
            }
            assert after == before
            for name in emptied:
                assert connection.execute(select(METADATA.tables[name])).all() == []
            assert connection.scalar(text("SELECT version_num FROM alembic_version")) == HEAD


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param("sqlite", marks=pytest.mark.slow("runs every revision")),
        pytest.param("postgresql", marks=pytest.mark.slow("creates two schemas")),
    ],
)
def test_created_at_once_is_what_all_revisions_lead_to(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if backend == "sqlite":
        stores = [open_store(f"sqlite:///{tmp_path / name}.db") for name in ("new", "old")]
    else:
        url = request.getfixturevalue("postgres_workspace")
        stores = [open_store(url, name) for name in ("created", "upgraded")]
    created, upgraded = stores
    migrate_schema(created, NOW)
    config = migrating._build_alembic_config()
    with upgraded.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)
        create_views(connection)
    assert describe_schema(created) == describe_schema(upgraded)
    for opened in stores:
        opened.close()


def describe_schema(store: Store) -> dict[str, Any]:
    """Tables and views, with all that the database says of them, in no order."""
    with store.read() as connection:
        inspector = inspect(connection)
        described: dict[str, Any] = {
            table: {
                "columns": {
                    column["name"]: (repr(column["type"]), column["nullable"], column["default"])
                    for column in inspector.get_columns(table)
                },
                "key": inspector.get_pk_constraint(table),
                "indexes": sorted(map(str, inspector.get_indexes(table))),
                "unique": sorted(map(str, inspector.get_unique_constraints(table))),
                "foreign": sorted(map(str, inspector.get_foreign_keys(table))),
                "checks": sorted(map(str, inspector.get_check_constraints(table))),
            }
            for table in inspector.get_table_names()
        }
        views = {view: inspector.get_view_definition(view) for view in inspector.get_view_names()}
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
        by_key = list_tables_without_rowids(connection)
    return described | {"views": views, "version": version, "by key": by_key}


def list_tables_without_rowids(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []
    named = "SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%' ORDER BY name"
    return list(connection.scalars(text(named)))


def shrink(table: Table, connection: Connection, revision: str) -> TableClause:
    """The table with the columns that the database has at its revision."""
    names = {column["name"] for column in inspect(connection).get_columns(table.name)}
    columns = [column for column in table.columns if column.name in names]
    return sql_table(table.name, *(sql_column(c.name, type_at(c, revision)) for c in columns))


def type_at(column: Column[Any], revision: str) -> TypeEngine[Any]:
    """The type of a column at a revision: what was text before it."""
    if revision < "0011" and isinstance(column.type, PackedText):
        return String()
    if revision < "0010" and isinstance(column.type, Instant | Digest):
        return UTCDateTime() if isinstance(column.type, Instant) else String()
    return column.type


def make_row(table: TableClause) -> dict[str, Any]:
    """A value for every column, none of them empty and each another one."""
    return {
        column.name: make_value(column.type, number, f"{table.name}.{column.name}")
        for number, column in enumerate(table.columns, start=1)
    }


def make_value(kind: Any, number: int, name: str) -> Any:
    match type(kind).__name__:
        case _ if name.endswith(".row_hash"):
            return f"{number:016x}"
        case "AutoString" | "String" | "PackedText":
            return name
        case "Integer" | "BigInteger":
            return number
        case "Boolean":
            return True
        case "Float":
            return number / 8
        case "ExactDecimal":
            return Decimal(number) / 3
        case "JSON":
            return {name: [number, None]}
        case "Date":
            return NOW.date() - timedelta(days=number)
        case "Instant" | "UTCDateTime":
            return NOW - timedelta(days=number)
    raise AssertionError(f"no sample value for columns of type {kind!r}: add one")


def read_rows(connection: Connection, table: TableClause | Select[Any]) -> list[dict[str, Any]]:
    statement = table if isinstance(table, Select) else select(table)
    rows = [row._asdict() for row in connection.execute(statement)]
    assert len(rows) == 1
    assert None not in rows[0].values()
    return rows


@pytest.mark.slow("upgrades a database of each revision")
@pytest.mark.parametrize(
    ("text_before", "number"),
    [
        ("2026-11-29 11:33:36.958346", 1_795_952_016_958_346),
        ("2026-11-29 11:33:36", 1_795_952_016_000_000),
        ("1969-12-31 23:59:59.250000", -750_000),
        ("9999-01-01 00:00:00.000000", 253_370_764_800_000_000),
    ],
)
def test_instants_that_were_text_become_numbers_and_text_again(
    text_before: str, number: int, tmp_path: Path
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'old.db'}")
    config = migrating._build_alembic_config()
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0009")
        connection.execute(
            text("INSERT INTO lease VALUES ('workspace', 'h', 7, :at)"), {"at": text_before}
        )
        command.upgrade(config, "0010")
        assert connection.scalar(text("SELECT expires_at FROM lease")) == number
        assert connection.scalar(select(get_table(Lease).c.expires_at)) == datetime.fromisoformat(
            f"{text_before}+00:00"
        )
        command.downgrade(config, "0009")
        written = text_before if "." in text_before else f"{text_before}.000000"
        assert connection.scalar(text("SELECT expires_at FROM lease")) == written
    store.close()


@pytest.mark.slow("upgrades a database of each revision")
def test_mrr_loses_its_row_ids_and_gets_them_again(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'old.db'}")
    config = migrating._build_alembic_config()
    ends = (("2", NOW), ("1", None))
    spans = select(*(SPAN.c[name] for name in ("account_id", "known_to"))).order_by(SPAN.c.amount)
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0015")
        indexes = sorted(map(str, inspect(connection).get_indexes("mrr_span")))
        for number, (account, known_to) in enumerate(ends):
            row = make_row(sql_table("mrr_span", *(sql_column(c.name, c.type) for c in SPAN.c)))
            row |= {"account_id": account, "known_to": known_to, "amount": number}
            connection.execute(insert(SPAN).values(row))
        for target, by_key in (("0016", ["mrr_movement", "mrr_span"]), ("0015", [])):
            getattr(command, "upgrade" if by_key else "downgrade")(config, target)
            assert list_tables_without_rowids(connection) == by_key
            assert list_rows(connection, spans) == list(ends)
        assert sorted(map(str, inspect(connection).get_indexes("mrr_span"))) == indexes
    store.close()


@pytest.mark.slow("upgrades a database of each revision")
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_records_forget_what_says_nothing_and_know_it_again(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A time of sight is empty where it is that of the change; of a digest half is kept."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if backend == "postgresql":
        url = request.getfixturevalue("postgres_workspace")
    store = open_store(url, None if backend == "sqlite" else "smaller_records")
    early, now = NOW - timedelta(days=2), NOW
    config = migrating._build_alembic_config()
    digest = "0123456789abcdef" * 2
    stored = bytes.fromhex(digest) if backend == "sqlite" else digest
    names = "source_id", "first_seen_at", "last_seen_at", "changed_at"
    seen = select(*(OWNER.c[name] for name in names)).order_by(OWNER.c.source_id)
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0013")
        row = "INSERT INTO owner VALUES ('crm', :id, NULL, :first, :last, :at, NULL, :hash, NULL"
        rows = text(f"{row}, 'Ann', NULL, :active)").bindparams(
            *(bindparam(name, type_=Instant()) for name in ("first", "last", "at"))
        )
        for id_, first, last in (("1", now, now), ("2", early, now), ("3", early, early)):
            values = {"id": id_, "first": first, "last": last, "at": now, "hash": stored}
            connection.execute(rows, values | {"active": True})
        before = list_rows(connection, seen)
        command.upgrade(config, "0014")
        assert list_rows(connection, seen) == [
            ("1", None, None, now), ("2", early, None, now), ("3", early, early, now)
        ]  # fmt: skip
        assert set(connection.scalars(select(OWNER.c.row_hash))) == {digest[:16]}
        full = [get_seen(OWNER, name) for name in ("first_seen_at", "last_seen_at")]
        known = select(OWNER.c.source_id, *full, OWNER.c.changed_at).order_by(OWNER.c.source_id)
        assert list_rows(connection, known) == before
        command.downgrade(config, "0013")
        assert list_rows(connection, seen) == before
    store.close()


@pytest.mark.slow("upgrades a database of each revision")
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_bands_are_found_in_the_scores_that_are_stored(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if backend == "postgresql":
        url = request.getfixturevalue("postgres_workspace")
    store = open_store(url, None if backend == "sqlite" else "bands_of_scores")
    config = migrating._build_alembic_config()
    row = "INSERT INTO health_score VALUES (:account, :day, :mode, 'm', :at, 50, :band, 1"
    scores = text(f"{row}, '[]', '[]')").bindparams(
        bindparam("at", type_=Instant()), bindparam("day", type_=Date())
    )
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0017")
        for account, path in (("a", ("red", "red", "green", "red")), ("b", ("green", "green"))):
            for ago, band in enumerate(reversed(path)):
                values = {"account": account, "day": NOW.date() - timedelta(days=ago), "at": NOW}
                for mode in ("weighted", "points"):
                    connection.execute(scores, {**values, "mode": mode, "band": band})
        command.upgrade(config, "0018")
        bands = select(BAND.c.account_id, BAND.c.since, BAND.c.band).order_by(*BAND.c)
        expected = [("a", 3, "red"), ("a", 1, "green"), ("a", 0, "red"), ("b", 1, "green")]
        assert list_rows(connection, bands.where(BAND.c.mode == "points")) == [
            (account, NOW.date() - timedelta(days=ago), band) for account, ago, band in expected
        ]
        assert len(list_rows(connection, bands)) == 2 * len(expected)
        command.downgrade(config, "0017")
        assert not inspect(connection).has_table("score_band")
    store.close()


def list_rows(connection: Connection, statement: Select[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(statement)]

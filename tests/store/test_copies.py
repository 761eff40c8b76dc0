"""Copies of an export at a URL: all rows, what is refused, and what readers see meanwhile."""

import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, make_url, select, text, update
from sqlalchemy.pool import NullPool

from cs_sync.contracts.errors import ConfigError, StoreError
from cs_sync.export import to_postgresql
from cs_sync.export.export import list_exported_tables
from cs_sync.export.to_url import export_to_url
from cs_sync.store.engine import Store
from cs_sync.store.engines.copies import open_copy, parse_copy_url
from cs_sync.store.engines.mark import MARK
from cs_sync.store.queries.tables import fill_column
from cs_sync_schemas import SubscriptionItem
from cs_sync_schemas.migrations import HEAD
from tests.conftest import NOW
from tests.metrics.conftest import Ledger

LATER = NOW + timedelta(days=1)


@pytest.fixture
def books(sqlite_store: Store) -> Ledger:
    ledger = Ledger()
    ledger.engine.dispose()
    ledger.engine = sqlite_store.engine
    for name in "ab":
        ledger.account(name, attributes={"plan": "pro", "seats": 3, "note": "tab\tline\n\\N '\""})
        ledger.person(f"{name}-p", f"{name}-c", name)
    prices = {"subscription_source_id": "a", "quantity": "4", "unit_amount": "0.000000000001"}
    ledger.add(SubscriptionItem, {**prices, "source_id": "i", "valid_from": NOW})
    return ledger


SLOW = pytest.mark.slow("exports all tables; a file for its owner alone shows a copy quickly")
BOTH = pytest.mark.parametrize(
    "url", ["postgresql", pytest.param("duckdb", marks=SLOW)], indirect=True
)


@pytest.fixture(params=["postgresql", "duckdb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where nothing stands yet."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("schema_url"))
    pytest.importorskip("duckdb", reason="the extra duckdb is optional")
    pytest.importorskip("pyarrow", reason="the extra parquet is optional")
    return f"duckdb:///{tmp_path / 'copy.duckdb'}"


@pytest.fixture
def schema_url(postgres: str) -> str:
    query = {"schema": f"copy_{uuid4().hex}"}
    return make_url(postgres).update_query_dict(query).render_as_string(hide_password=False)


@pytest.fixture
def server(postgres: str, schema_url: str) -> Iterator[Engine]:
    """What somebody else does in the schema."""
    schema = make_url(schema_url).query["schema"]
    options = {"options": f"-csearch_path={schema}"}
    engine = create_engine(postgres, connect_args=options, poolclass=NullPool)
    yield engine
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))


def _export(books: Ledger, url: str) -> list[dict[str, Any]]:
    return export_to_url(Store(books.engine), url, NOW)


def _list_rows(store: Store) -> dict[str, list[dict[str, Any]]]:
    with store.read() as connection:
        return {
            table.name: [
                dict(row)
                for row in connection.execute(
                    select(*map(fill_column, table.c)).order_by(*table.primary_key)
                ).mappings()
            ]
            for table in list_exported_tables()
        }


def _list_accounts(url: str) -> list[str]:
    store, _ = open_copy(url)
    accounts = [row["id"] for row in _list_rows(store)["account"]]
    store.close()
    return accounts


@BOTH
def test_a_copy_has_every_row_and_says_of_when(books: Ledger, url: str) -> None:
    counts = _export(books, url)
    store, manifest = open_copy(url)
    copied = _list_rows(store)
    store.close()
    assert copied == _list_rows(Store(books.engine))
    assert {row["table"]: row["rows"] for row in counts} == {k: len(v) for k, v in copied.items()}
    assert len(copied["account"]) == 2
    assert (manifest.schema, manifest.exported_at) == (HEAD, NOW)


@BOTH
def test_a_further_export_replaces_the_earlier_one(books: Ledger, url: str) -> None:
    _export(books, url)
    with books.engine.begin() as connection:
        connection.execute(text("DELETE FROM account WHERE id = 'a'"))
    books.account("c")
    export_to_url(Store(books.engine), url, LATER)
    assert _list_accounts(url) == ["b", "c"]
    store, manifest = open_copy(url)
    store.close()
    assert manifest.exported_at == LATER


@BOTH
def test_a_copy_cannot_be_written(books: Ledger, url: str) -> None:
    _export(books, url)
    store, _ = open_copy(url)
    with pytest.raises(StoreError), store.read() as connection:
        connection.execute(text("DELETE FROM account"))
    store.close()
    assert _list_accounts(url) == ["a", "b"]


def test_where_no_export_stands_is_said(url: str) -> None:
    with pytest.raises(ConfigError, match=r"(holds no export|there is no file)[^→]*→ run `cs-sync"):
        open_copy(url)


def test_a_file_is_for_its_owner_alone(books: Ledger, tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="the extra duckdb is optional")
    file = tmp_path / "own" / "it's one.duckdb"
    file.parent.mkdir()
    _export(books, f"duckdb:///{file}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    store, manifest = open_copy(f"duckdb:///{file}")
    with store.read() as connection:
        assert connection.execute(text("SELECT id FROM account ORDER BY id")).all() == [
            ("a",),
            ("b",),
        ]
    store.close()
    assert (manifest.schema, manifest.exported_at) == (HEAD, NOW)


@pytest.mark.parametrize("content", [b"", b"words", None])
def test_a_file_of_another_kind_is_left_alone(
    books: Ledger, tmp_path: Path, content: bytes | None
) -> None:
    duckdb = pytest.importorskip("duckdb", reason="the extra duckdb is optional")
    file = tmp_path / "own.duckdb"
    if content is None:
        with duckdb.connect(file) as own:
            own.execute("CREATE TABLE account AS SELECT 1 AS id")
    else:
        file.write_bytes(content)
    before = file.read_bytes()
    with pytest.raises(ConfigError, match=r"own\.duckdb[^→]*→ name another file"):
        _export(books, f"duckdb:///{file}")
    assert file.read_bytes() == before


def test_a_schema_of_others_is_left_alone(books: Ledger, schema_url: str, server: Engine) -> None:
    schema = make_url(schema_url).query["schema"]
    with server.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
        connection.execute(text("CREATE TABLE account AS SELECT 1 AS id"))
    with pytest.raises(
        ConfigError, match=r"holds account, and is not an export[^→]*→[^→]*\?schema=NAME"
    ):
        _export(books, schema_url)
    with server.begin() as connection:
        assert connection.execute(text("SELECT * FROM account")).all() == [(1,)]
        connection.execute(text("DROP TABLE account"))
    _export(books, schema_url)
    assert _list_accounts(schema_url) == ["a", "b"]


def test_readers_see_the_earlier_export_until_all_is_there(
    books: Ledger, schema_url: str, server: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _export(books, schema_url)
    books.account("c")
    seen = []

    def look_and_fail(*_: object) -> None:
        with server.connect() as connection:
            seen.append(connection.execute(text("SELECT id FROM account ORDER BY id")).all())
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(to_postgresql, "write_mark", look_and_fail)
        with pytest.raises(KeyboardInterrupt):
            _export(books, schema_url)
    assert seen == [[("a",), ("b",)]]
    assert _list_accounts(schema_url) == ["a", "b"]
    _export(books, schema_url)
    assert _list_accounts(schema_url) == ["a", "b", "c"]


def test_exports_into_one_schema_take_turns(books: Ledger, schema_url: str, server: Engine) -> None:
    with server.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {make_url(schema_url).query['schema']}"))
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: _export(books, schema_url), range(3)))
    assert done[0] == done[1] == done[2]
    assert _list_accounts(schema_url) == ["a", "b"]


def test_views_on_a_copy_stay_with_their_permissions(
    books: Ledger, schema_url: str, server: Engine
) -> None:
    _export(books, schema_url)
    with server.begin() as connection:
        connection.execute(text("CREATE VIEW mine AS SELECT count(*) AS accounts FROM account"))
        connection.execute(text("GRANT SELECT ON mine TO public"))
    books.account("c")
    _export(books, schema_url)
    with server.connect() as connection:
        assert connection.scalar(text("SELECT accounts FROM mine")) == 3
        rights = text("SELECT count(*) FROM information_schema.table_privileges"
                      " WHERE table_name = 'mine' AND grantee = 'PUBLIC'")  # fmt: skip
        assert connection.scalar(rights)


def test_tables_of_another_revision_are_made_anew(
    books: Ledger, schema_url: str, server: Engine
) -> None:
    _export(books, schema_url)
    with server.begin() as connection:
        connection.execute(update(MARK).values(revision="0001"))
        connection.execute(text("ALTER TABLE account DROP COLUMN name"))
    with pytest.raises(ConfigError, match=f"has schema 0001, and this cs-sync reads {HEAD}"):
        open_copy(schema_url)
    with server.begin() as connection:
        connection.execute(text("CREATE VIEW mine AS SELECT id FROM account"))
    with pytest.raises(StoreError, match=r"cannot drop table account[^→]*→ drop the views"):
        _export(books, schema_url)
    with server.begin() as connection:
        connection.execute(text("DROP VIEW mine"))
    _export(books, schema_url)
    assert _list_accounts(schema_url) == ["a", "b"]
    with server.connect() as connection:
        assert len(connection.execute(select(MARK)).all()) == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql:///?schema=x", "no place there"),
        ("duckdb://", "no place there"),
        ("mysql://me:hunter2@host/db", "names 'mysql'"),
        ("://me:hunter2", "cannot be read"),
        ("postgresql://me:hunter2@host:port/db", "cannot be read"),
    ],
)
def test_an_unusable_url_is_refused_without_its_password(url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refused:
        parse_copy_url(url)
    assert "duckdb:///FILE" in refused.value.remedy
    assert "hunter2" not in str(refused.value)


def test_a_schema_must_have_a_plain_name(books: Ledger) -> None:
    with pytest.raises(ConfigError, match="is not a plain name"):
        _export(books, 'postgresql://host/db?schema=a"b')


def test_a_server_that_is_away_is_named_without_the_password(books: Ledger) -> None:
    pytest.importorskip("psycopg", reason="the extra postgres is optional")
    with pytest.raises(StoreError, match="the database refused: connection") as refused:
        _export(books, "postgresql://me:hunter2@127.0.0.1:1/db")
    assert "--to" in refused.value.remedy
    assert "hunter2" not in str(refused.value)


def test_a_folder_that_is_not_there_is_named(books: Ledger, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the folder of .*gone/copy\.duckdb does not exist"):
        _export(books, f"duckdb:///{tmp_path}/gone/copy.duckdb")

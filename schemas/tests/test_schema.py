"""The exported schema, the migrations and the tables say the same."""

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis.strategies import datetimes, just
from sqlalchemy import Column, String, create_engine, inspect
from sqlalchemy import text as text_clause

from cs_sync_schemas import RECORDS, Owner, Record, get_table, tables
from cs_sync_schemas.export import build_records_schema
from cs_sync_schemas.migrations import HEAD, LOCATION
from cs_sync_schemas.migrations.new import DIGEST_MARK, make_digest, write_revision
from cs_sync_schemas.money import CURRENCY_EXPONENT, known_currency
from cs_sync_schemas.record import StoredRow
from cs_sync_schemas.table_loader import find_table
from cs_sync_schemas.tables import METADATA
from cs_sync_schemas.times import Instant, count_microseconds, read_microseconds
from cs_sync_schemas.write_tables import FILE, format_tables, list_models

EXPORTED = Path(__file__).parents[1] / "records.schema.json"


def test_the_exported_json_schema_is_up_to_date() -> None:
    assert json.loads(EXPORTED.read_text()) == build_records_schema(), (
        "run python -m cs_sync_schemas.export > schemas/records.schema.json"
    )


def test_the_tables_are_those_of_the_models() -> None:
    assert FILE.read_text("utf-8") == format_tables(), "run python -m cs_sync_schemas.write_tables"
    for model in list_models(StoredRow):
        assert get_table(model) is METADATA.tables[str(model.__tablename__)]
        assert model.__table_args__ is StoredRow.__table_args__, "tables.py would not know of it"


@pytest.mark.slow("a process of its own")
def test_a_model_and_its_table_are_one_also_where_the_model_is_loaded_first() -> None:
    code = (
        "from cs_sync_schemas import Invoice, get_table; from cs_sync_schemas import tables;"
        "assert get_table(Invoice) is tables.INVOICE"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow("a process of its own")
def test_a_table_that_many_threads_ask_for_first_is_defined_once() -> None:
    code = (
        "import sys; from concurrent.futures import ThreadPoolExecutor;"
        "from cs_sync_schemas import get_history_table, tables; sys.setswitchinterval(1e-6);"
        "columns = lambda _: (len(tables.INVOICE.c), len(get_history_table(tables.INVOICE).c));"
        "found = set(ThreadPoolExecutor(16).map(columns, range(16)));"
        "assert found == {(len(tables.INVOICE.c), len(get_history_table(tables.INVOICE).c))};"
        "assert set(tables.METADATA.tables) > {'invoice', 'invoice_history', 'usage_day'}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_table_is_found_by_its_name() -> None:
    assert {find_table(name) for name in METADATA.tables} == set(METADATA.tables.values())
    assert find_table("run_history") is None
    assert find_table("nothing") is None
    with pytest.raises(AttributeError, match="has no attribute 'NOTHING'"):
        tables.NOTHING  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.slow("writes a revision")
def test_the_migrations_lead_to_the_tables() -> None:
    config = Config()
    config.set_main_option("script_location", str(LOCATION))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD
    with create_engine("sqlite://").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        command.check(config)


@pytest.mark.parametrize("path", sorted((LOCATION / "versions").glob("[0-9]*.py")))
def test_a_revision_that_has_landed_is_not_edited(path: Path) -> None:
    text, _, digest = path.read_text("utf-8").rpartition(DIGEST_MARK)
    assert digest.strip() == make_digest(text), (
        "databases made by this file exist: leave it as it is, and write the next one with"
        f" make migration NAME=what_changes; if it has not landed yet, end it with"
        f" {DIGEST_MARK}{make_digest(text)}"
    )


@pytest.mark.slow("writes a revision")
def test_a_change_of_the_tables_is_written_as_the_next_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(LOCATION, folder)
    assert write_revision("nothing", folder) is None
    table = get_table(Owner)
    column: Column[str] = Column("pronouns", String, nullable=True)
    table.append_column(column)
    try:
        written = write_revision("add_pronouns", folder)
    finally:
        table._columns.remove(column)
    assert written is not None
    assert written.name == f"{int(HEAD) + 1:04}_add_pronouns.py"
    text = written.read_text(encoding="utf-8")
    assert "batch_op.add_column(sa.Column('pronouns', sa.String(), nullable=True))" in text
    assert f"down_revision = '{HEAD}'" in text
    body, _, digest = text.rpartition(DIGEST_MARK)
    assert digest.strip() == make_digest(body)
    config = Config()
    config.set_main_option("script_location", str(folder))
    with create_engine("sqlite://").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)
        connection.execute(
            text_clause("INSERT INTO lease VALUES ('workspace', 'h', 7, '2026-01-01')")
        )
        command.upgrade(config, "head")
        names = [actual["name"] for actual in inspect(connection).get_columns(table.name)]
        assert "pronouns" in names
        assert connection.scalar(text_clause("SELECT token FROM lease")) == 7


@pytest.mark.parametrize("name", ["", "Add Column", "../x", "9lives"])
def test_a_revision_needs_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="not a name of a revision"):
        write_revision(name)


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_has_the_natural_key_and_describes_itself(record: type[Record]) -> None:
    keys = [column.name for column in get_table(record).primary_key]
    assert keys[:2] == ["source", "source_id"]
    assert record.__doc__


def test_every_instant_is_stored_in_one_form() -> None:
    others = [
        f"{table.name}.{column.name}"
        for table in METADATA.tables.values()
        for column in table.c
        if column.type.python_type is datetime and not isinstance(column.type, Instant)
    ]
    assert others == [], "add sa_type=Instant: text and numbers cannot be compared"


@pytest.mark.slow("writes a revision")
@given(datetimes(timezones=just(UTC)), datetimes(timezones=just(UTC)))
def test_instants_keep_their_microseconds_and_their_order(
    first_time: datetime, other: datetime
) -> None:
    first, second = count_microseconds(first_time), count_microseconds(other)
    assert read_microseconds(first) == first_time
    assert (first < second) == (first_time < other)


def test_currencies_are_iso_codes_of_known_precision() -> None:
    assert known_currency("eur") == "EUR"
    assert {CURRENCY_EXPONENT[code] for code in ("EUR", "ISK", "UGX")} == {2}
    assert CURRENCY_EXPONENT["JPY"] == 0
    assert CURRENCY_EXPONENT["KWD"] == 3
    with pytest.raises(ValueError, match="unknown currency 'EURO'"):
        known_currency("EURO")

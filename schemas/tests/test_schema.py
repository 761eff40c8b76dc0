"""The exported schema, the migrations and the tables say the same."""

import json
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from cs_sync_schemas import RECORDS, Record, get_table
from cs_sync_schemas.export import build_records_schema
from cs_sync_schemas.migrations import HEAD, LOCATION
from cs_sync_schemas.money import CURRENCY_EXPONENT, known_currency

EXPORTED = Path(__file__).parents[1] / "records.schema.json"


def test_the_exported_json_schema_is_up_to_date() -> None:
    assert json.loads(EXPORTED.read_text()) == build_records_schema(), (
        "run python -m cs_sync_schemas.export > schemas/records.schema.json"
    )


def test_the_migrations_lead_to_the_tables() -> None:
    config = Config()
    config.set_main_option("script_location", str(LOCATION))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD
    with create_engine("sqlite://").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        command.check(config)


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_has_the_natural_key_and_describes_itself(record: type[Record]) -> None:
    keys = [column.name for column in get_table(record).primary_key]
    assert keys[:2] == ["source", "source_id"]
    assert record.__doc__


def test_currencies_are_iso_codes_of_known_precision() -> None:
    assert known_currency("eur") == "EUR"
    assert {CURRENCY_EXPONENT[code] for code in ("EUR", "ISK", "UGX")} == {2}
    assert CURRENCY_EXPONENT["JPY"] == 0
    assert CURRENCY_EXPONENT["KWD"] == 3
    with pytest.raises(ValueError, match="unknown currency 'EURO'"):
        known_currency("EURO")

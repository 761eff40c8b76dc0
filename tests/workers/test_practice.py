"""The practice run: it leaves nothing in the database, and real runs compile little after it."""

from pathlib import Path

import pytest
from sqlalchemy import text

from cs_sync.contracts.errors import StoreError
from cs_sync.plugins import load_plugins
from cs_sync.store.control.open import open_control
from cs_sync.store.fast.compiled_statements import COMPILED
from cs_sync.workers.practice import SCHEMA, run_practice
from tests.postgres import fresh_database

SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'"
"""All but those of temporary tables, which PostgreSQL keeps empty for the next ones."""


@pytest.mark.slow("runs everything on PostgreSQL, twice")
def test_practice_leaves_statements_and_nothing_else(postgres: str) -> None:
    with fresh_database(postgres) as url:
        control = open_control(url)
        with control.write() as connection:
            before = set(connection.scalars(text(SCHEMAS)))
            connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))  # of a machine that lost its power
            connection.execute(text(f"CREATE TABLE {SCHEMA}.account (id integer)"))
        run_practice(url, load_plugins())
        compiled = len(COMPILED)
        assert compiled > 200
        run_practice(url, load_plugins())
        assert len(COMPILED) < compiled + 20
        with control.read() as connection:
            assert set(connection.scalars(text(SCHEMAS))) == before
        control.close()


def test_without_a_database_it_raises_what_runs_would(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the database refused"):
        run_practice("postgresql+psycopg://nobody@127.0.0.1:9/none", load_plugins())

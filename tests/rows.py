"""Rows of the schema straight into a database: each statement is prepared once."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Dialect, Engine, insert
from sqlmodel import SQLModel

from cs_sync.store.fast.prepared import PreparedStatement, prepare_statement
from cs_sync.testing.databases import open_memory_database
from cs_sync_schemas import get_table
from cs_sync_schemas.money import ExactDecimal

DIALECT = open_memory_database().dialect


def add_rows(
    engine: Engine, model: type[SQLModel], begun: datetime, *rows: Mapping[str, Any]
) -> None:
    """Store rows, defaults filled in; the columns of the sync engine too.

    Args:
        engine: Of a database with the tables.
        model: Of the rows.
        begun: Since when all is known that says nothing else.
        rows: Values by column.
    """
    own = engine.dialect  # those in memory share the statements of one
    dialect = DIALECT if own.name == DIALECT.name else own
    statement, defaults, exact = prepare_insert(model, dialect, begun)
    with engine.begin() as connection:
        for row in rows:
            full = {**defaults, **row}
            for name in exact:
                if full[name] is not None:
                    full[name] = Decimal(full[name])
            statement.run(connection, **{name: full[name] for name in statement.names})


@cache
def prepare_insert(
    model: type[SQLModel], dialect: Dialect, begun: datetime
) -> tuple[PreparedStatement, dict[str, Any], list[str]]:
    """The statement that stores a row, what stands in it by default, and its exact decimals."""
    columns = get_table(model).c
    statement = prepare_statement(insert(get_table(model)), dialect, columns.keys())
    engine: dict[str, Any] = {
        "source": "files", "first_seen_at": begun, "last_seen_at": begun,
        "changed_at": begun, "row_hash": "", "since": begun, "rule": "own",
        "reason": "", "known_from": begun,
    }  # fmt: skip
    defaults = model.model_construct().model_dump()
    defaults |= {name: value for name, value in engine.items() if name in columns}
    exact = [column.name for column in columns if isinstance(column.type, ExactDecimal)]
    return statement, defaults, exact

"""Records name when they were seen where it was not when they changed; half of each digest."""

import re

from alembic import op
from sqlalchemy import Connection, inspect, text

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

DIGEST = "CASE typeof(row_hash) WHEN 'blob' THEN substr(row_hash, 1, 8) ELSE row_hash END"
SEEN = ("first_seen_at", "last_seen_at")
NOT_RECORDS = ("account", "account_history", "contact", "contact_history")
"""Tables of our own with a time of that name."""


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for table, columns in _list_tables(connection):
            _rebuild(connection, table, columns, full=False)
        return
    for table, columns in _list_tables(connection):
        seen = [name for name in SEEN if name in columns]
        values = [f"{name} = nullif({name}, changed_at)" for name in seen]
        values += ["row_hash = left(row_hash, 16)"] if "row_hash" in columns else []
        for name in seen:
            op.alter_column(table, name, nullable=True)
        op.execute(f'UPDATE "{table}" SET {", ".join(values)}')


def downgrade() -> None:
    """Fill the times in; a digest stays short, so that the next read stores its record again."""
    connection = op.get_bind()
    for table, columns in _list_tables(connection):
        if connection.dialect.name == "sqlite":
            _rebuild(connection, table, columns, full=True)
            continue
        seen = [name for name in SEEN if name in columns]
        values = [f"{name} = coalesce({name}, changed_at)" for name in seen]
        op.execute(f'UPDATE "{table}" SET {", ".join(values)}')
        for name in seen:
            op.alter_column(table, name, nullable=False)


def _list_tables(connection: Connection) -> list[tuple[str, list[str]]]:
    """List the tables of records and of their past versions, with their columns."""
    inspector = inspect(connection)
    columns = {
        table: [column["name"] for column in inspector.get_columns(table)]
        for table in inspector.get_table_names()
        if table not in NOT_RECORDS
    }
    return [(table, names) for table, names in columns.items() if SEEN[0] in names]


def _rebuild(connection: Connection, table: str, columns: list[str], *, full: bool) -> None:
    """Copy a table of SQLite once, into one whose times of sight are full or may be empty."""
    query = text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL")
    made = connection.execute(query, {"table": table}).all()
    (definition,) = (sql for kind, sql in made if kind == "table")
    definition = re.sub(rf'^CREATE TABLE "?{table}"?', f'CREATE TABLE "new_{table}"', definition)
    copied = {} if full else {"row_hash": DIGEST}
    for name in SEEN:
        old, new = f"{name} DATETIME", f"{name} DATETIME NOT NULL"
        definition = definition.replace(*((old, new) if full else (new, old)))
        copied[name] = f"{'coalesce' if full else 'nullif'}({name}, changed_at)"
    values = ", ".join(copied.get(name, f'"{name}"') for name in columns)
    op.execute(definition)
    op.execute(f'INSERT INTO "new_{table}" SELECT {values} FROM "{table}" ORDER BY rowid')
    op.execute(f'DROP TABLE "{table}"')
    op.execute(f'ALTER TABLE "new_{table}" RENAME TO "{table}"')
    for kind, sql in made:
        if kind == "index":
            op.execute(sql)
# Digest: 9c080fe98c480ebf

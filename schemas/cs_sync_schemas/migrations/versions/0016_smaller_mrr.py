"""MRR spans and movements in the order of their key, without indexes of knowledge."""

from alembic import op
from sqlalchemy import Connection, text

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDEXES = (("mrr_span", "known_from"), ("mrr_span", "known_to"), ("mrr_movement", "known_to"))
TABLES = ("mrr_span", "mrr_movement")
KEY = "account_id, policy, currency"
"""How the key of both begins."""


def upgrade() -> None:
    connection = op.get_bind()
    for table, column in INDEXES:
        op.drop_index(f"ix_{table}_{column}", table)
    if connection.dialect.name == "sqlite":
        for table in TABLES:
            _rebuild(connection, table, " WITHOUT ROWID")


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for table in TABLES:
            _rebuild(connection, table, "")
    for table, column in INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])


def _rebuild(connection: Connection, table: str, ending: str) -> None:
    """Copy a table of SQLite into one with or without row ids."""
    query = text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table")
    definition = str(connection.scalar(query, {"table": table}))
    columns = definition[definition.index("(") : definition.rindex(")") + 1]
    op.execute(f'CREATE TABLE "new_{table}" {columns}{ending}')
    op.execute(f'INSERT INTO "new_{table}" SELECT * FROM "{table}" ORDER BY {KEY}')
    op.execute(f'DROP TABLE "{table}"')
    op.execute(f'ALTER TABLE "new_{table}" RENAME TO "{table}"')
# Digest: 7c5b369a0a258590

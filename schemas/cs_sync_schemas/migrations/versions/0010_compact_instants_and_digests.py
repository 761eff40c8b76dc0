"""On SQLite instants become microseconds since 1970, and digests bytes: both were text."""

from typing import Any

from alembic import op
from sqlalchemy import DateTime, inspect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NUMBER = (
    "CAST(strftime('%s', {0}) AS INTEGER) * 1000000"
    " + CAST(substr(substr({0}, 21) || '000000', 1, 6) AS INTEGER)"
)
"""Of an instant that is text, with up to six digits of the second."""
TEXT = (
    "strftime('%Y-%m-%d %H:%M:%S', {0} / 1000000 - ({0} % 1000000 < 0), 'unixepoch')"
    " || printf('.%06d', ({0} % 1000000 + 1000000) % 1000000)"
)
"""Of a number; SQLite rounds a quotient towards zero."""


def upgrade() -> None:
    is_digest = "length({0}) = 32 AND {0} NOT GLOB '*[^0-9a-f]*'"
    _rewrite(("typeof({0}) = 'text'", NUMBER), (is_digest, "bytes_of_hex({0})"))


def downgrade() -> None:
    _rewrite(("typeof({0}) = 'integer'", TEXT), ("typeof({0}) = 'blob'", "lower(hex({0}))"))


def _rewrite(instants: tuple[str, str], digests: tuple[str, str]) -> None:
    """Rewrite all instants and digests; each with what is rewritten, and what becomes of it."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    driver: Any = connection.connection.driver_connection
    driver.create_function("bytes_of_hex", 1, bytes.fromhex, deterministic=True)
    quote = connection.dialect.identifier_preparer.quote
    inspector = inspect(connection)
    for table in inspector.get_table_names():
        forms = [
            (quote(column["name"]), digests if column["name"] == "row_hash" else instants)
            for column in inspector.get_columns(table)
            if column["name"] == "row_hash" or isinstance(column["type"], DateTime)
        ]
        changes = [
            f"{name} = CASE WHEN {old.format(name)} THEN {new.format(name)} ELSE {name} END"
            for name, (old, new) in forms
        ]
        if changes:
            op.execute(f"UPDATE {quote(table)} SET {', '.join(changes)}")
# Digest: 79ae62f4f02b94ff

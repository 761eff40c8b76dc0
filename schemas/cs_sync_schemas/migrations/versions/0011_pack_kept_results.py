"""What is kept of each account is compressed: a third of its bytes remains."""

from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op

from cs_sync_schemas.packed import PackedText

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLE = "kept_result"


def upgrade() -> None:
    _rewrite(sqlmodel.sql.sqltypes.AutoString(), PackedText())


def downgrade() -> None:
    _rewrite(PackedText(), sqlmodel.sql.sqltypes.AutoString())


def _rewrite(old: Any, new: Any) -> None:
    """Make the table anew with another type of its content, and the same rows."""
    connection = op.get_bind()
    names = ("kind", "key", "content")
    kept = sa.table(TABLE, *(sa.column(name, old if name == "content" else None) for name in names))
    rows = [row._asdict() for row in connection.execute(sa.select(kept))]
    op.drop_table(TABLE)
    made = op.create_table(
        TABLE,
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("content", new, nullable=False),
        sa.PrimaryKeyConstraint("kind", "key"),
    )
    op.bulk_insert(made, rows)
# Digest: ce2a46be2bc70de9

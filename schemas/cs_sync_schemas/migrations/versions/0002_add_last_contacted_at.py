"""When an account was last contacted, as the CRM logs it."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; accounts on record have it once they are read again."""
    with op.batch_alter_table("source_account", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("last_contacted_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True)
        )


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("source_account", schema=None) as batch_op:
        batch_op.drop_column("last_contacted_at")
# Digest: d8cd977bc601aa44

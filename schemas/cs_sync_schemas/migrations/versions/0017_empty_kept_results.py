"""What is kept of accounts is compressed anew: it is computed again."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM kept_result")


def downgrade() -> None:
    op.execute("DELETE FROM kept_result")
# Digest: f376b413a94a45dc

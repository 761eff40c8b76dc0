"""The bands of scores, a row for each change; scores by their day."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "score_band",
        sa.Column("account_id", sa.String(), primary_key=True),
        sa.Column("mode", sa.String(), primary_key=True),
        sa.Column("since", sa.Date(), primary_key=True),
        sa.Column("band", sa.String(), nullable=False),
    )
    op.execute(
        "INSERT INTO score_band (account_id, mode, since, band)"
        " SELECT account_id, mode, as_of, band FROM ("
        "SELECT account_id, mode, as_of, band,"
        " lag(band) OVER (PARTITION BY account_id, mode ORDER BY as_of) AS band_before"
        " FROM health_score) AS scores"
        " WHERE band_before IS NULL OR band_before <> band"
    )
    op.create_index("ix_health_score_as_of", "health_score", ["as_of"])


def downgrade() -> None:
    op.drop_index("ix_health_score_as_of", "health_score")
    op.drop_table("score_band")
# Digest: 1b08c5a855142f67

"""No index that no statement looks into."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

UNUSED = (
    ("account", "external_key"),
    ("account", "domain"),
    ("account", "owner_source_id"),
    ("contact", "email"),
    ("source_account", "domain"),
    ("source_account", "external_key"),
    ("source_contact", "email"),
)


def upgrade() -> None:
    for table, column in UNUSED:
        op.drop_index(f"ix_{table}_{column}", table)


def downgrade() -> None:
    for table, column in UNUSED:
        op.create_index(f"ix_{table}_{column}", table, [column])
# Digest: 4419cf71a8da3f61

"""Alembic's entry: migrates the connection that the caller hands over."""

from alembic import context
from sqlmodel import SQLModel

import cs_sync_schemas  # noqa: F401 - fills the metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    compare_type=True,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()

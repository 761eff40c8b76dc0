"""Source accounts as model objects, for plugins that match accounts."""

from sqlalchemy import Connection
from sqlalchemy.orm import Session
from sqlmodel import select

from cs_sync_schemas import SourceAccount


def read_source_accounts(connection: Connection) -> list[SourceAccount]:
    """Return all source accounts, soft-deleted ones included."""
    with Session(bind=connection) as session:
        return list(session.scalars(select(SourceAccount)))

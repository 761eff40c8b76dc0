"""Source accounts as model objects, for plugins that decide who is who."""

from sqlalchemy import Connection
from sqlalchemy.orm import Session
from sqlmodel import select

from cs_sync_schemas import SourceAccount


def read_source_accounts(connection: Connection) -> list[SourceAccount]:
    """Every source account, also the deleted ones."""
    with Session(bind=connection) as session:
        return list(session.scalars(select(SourceAccount)))

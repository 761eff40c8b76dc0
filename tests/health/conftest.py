"""A small workspace in memory: records in, rows of the statements of health out."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import SQLModel

from cs_sync.health import (
    AccountEvidence,
    Reading,
    SignalScope,
    build_day_scope,
    get_signal,
    read_row,
)
from cs_sync.store.queries.health import read_evidence, read_use_history
from cs_sync.testing.databases import open_memory_database
from cs_sync_schemas import (
    Account,
    AccountLink,
    Contact,
    ContactAccount,
    ContactLink,
    get_table,
)
from tests.rows import add_rows

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DAY = date(2025, 11, 21)
SCOPE = build_day_scope(DAY)
LINK = get_table(AccountLink)


class Workspace:
    """Accounts, links and records, and what the statements say of them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def add(self, model: type[SQLModel], **fields: Any) -> None:
        add_rows(self.engine, model, LONG_AGO, fields)

    def account(self, name: str, *sources: str, **fields: Any) -> None:
        """An account that these sources know under its own name."""
        self.add(Account, id=name, **fields)
        for source in sources:
            self.add(AccountLink, source=source, source_id=name, account_id=name)

    def person(self, name: str, account: str | None, *sources: str) -> None:
        self.add(Contact, id=name, account_id=account, name=name.title())
        links = select(LINK.c.source, LINK.c.source_id).where(LINK.c.account_id == account)
        with self.engine.connect() as connection:
            place = connection.execute(links).first()
        if place:
            self.add(
                ContactAccount, contact_id=name, valid_from=LONG_AGO, day_from=LONG_AGO.date(),
                source=place.source, account_source_id=place.source_id, stated=True,
            )  # fmt: skip
        for source in sources:
            self.add(ContactLink, source=source, source_id=name, contact_id=name)

    def readings(self, signal: str, scope: SignalScope = SCOPE) -> dict[str, Reading]:
        with self.engine.connect() as connection:
            rows = connection.execute(get_signal(signal).build(scope)).all()
        actual = {row.account_id: read_row(get_signal(signal), row, scope) for row in rows}
        assert len(actual) == len(rows)
        return actual

    def values(self, signal: str, scope: SignalScope = SCOPE) -> dict[str, float | None]:
        return {name: reading.value for name, reading in self.readings(signal, scope).items()}

    def evidence(self, scope: SignalScope = SCOPE) -> dict[str, AccountEvidence]:
        with self.engine.connect() as connection:
            return read_evidence(connection, scope, read_use_history(connection, scope))


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    engine = open_memory_database()
    yield Workspace(engine)
    engine.dispose()

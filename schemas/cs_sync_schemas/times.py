"""Instants in the database: one number on SQLite, a timestamp with time zone elsewhere."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.dialects.sqlite import DATETIME
from sqlalchemy.types import TypeEngine
from sqlmodel import UTCDateTime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def count_microseconds(at: datetime) -> int:
    """Return the microseconds from 1970 to an aware datetime, exactly."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def read_microseconds(number: int) -> datetime:
    """Return the datetime in UTC of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=number)


class _Number(DATETIME):
    """A column declared as DATETIME, to which SQLite gives room for a number."""

    def bind_processor(self, dialect: Dialect) -> None:
        """Leave the number as it is."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """Leave the number as it is."""

    def literal_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002
        """Write the number into a statement."""
        return str


class Instant(UTCDateTime):
    """An aware datetime; SQLite stores it as microseconds since 1970.

    As text it takes 26 bytes in the table and in every index, as a number 8.
    """

    cache_ok = True

    def __repr__(self) -> str:
        return "Instant()"

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use a number on SQLite, a timestamp with time zone elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(_Number())  # type: ignore[no-untyped-call]
        return super().load_dialect_impl(dialect)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Convert to the database's form; a datetime without time zone is refused."""
        at = super().process_bind_param(value, dialect)
        return at if at is None or dialect.name != "sqlite" else count_microseconds(at)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Convert to a datetime in UTC."""
        if value is None or dialect.name != "sqlite":
            return super().process_result_value(value, dialect)
        return read_microseconds(value)

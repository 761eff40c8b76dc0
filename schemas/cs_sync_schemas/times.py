"""Instants in the database: one number on SQLite, a timestamp with time zone elsewhere."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Dialect, Interval
from sqlalchemy.dialects.sqlite import DATETIME
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine

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


class Microseconds(TypeDecorator[int]):
    """An instant of the database, read as microseconds since 1970.

    For what computes with very many of them: on SQLite nothing is converted.
    """

    impl = DateTime
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(timezone=True)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use what instants are stored as."""
        return Instant().load_dialect_impl(dialect)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """Convert to a number."""
        return value if value is None or dialect.name == "sqlite" else count_microseconds(value)


class Instant(TypeDecorator[datetime]):
    """An aware datetime; SQLite stores it as microseconds since 1970.

    As text it takes 26 bytes in the table and in every index, as a number 8.
    """

    impl = DateTime
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(timezone=True)

    def __repr__(self) -> str:
        return "Instant()"

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:  # noqa: ARG002
        """Compare with instants, and add spans of time."""
        return Interval() if isinstance(value, timedelta) else self

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use a number on SQLite, a timestamp with time zone elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(_Number())  # type: ignore[no-untyped-call]
        return super().load_dialect_impl(dialect)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Convert to the database's form; a datetime without time zone is refused."""
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError(f"{value} is naive: give datetimes with a time zone")
        return count_microseconds(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Convert to a datetime in UTC."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return read_microseconds(value)
        at: datetime = value if value.utcoffset() is not None else value.replace(tzinfo=UTC)
        return at.astimezone(UTC)

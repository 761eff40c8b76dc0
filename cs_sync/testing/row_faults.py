"""Rows as a connector emits them: values that a database takes and that are wrong; pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import BigInteger

from cs_sync_schemas import Record, get_table
from cs_sync_schemas.money import ExactDecimal

FLOAT_DIGITS = 17
"""No decimal of a person or vendor needs more digits than a float is printed with."""


@cache
def list_money_fields(record: type[Record]) -> tuple[str, ...]:
    """Return the fields of a record type that hold amounts of money."""
    columns = get_table(record).columns
    return tuple(
        column.name
        for column in columns
        if column.name not in Record.ENGINE_FIELDS
        and (
            isinstance(column.type, BigInteger)
            or (isinstance(column.type, ExactDecimal) and "amount" in column.name)
        )
    )


def find_row_faults(record: type[Record], row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is inexact in a row: field, and fault with remedy.

    Args:
        record: The record type.
        row: A row as emitted, before it is validated.
    """
    money = list_money_fields(record)
    for name, value in row.items():
        if isinstance(value, datetime) and value.tzinfo is None:
            yield name, f"is a naive datetime ({value}): give it its zone, best UTC"
        elif name in money and isinstance(value, float):
            yield (
                name,
                f"is a float ({value!r}), and money through a float loses cents: use the"
                " vendor's minor units, or Decimal(str(amount))",
            )
        elif isinstance(value, Decimal) and _is_made_of_float(value):
            yield (
                name,
                f"is made of a float ({value}): write Decimal(str(amount)), not Decimal(amount)",
            )


def _is_made_of_float(value: Decimal) -> bool:
    """Return whether a decimal has the digits of a binary fraction."""
    if not value.is_finite() or len(value.as_tuple().digits) <= FLOAT_DIGITS:
        return False
    return any(Decimal(float(value / scale)) * scale == value for scale in (1, 100))

"""Currency conversion in SQL: whole numbers, rounded half-even."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
)

from cs_sync.metrics.fx import Conversion
from cs_sync.metrics.metric import Scope

Side = Literal["opening", "closing", "reported"]

_MAX_UNION_ROWS = 100
"""Rows in one UNION: SQLite refuses more than 500."""


AmountSources = Mapping[str, tuple[str, Side]]
"""Amounts to come out → which amount each is made of, at the rates of which side."""
MOVEMENT_AMOUNTS: AmountSources = {name: (name, "closing") for name in ("prev", "cur", "between")}
_MARKS = ("seen", "had", "has")
"""What is 1 of an account where it is 1 in any of its currencies."""


def convert_pairs(
    conversion: Conversion, pairs: CTE, worth: AmountSources = MOVEMENT_AMOUNTS
) -> CTE:
    """Convert amounts with a rate to the target currency.

    There is one row per account. Both ends use the rates of the closing, so that exchange rates
    cause no movement, unless `worth` says otherwise. Amounts are rounded once per account and
    original currency.

    Args:
        conversion: The target currency and the rates.
        pairs: A relation with period, account_id, currency and amounts in minor units.
        worth: Resulting amount → its source amount and the side of its rates.
    """
    rates = select_rates(conversion, f"rates_of_{pairs.name}")
    same = and_(rates.c.period == pairs.c.period, rates.c.currency == pairs.c.currency)
    plain = {"currency", *_MARKS} | {amount for amount, _ in worth.values()}
    lines = (
        select(
            *(column for column in pairs.c if column.name not in plain),
            select_currency(conversion, rates, pairs.c.currency).label("currency"),
            *(
                convert_amount(pairs.c[amount], rates, side).label(name)
                for name, (amount, side) in worth.items()
            ),
            *(pairs.c[mark] for mark in _MARKS),
        )
        .select_from(pairs.outerjoin(rates, same))
        .cte("exchanged")
    )
    groups = [column for column in lines.c if column.name not in {*_MARKS, *worth}]
    return (
        select(
            *groups,
            *(func.sum(lines.c[name]).label(name) for name in worth),
            *(func.max(lines.c[mark]).label(mark) for mark in _MARKS),
        )
        .group_by(*groups)
        .cte("converted")
    )


def select_rates(conversion: Conversion, name: str) -> CTE:
    """Select the rates: period, currency, numerator and denominator of each side."""
    rows = [
        select(
            literal(period).label("period"),
            literal(currency).label("currency"),
            *_rate_columns("opening", conversion.opening[currency][period]),
            *_rate_columns("reported", conversion.reported[currency][period]),
            *_rate_columns("closing", rate),
        )
        for currency, closing in sorted(conversion.closing.items())
        for period, rate in enumerate(closing)
    ]
    chunks = [
        rows[start : start + _MAX_UNION_ROWS] for start in range(0, len(rows), _MAX_UNION_ROWS)
    ]
    parts = [union_all(*part).cte(f"{name}_{number}") for number, part in enumerate(chunks)]
    return union_all(*(select(part) for part in parts)).cte(name)


def _rate_columns(name: str, rate: Fraction) -> list[ColumnElement[Any]]:
    return [
        literal(rate.numerator, BigInteger).label(f"{name}_up"),
        literal(rate.denominator, BigInteger).label(f"{name}_down"),
    ]


def select_currency(
    conversion: Conversion, rates: FromClause, own: ColumnElement[str]
) -> ColumnElement[str]:
    """Select the target currency where a rate was joined.

    Else the amount's own.
    """
    return case((rates.c.currency.is_not(None), literal(conversion.target)), else_=own)


def convert_amount(amount: ColumnElement[int], rates: FromClause, side: Side) -> ColumnElement[int]:
    """Convert minor units at the joined rate, rounded half-even.

    Unchanged without a rate.
    """
    up, down = rates.c[f"{side}_up"], rates.c[f"{side}_down"]
    return case((up.is_(None), amount), else_=multiply_rounded(amount, up, down))


def multiply_rounded(
    amount: ColumnElement[int], up: ColumnElement[int], down: ColumnElement[int]
) -> ColumnElement[int]:
    """Return `amount` × `up` ÷ `down`, rounded half-even, for non-negative numbers.

    Only whole multiples are divided: databases differ in the result of other divisions.
    """
    rest = amount % down
    more = rest * up
    left = more % down
    whole = _divide_exact(amount - rest, down) * up + _divide_exact(more - left, down)
    upwards = case((left * 2 > down, 1), (and_(left * 2 == down, whole % 2 == 1), 1), else_=0)
    return whole + upwards


def _divide_exact(multiple: ColumnElement[int], down: ColumnElement[int]) -> ColumnElement[int]:
    return cast(multiple // down, BigInteger)


def convert_rows(scope: Scope, rows: CTE) -> CTE:
    """Convert rows at the last day of their period.

    They have `period`, `currency` and `amount`. Each row is rounded by itself; credits (negative)
    like debts.
    """
    if scope.conversion is None or not scope.conversion.closing:
        return rows
    rates = select_rates(scope.conversion, f"rates_of_{rows.name}")
    same = and_(rates.c.period == rows.c.period, rates.c.currency == rows.c.currency)
    owed = convert_amount(func.abs(rows.c.amount), rates, "closing")
    return (
        select(
            *(column for column in rows.c if column.name not in ("currency", "amount")),
            select_currency(scope.conversion, rates, rows.c.currency).label("currency"),
            case((rows.c.amount < 0, -owed), else_=owed).label("amount"),
        )
        .select_from(rows.outerjoin(rates, same))
        .cte(f"{rows.name}_exchanged")
    )

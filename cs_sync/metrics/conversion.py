"""Money of several currencies in one, inside a statement: whole numbers, rounded half-even."""

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

_AT_ONCE = 100
"""Rows in one UNION: SQLite refuses more than 500."""


Worth = Mapping[str, tuple[str, Side]]
"""Amounts to come out → which amount each is made of, at the rates of which side."""
MOVED: Worth = {name: (name, "closing") for name in ("prev", "cur", "between")}
_MARKS = ("seen", "had", "has")
"""What is 1 of an account where it is 1 in any of its currencies."""


def converted(conversion: Conversion, pairs: CTE, worth: Worth = MOVED) -> CTE:
    """Amounts per account with what has a rate in the target currency, one row per account.

    Both ends are at the rates of the closing, so that no movement comes from the exchange, unless
    `worth` says otherwise. Rounded once per account and original currency.
    """
    rates = rate_rows(conversion, f"rates_of_{pairs.name}")
    same = and_(rates.c.period == pairs.c.period, rates.c.currency == pairs.c.currency)
    plain = {"currency", *_MARKS} | {amount for amount, _ in worth.values()}
    lines = (
        select(
            *(column for column in pairs.c if column.name not in plain),
            in_target(conversion, rates, pairs.c.currency).label("currency"),
            *(
                exchanged(pairs.c[amount], rates, side).label(name)
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


def rate_rows(conversion: Conversion, name: str) -> CTE:
    """Rates as rows: period, currency, and numerator and denominator of each side."""
    rows = [
        select(
            literal(period).label("period"),
            literal(currency).label("currency"),
            *_said("opening", conversion.opening[currency][period]),
            *_said("reported", conversion.reported[currency][period]),
            *_said("closing", rate),
        )
        for currency, closing in sorted(conversion.closing.items())
        for period, rate in enumerate(closing)
    ]
    some = [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]
    parts = [union_all(*part).cte(f"{name}_{number}") for number, part in enumerate(some)]
    return union_all(*(select(part) for part in parts)).cte(name)


def _said(name: str, rate: Fraction) -> list[ColumnElement[Any]]:
    return [
        literal(rate.numerator, BigInteger).label(f"{name}_up"),
        literal(rate.denominator, BigInteger).label(f"{name}_down"),
    ]


def in_target(
    conversion: Conversion, rates: FromClause, own: ColumnElement[str]
) -> ColumnElement[str]:
    """The target's code where a rate was joined, else an amount's own currency."""
    return case((rates.c.currency.is_not(None), literal(conversion.target)), else_=own)


def exchanged(amount: ColumnElement[int], rates: FromClause, side: Side) -> ColumnElement[int]:
    """Minor units at the joined rate, rounded half-even; as they are where none was joined."""
    up, down = rates.c[f"{side}_up"], rates.c[f"{side}_down"]
    return case((up.is_(None), amount), else_=times(amount, up, down))


def times(
    amount: ColumnElement[int], up: ColumnElement[int], down: ColumnElement[int]
) -> ColumnElement[int]:
    """`amount` × `up` ÷ `down`, half-even, of numbers not below nought.

    Whole multiples only are divided, as databases differ in what a division of others gives.
    """
    rest = amount % down
    more = rest * up
    left = more % down
    whole = _over(amount - rest, down) * up + _over(more - left, down)
    upwards = case((left * 2 > down, 1), (and_(left * 2 == down, whole % 2 == 1), 1), else_=0)
    return whole + upwards


def _over(multiple: ColumnElement[int], down: ColumnElement[int]) -> ColumnElement[int]:
    return cast(multiple // down, BigInteger)


def amounts_in_one_currency(scope: Scope, rows: CTE) -> CTE:
    """Rows with `period`, `currency` and `amount`, each at the rates of its period's last day.

    Rounded row by row; credits, which are below nought, as debts are.
    """
    if scope.conversion is None or not scope.conversion.closing:
        return rows
    rates = rate_rows(scope.conversion, f"rates_of_{rows.name}")
    same = and_(rates.c.period == rows.c.period, rates.c.currency == rows.c.currency)
    owed = exchanged(func.abs(rows.c.amount), rates, "closing")
    return (
        select(
            *(column for column in rows.c if column.name not in ("currency", "amount")),
            in_target(scope.conversion, rates, rows.c.currency).label("currency"),
            case((rows.c.amount < 0, -owed), else_=owed).label("amount"),
        )
        .select_from(rows.outerjoin(rates, same))
        .cte(f"{rows.name}_exchanged")
    )

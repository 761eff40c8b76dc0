"""The MRR bridge: from opening to closing by movements, per period and currency."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)

from cs_sync.metrics.bridge_relations import bridge_pairs, marks
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr_relations import waterfall


@dataclass(frozen=True, slots=True)
class BridgeRow:
    """One period of one currency: minor units; movements are positive magnitudes, `fx`, `reclass`
    and `restatement` have a sign.

    opening + new + reactivation + expansion − contraction − churn + fx + reclass + restatement
    = closing, and a period's closing is the next one's opening.
    """

    account: str | None
    segment: Mapping[str, str | None]
    currency: str
    period_start: date
    period_end: date
    """The first day that no longer belongs to the period."""
    opening: int
    new: int
    reactivation: int
    expansion: int
    contraction: int
    churn: int
    fx: int
    reclass: int
    restatement: int
    closing: int

    def json(self) -> dict[str, Any]:
        """A flat object, days as YYYY-MM-DD; `segment` only where attributes were asked for."""
        fields = asdict(self) | {
            "segment": dict(self.segment),
            "period_start": self.period_start.isoformat(),
            "period_end": self.period_end.isoformat(),
        }
        if not self.segment:
            del fields["segment"]
        return fields


_AMOUNTS = (
    "opening", "new", "reactivation", "expansion", "contraction", "churn", "fx", "reclass",
    "restatement", "closing",
)  # fmt: skip


def bridge(scope: Scope, *, by_account: bool = False) -> Select[Any]:
    """The statement of the bridge; rows for `bridge_rows`.

    A movement is the net change of one account and currency between opening and closing, at the
    rates of the closing; who came and left in between is new and churn, unless the policy drops
    them. `fx` is what the opening gained by being worth something else by then.
    `restatement` is what was learnt of the opening since it was reported as a closed month's
    closing. An account that changed its segment leaves the old one and enters the new one as
    `reclass`, and moves in the new one. By account, only those with one of these or with an opening
    or a closing have a row.
    """
    pairs = bridge_pairs(scope)
    parts = [_stayed(scope, pairs)]
    if scope.by:
        parts.append(_went(scope, pairs))
    lines = (union_all(*parts) if len(parts) > 1 else parts[0]).cte("bridge_lines")
    account = [lines.c.account_id] if by_account else []
    groups = [lines.c.period, *marks(scope, lines, "segment"), lines.c.currency, *account]
    sums = {name: func.sum(lines.c[name]) for name in _AMOUNTS}
    statement = (
        select(*groups, *(total.label(name) for name, total in sums.items()))
        .group_by(*groups)
        .order_by(*groups)
    )
    if by_account:
        told = ("opening", "closing", "churn", "reclass", "restatement")
        statement = statement.having(or_(*(sums[name] != 0 for name in told)))
    return statement


def _stayed(scope: Scope, pairs: CTE) -> Select[Any]:
    """Each account's line in the segment in which it is at the closing."""
    moved = _moved(scope, pairs)
    here = {
        "opening": _unless(moved, pairs.c.opening),
        **waterfall(scope, pairs),
        "fx": pairs.c.prev - pairs.c.stood,
        "reclass": literal(0) if moved is None else case((moved, pairs.c.stood), else_=0),
        "restatement": _unless(moved, pairs.c.stood - pairs.c.opening),
        "closing": pairs.c.cur,
    }
    return _line(pairs, marks(scope, pairs, "segment"), here)


def _went(scope: Scope, pairs: CTE) -> Select[Any]:
    """The line of an account in the segment that it left in the period."""
    left: dict[str, ColumnElement[int]] = {
        "opening": pairs.c.opening,
        "reclass": -pairs.c.stood,
        "restatement": pairs.c.stood - pairs.c.opening,
    }
    had = or_(pairs.c.opening > 0, pairs.c.stood > 0)
    moved = _moved(scope, pairs)
    statement = _line(pairs, marks(scope, pairs, "before"), left)
    return statement.where(had) if moved is None else statement.where(moved, had)


def _moved(scope: Scope, pairs: CTE) -> ColumnElement[bool] | None:
    ends = zip(marks(scope, pairs, "segment"), marks(scope, pairs, "before"), strict=True)
    changes = [now.is_distinct_from(before) for now, before in ends]
    return or_(*changes) if changes else None


def _unless(moved: ColumnElement[bool] | None, amount: ColumnElement[int]) -> ColumnElement[int]:
    return amount if moved is None else case((moved, 0), else_=amount)


def _line(
    pairs: CTE,
    segments: Sequence[ColumnElement[str]],
    amounts: Mapping[str, ColumnElement[int]],
) -> Select[Any]:
    segment = [column.label(f"segment_{index}") for index, column in enumerate(segments)]
    known = [amounts.get(name, literal(0)).label(name) for name in _AMOUNTS]
    return select(pairs.c.period, *segment, pairs.c.currency, pairs.c.account_id, *known)


def bridge_rows(scope: Scope, rows: Iterable[Mapping[str, Any]]) -> list[BridgeRow]:
    """The rows of the bridge's statement as what `mrr` prints."""
    return [
        BridgeRow(
            account=row.get("account_id"),
            segment={name: row[f"segment_{i}"] for i, name in enumerate(scope.by)},
            currency=row["currency"],
            period_start=scope.periods[row["period"]].start,
            period_end=scope.periods[row["period"]].end,
            **{name: int(row[name]) for name in _AMOUNTS},
        )
        for row in rows
    ]

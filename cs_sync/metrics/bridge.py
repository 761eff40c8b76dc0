"""The MRR bridge from opening to closing, per period and currency."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.sql.bridge_relations import get_end_segments, select_bridge_runs
from cs_sync.metrics.sql.mrr_relations import build_waterfall
from cs_sync.metrics.sql.relations import get_period_columns, sum_runs


@dataclass(frozen=True, slots=True)
class BridgeRow:
    """One period of one currency, in minor units.

    Movements are positive magnitudes; `fx`, `reclass` and `restatement` are signed. opening
    + new + reactivation + expansion − contraction − churn + fx + reclass + restatement =
    closing, and a period's closing is the next one's opening.
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
        """Return a flat object, days as YYYY-MM-DD; `segment` only with requested attributes."""
        fields = {name: getattr(self, name) for name in self.__slots__} | {
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


def select_bridge(scope: Scope, *, by_account: bool = False) -> Select[Any]:
    """Build the statement of the bridge; its rows are for `build_bridge_rows`.

    A movement is the net change of one account and currency between opening and closing, at
    the rates of the closing. Accounts that started and churned in between count as new and
    churn, unless the policy drops them. `fx` is the change in value of the opening by the
    exchange rates. `restatement` is the change of the opening since it was reported as the
    closing of a closed month. An account with a changed segment leaves the old one and
    enters the new one as `reclass`; its movements are in the new one.

    Args:
        scope: The periods, segments, policy and time of knowledge.
        by_account: One row per account; accounts without opening, closing, churn, reclass
            and restatement have none.
    """
    pairs = select_bridge_runs(scope, by_account=by_account)
    parts = [_select_current_lines(scope, pairs)]
    if scope.by:
        parts.append(_select_left_lines(scope, pairs))
    lines: FromClause = (union_all(*parts) if len(parts) > 1 else parts[0]).cte("bridge_lines")
    sums: dict[str, ColumnElement[Any]] = {name: func.sum(lines.c[name]) for name in _AMOUNTS}
    if "period" not in lines.c:
        kept = ("currency", "account_id") if by_account else ("currency",)
        lines, sums = sum_runs(scope, lines, sums, kept)
    account = [lines.c.account_id] if by_account else []
    groups = [
        lines.c.period,
        *get_end_segments(scope, lines, "segment"),
        lines.c.currency,
        *account,
    ]
    statement = (
        select(*groups, *(total.label(name) for name, total in sums.items()))
        .group_by(*groups)
        .order_by(*(group.nulls_first() for group in groups))
    )
    if by_account:
        line_names = ("opening", "closing", "churn", "reclass", "restatement")
        statement = statement.having(or_(*(sums[name] != 0 for name in line_names)))
    return statement


def _select_current_lines(scope: Scope, pairs: CTE) -> Select[Any]:
    """Select each account's line in its segment at the closing."""
    moved = _has_moved(scope, pairs)
    here = {
        "opening": _clear_if_moved(moved, pairs.c.opening),
        **build_waterfall(scope, pairs),
        "fx": pairs.c.prev - pairs.c.stood,
        "reclass": literal(0) if moved is None else case((moved, pairs.c.stood), else_=0),
        "restatement": _clear_if_moved(moved, pairs.c.stood - pairs.c.opening),
        "closing": pairs.c.cur,
    }
    return _select_line(pairs, get_end_segments(scope, pairs, "segment"), here)


def _select_left_lines(scope: Scope, pairs: CTE) -> Select[Any]:
    """Select an account's line in the segment it left in the period."""
    left: dict[str, ColumnElement[int]] = {
        "opening": pairs.c.opening,
        "reclass": -pairs.c.stood,
        "restatement": pairs.c.stood - pairs.c.opening,
    }
    had = or_(pairs.c.opening > 0, pairs.c.stood > 0)
    moved = _has_moved(scope, pairs)
    statement = _select_line(pairs, get_end_segments(scope, pairs, "before"), left)
    return statement.where(had) if moved is None else statement.where(moved, had)


def _has_moved(scope: Scope, pairs: CTE) -> ColumnElement[bool] | None:
    ends = zip(
        get_end_segments(scope, pairs, "segment"),
        get_end_segments(scope, pairs, "before"),
        strict=True,
    )
    changes = [now.is_distinct_from(before) for now, before in ends]
    return or_(*changes) if changes else None


def _clear_if_moved(
    moved: ColumnElement[bool] | None, amount: ColumnElement[int]
) -> ColumnElement[int]:
    return amount if moved is None else case((moved, 0), else_=amount)


def _select_line(
    pairs: CTE,
    segments: Sequence[ColumnElement[str]],
    amounts: Mapping[str, ColumnElement[int]],
) -> Select[Any]:
    segment = [column.label(f"segment_{index}") for index, column in enumerate(segments)]
    labelled = [amounts.get(name, literal(0)).label(name) for name in _AMOUNTS]
    keys: list[ColumnElement[Any]] = [*get_period_columns(pairs), *segment]
    return select(*keys, pairs.c.currency, pairs.c.account_id, *labelled)


def build_bridge_rows(scope: Scope, rows: Iterable[Mapping[str, Any]]) -> list[BridgeRow]:
    """Convert the rows of the bridge's statement for output."""
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

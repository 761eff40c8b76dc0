"""The MRR bridge: from opening to closing by movements, per period and currency."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, case, func, literal, select

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr_relations import movement, mrr_pairs
from cs_sync.metrics.relations import marks_of


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


def bridge(scope: Scope, *, by_account: bool = False) -> Select[Any]:
    """The statement of the bridge; rows for `bridge_rows`.

    A movement is the net change of one account and currency between opening and closing, at the
    rates of the closing; `fx` is what the opening gained by being worth something else by then.
    By account, only accounts with an opening or a closing have a row. Everything is seen at one
    knowledge date and one membership, so reclass and restatement are nought.
    """
    pairs = mrr_pairs(scope)
    opening = pairs.c.opening if "opening" in pairs.c else pairs.c.prev
    account = [pairs.c.account_id] if by_account else []
    groups = [pairs.c.period, *marks_of(scope, pairs), pairs.c.currency, *account]
    moved = {kind: func.sum(amount).label(kind) for kind, amount in movement(pairs).items()}
    statement = (
        select(
            *groups,
            func.sum(opening).label("opening"),
            *moved.values(),
            func.sum(pairs.c.prev - opening).label("fx"),
            *(literal(0).label(name) for name in ("reclass", "restatement")),
            func.sum(pairs.c.cur).label("closing"),
        )
        .select_from(pairs)
        .group_by(*groups)
        .order_by(*groups)
    )
    if by_account:
        statement = statement.having(func.max(case((opening + pairs.c.cur > 0, 1), else_=0)) == 1)
    return statement


_AMOUNTS = (
    "opening", "new", "reactivation", "expansion", "contraction", "churn", "fx", "reclass",
    "restatement", "closing",
)  # fmt: skip


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

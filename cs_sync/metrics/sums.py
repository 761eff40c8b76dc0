"""Sums over accounts: kept, less what some accounts were in them for, plus what they are now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Select

from cs_sync.metrics.metric import Scope

Row = Mapping[str, Any]
Key = tuple[tuple[str, Any], ...]
_LABELS = ("period", "currency", "account_id", "segment_", "dimension_")
_NOT_ASKED = ("known_at", "observed_until", "minimum_n")
"""Fields of a scope that do not change what its statement answers: see `kpi.finish`."""


@dataclass(frozen=True, slots=True)
class Question:
    """A statement of which every row sums up what follows from each account's MRR by itself."""

    name: str
    scope: Scope
    statement: Select[Any]

    def digest(self, definitions: str) -> str:
        """The same for the same question under the same definitions."""
        asked = {
            name: value for name, value in _plain(self.scope).items() if name not in _NOT_ASKED
        }
        text = orjson.dumps(
            [definitions, self.name, asked],
            default=str,
            option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS,
        )
        return sha256(text).hexdigest()


def _plain(scope: Scope) -> dict[str, Any]:
    fields = {name: getattr(scope, name) for name in Scope.__slots__}
    rates = scope.conversion and asdict(scope.conversion)
    return fields | {"policy": scope.policy.hash, "conversion": rates}


def plain(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows as they are kept, alike from every database: whole numbers as int."""
    return [{str(name): _number(value) for name, value in row.items()} for row in rows]


def _number(value: Any) -> Any:
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == value.to_integral_value() else float(value)


def brought_up_to_date(
    kept: Sequence[Row], before: Sequence[Row], after: Sequence[Row]
) -> list[dict[str, Any]] | None:
    """`kept` with `after` in place of `before`, both of the accounts that changed alone.

    None where that cannot be told: a group that comes to nothing may have nobody left in it, and
    only the whole knows.
    """
    sums = {_key(row): _amounts(row) for row in kept}
    now = {_key(row): _amounts(row) for row in after}
    for key, amounts in ((_key(row), _amounts(row)) for row in before):
        if key not in sums or not _added(sums[key], amounts, -1):
            return None
        if key not in now and not any(v for v in sums[key].values() if isinstance(v, int)):
            return None
    for key, amounts in now.items():
        if key not in sums:
            sums[key] = dict(amounts)
        elif not _added(sums[key], amounts, 1):
            return None
    ordered = sorted(sums.items(), key=lambda one: [(v is None, str(v)) for _, v in one[0][1:]])
    ordered.sort(key=lambda one: dict(one[0])["period"])
    return [{**dict(key), **amounts} for key, amounts in ordered]


def _key(row: Row) -> Key:
    return tuple((name, value) for name, value in row.items() if name.startswith(_LABELS))


def _amounts(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.startswith(_LABELS)}


def _added(sums: dict[str, Any], amounts: Row, sign: int) -> bool:
    """Add to the sums; False where a nothing and a number meet, which are no sums."""
    for name, amount in amounts.items():
        held = sums[name]
        if held is None and amount is None:
            continue
        if held is None or amount is None:
            return False
        sums[name] = held + sign * amount
    return True

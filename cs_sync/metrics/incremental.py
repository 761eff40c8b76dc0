"""Incremental sums over accounts: subtract old contributions, add new ones."""

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
STATEMENTS_VERSION = 1
"""Version of the cached statements: raise it when one changes, or what its rows mean.

`tests/metrics/test_kept_figures.py` compares the statements with the digest of this version.
"""
_LABELS = ("period", "currency", "account_id", "segment_", "dimension_")
_IRRELEVANT_FIELDS = ("known_at", "observed_until", "minimum_n")
"""Fields of a scope that do not change what its statement answers: see `kpi.finish`."""


@dataclass(frozen=True, slots=True)
class CachedQuery:
    """A statement whose rows are sums over accounts, each of the account's own MRR."""

    name: str
    scope: Scope
    statement: Select[Any]

    def digest(self) -> str:
        """Return a hash of the query and of the version of the statements."""
        fields = {
            name: value
            for name, value in _build_scope_fields(self.scope).items()
            if name not in _IRRELEVANT_FIELDS
        }
        text = orjson.dumps(
            [STATEMENTS_VERSION, self.name, fields],
            default=str,
            option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS,
        )
        return sha256(text).hexdigest()


def _build_scope_fields(scope: Scope) -> dict[str, Any]:
    fields = {name: getattr(scope, name) for name in Scope.__slots__}
    rates = scope.conversion and asdict(scope.conversion)
    return fields | {"policy": scope.policy.hash, "conversion": rates}


def normalise_rows(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Normalise rows for storage, equal for every database: whole numbers as int."""
    return [{str(name): _to_python_number(value) for name, value in row.items()} for row in rows]


def _to_python_number(value: Any) -> Any:
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == value.to_integral_value() else float(value)


def update_sums(
    cached: Sequence[Row], before: Sequence[Row], after: Sequence[Row]
) -> list[dict[str, Any]] | None:
    """Replace the changed accounts' old contribution in `kept` by the new one.

    Args:
        kept: The stored sums over all accounts.
        before: The old sums over the changed accounts.
        after: The new sums over the changed accounts.

    Returns:
        The new sums; None if they cannot be derived: a group with a zero sum may be empty,
        and only a full query knows.
    """
    sums = {_get_key(row): _get_amounts(row) for row in cached}
    now = {_get_key(row): _get_amounts(row) for row in after}
    for key, amounts in ((_get_key(row), _get_amounts(row)) for row in before):
        if key not in sums or not _add_amounts(sums[key], amounts, -1):
            return None
        if key not in now and not any(v for v in sums[key].values() if isinstance(v, int)):
            return None
    for key, amounts in now.items():
        if key not in sums:
            sums[key] = dict(amounts)
        elif not _add_amounts(sums[key], amounts, 1):
            return None
    ordered = sorted(sums.items(), key=lambda item: [(v is None, str(v)) for _, v in item[0][1:]])
    ordered.sort(key=lambda item: dict(item[0])["period"])
    return [{**dict(key), **amounts} for key, amounts in ordered]


def _get_key(row: Row) -> Key:
    return tuple((name, value) for name, value in row.items() if name.startswith(_LABELS))


def _get_amounts(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.startswith(_LABELS)}


def _add_amounts(sums: dict[str, Any], amounts: Row, sign: int) -> bool:
    """Add amounts to the sums; return False if a null meets a number."""
    for name, amount in amounts.items():
        current = sums[name]
        if current is None and amount is None:
            continue
        if current is None or amount is None:
            return False
        sums[name] = current + sign * amount
    return True

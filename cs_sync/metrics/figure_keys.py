"""Keys of kept figures: what a statement's rows depend on, besides the tables it reads."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from cs_sync.metrics.metric import Scope

_IRRELEVANT_FIELDS = ("observed_until", "minimum_n", "shared_turns", "shared_edges", "shared_parts")
"""Fields of a scope that do not change what a statement answers: see `kpi.build_kpi_rows`."""
_RATES = ("target", "opening", "closing", "reported")


def build_figure_key(name: str, scope: Scope) -> str:
    """Build the key of a metric's rows under a scope.

    Of periods, policy, segments and code.

    Args:
        name: The metric, or another name for the statement.
        scope: The scope of the statement.
    """
    fields = {
        field: getattr(scope, field) for field in Scope.__slots__ if field not in _IRRELEVANT_FIELDS
    }
    rates = scope.conversion and {field: getattr(scope.conversion, field) for field in _RATES}
    text = orjson.dumps(
        [_digest_statements(), name, fields | {"policy": scope.policy.hash, "conversion": rates}],
        default=str,
        option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS,
    )
    return sha256(text).hexdigest()


@cache
def _digest_statements() -> str:
    """Digest the code that makes statements.

    Another code does not read what this one kept.
    """
    folder = Path(__file__).parent
    digest = sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.relative_to(folder).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def normalise_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Normalise rows for storage, equal for every database: whole numbers as int."""
    return [{str(name): _to_python_number(value) for name, value in row.items()} for row in rows]


def _to_python_number(value: Any) -> Any:
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == value.to_integral_value() else float(value)

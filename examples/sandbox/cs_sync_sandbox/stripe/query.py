"""Reads Stripe's query strings: allowed parameters, ranges, cursors, expansion."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from starlette.datastructures import QueryParams

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.stripe.errors import StripeError, make_missing_error

PAGING = frozenset({"limit", "starting_after", "ending_before", "expand"})
_INDEX = re.compile(r"\[\d*\]$")
_RANGE = re.compile(r"^(\w+)\[(gte|gt|lt|lte)\]$")
DEPTH = 4
HIDDEN = ("tiers", "applies_to", "currency_options")  # shown only when expanded


def parse_parameters(query: QueryParams, allowed: Iterable[str]) -> dict[str, list[str]]:
    """Return values by name, `expand[]` and `expand[0]` as `expand`; refuse unknown names."""
    accepted, values = {*allowed, *PAGING}, dict[str, list[str]]()
    for key, value in query.multi_items():
        ranged = _RANGE.match(key)
        name = key if ranged else _INDEX.sub("", key)
        if (ranged.group(1) if ranged else name) not in accepted:
            raise StripeError(400, f"Received unknown parameter: {name}", "parameter_unknown", name)
        values.setdefault(name, []).append(value)
    return values


def make_range_test(params: dict[str, list[str]], name: str) -> Callable[[Json], bool]:
    """Return the test for `name=`, `name[gte]=` … on a row's unix time."""
    tests: list[tuple[str, int]] = []
    for operator in ("", "gte", "gt", "lt", "lte"):
        key = f"{name}[{operator}]" if operator else name
        if key in params:
            tests.append((operator, _parse_integer(key, params[key][0])))

    def fits(row: Json) -> bool:
        value = row[name]
        return all(_compare(value, operator, bound) for operator, bound in tests)

    return fits


def make_page(
    rows: Sequence[Json], params: dict[str, list[str]], kind: str
) -> tuple[list[Json], bool]:
    """Return one page of newest-first rows and whether more follow."""
    limit = _parse_integer("limit", params.get("limit", ["10"])[0])
    if not 1 <= limit <= 100:
        raise StripeError(400, "This value must be between 1 and 100.", None, "limit")
    ids = [row["id"] for row in rows]
    if "ending_before" in params:
        stop = _find_position(ids, params, "ending_before", kind)
        start = max(0, stop - limit)
        return list(rows[start:stop]), start > 0
    start = (
        _find_position(ids, params, "starting_after", kind) + 1 if "starting_after" in params else 0
    )
    return list(rows[start : start + limit]), start + limit < len(rows)


def expand_paths(
    body: Json, paths: Iterable[str], resolve: Callable[[str, str], Json | None], *, listed: bool
) -> Json:
    """Return the body with `expand` paths filled in by `resolve(object, id)`.

    What is `HIDDEN` unless expanded is taken away otherwise.
    """
    requested = list(paths)
    for path in requested:
        parts = path.split(".")
        if len(parts) > DEPTH:
            message = f"You cannot expand more than {DEPTH} levels of a property. Property: {path}"
            raise StripeError(400, message, None, "expand")
        if listed and parts[0] != "data":
            raise _make_expand_error(path)
        _expand(body, parts, path, resolve)
    for field in HIDDEN:
        if not any(path.split(".")[-1] == field for path in requested):
            for row in body["data"] if listed else [body]:
                row.pop(field, None)
    return body


def _expand(
    node: Json, parts: list[str], path: str, resolve: Callable[[str, str], Json | None]
) -> None:
    name, rest = parts[0], parts[1:]
    if name not in node:
        if name in HIDDEN:
            return
        raise _make_expand_error(path)
    value = node[name]
    if isinstance(value, list):
        node[name] = [_fill_path(v, name, path, resolve) for v in value]
    else:
        node[name] = _fill_path(value, name, path, resolve)
    below = node[name] if isinstance(node[name], list) else [node[name]]
    for child in below:
        if rest and isinstance(child, dict):
            _expand(child, rest, path, resolve)


def _fill_path(
    value: object, name: str, path: str, resolve: Callable[[str, str], Json | None]
) -> object:
    if not isinstance(value, str):
        return value
    resolved = resolve(name, value)
    if resolved is None:
        raise _make_expand_error(path)
    return resolved


def _make_expand_error(path: str) -> StripeError:
    return StripeError(400, f"This property cannot be expanded ({path}).", None, "expand")


def _find_position(ids: list[str], params: dict[str, list[str]], name: str, kind: str) -> int:
    id_ = params[name][0]
    try:
        return ids.index(id_)
    except ValueError:
        raise make_missing_error(kind, id_, name) from None


def _parse_integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise StripeError(
            400, f"Invalid integer: {text}", "parameter_invalid_integer", name
        ) from None


def _compare(value: int, operator: str, bound: int) -> bool:
    if operator == "gte":
        return value >= bound
    if operator == "gt":
        return value > bound
    if operator == "lt":
        return value < bound
    return value <= bound if operator == "lte" else value == bound

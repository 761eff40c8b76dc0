"""HubSpot's search: filters, one sort, 200 a page, 10 000 in all, and an index that lags."""

from __future__ import annotations

from collections.abc import Callable

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.hubspot.errors import make_invalid_error
from cs_sync_sandbox.hubspot.portal import Portal, Record
from cs_sync_sandbox.hubspot.values import make_sortable

CAP, PAGE = 10_000, 200
GROUPS, FILTERS, ALL_FILTERS = 5, 6, 18
Values = dict[str, str | None]


def search(portal: Portal, kind: str, body: Json) -> tuple[int, Json]:
    """POST search: records as the index knows them, archived ones never."""
    limit, after = int(body.get("limit", 10)), int(body.get("after") or 0)
    if not 1 <= limit <= PAGE:
        raise make_invalid_error(f"limit must be between 1 and {PAGE}, was {limit}")
    if after + limit > CAP:
        raise make_invalid_error(f"The search is limited to {CAP} results; ask for less than that")
    groups = _parse_groups(portal, kind, body.get("filterGroups") or [])
    rows = []
    for record in portal.live(kind):
        values = portal.indexed(record)
        if values is not None and (not groups or any(all(t(values) for t in g) for g in groups)):
            rows.append((values, record))
    rows.sort(key=lambda row: int(row[1].id))
    _sort(portal, kind, rows, body.get("sorts") or [])
    requested = body.get("properties") or ()
    results = []
    for values, record in rows[after : after + limit]:
        shown = portal.shown(record, requested)
        shown["properties"] = {name: values.get(name) for name in shown["properties"]}
        results.append(shown)
    answer: Json = {"total": len(rows), "results": results}
    if after + limit < len(rows):
        answer["paging"] = {"next": {"after": str(after + limit)}}
    return 200, answer


def _parse_groups(
    portal: Portal, kind: str, groups: list[Json]
) -> list[list[Callable[[Values], bool]]]:
    sizes = [len(group.get("filters", [])) for group in groups]
    if len(sizes) > GROUPS or any(size > FILTERS for size in sizes) or sum(sizes) > ALL_FILTERS:
        raise make_invalid_error(
            f"At most {GROUPS} filterGroups of {FILTERS} filters, {ALL_FILTERS} filters in all"
        )
    return [[_test(portal, kind, condition) for condition in group["filters"]] for group in groups]


def _test(portal: Portal, kind: str, condition: Json) -> Callable[[Values], bool]:
    name, operator = str(condition["propertyName"]), str(condition["operator"])
    definition = portal.definitions[kind].get(name)
    if definition is None:
        raise make_invalid_error(f'There is no property with name "{name}" on {kind}')

    def key(text: object) -> float | str:
        try:
            return make_sortable(definition, str(text))
        except ValueError:
            raise make_invalid_error(f'Value {text!r} is not valid for property "{name}"') from None

    def compare(value: float | str) -> bool:
        if operator in {"IN", "NOT_IN"}:
            return (value in {key(v) for v in condition["values"]}) == (operator == "IN")
        if operator == "BETWEEN":
            low, high = key(condition["value"]), key(condition["highValue"])
            return _is_at_least(value, low) and _is_at_least(high, value)
        if operator == "CONTAINS_TOKEN":
            return str(condition["value"]).lower().strip("*") in str(value)
        return _compare_values(operator, value, key(condition["value"]))

    def test(values: Values) -> bool:
        present = bool(values.get(name))
        if operator in {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
            return present == (operator == "HAS_PROPERTY")
        if not present:
            return operator in {"NEQ", "NOT_IN"}
        return compare(key(values[name]))

    return test


def _compare_values(operator: str, value: float | str, bound: float | str) -> bool:
    if operator == "EQ":
        return value == bound
    if operator == "NEQ":
        return value != bound
    if operator == "GTE":
        return _is_at_least(value, bound)
    if operator == "LTE":
        return _is_at_least(bound, value)
    if operator == "GT":
        return not _is_at_least(bound, value)
    if operator == "LT":
        return not _is_at_least(value, bound)
    raise make_invalid_error(f"Invalid operator {operator}")


def _is_at_least(value: float | str, bound: float | str) -> bool:
    if isinstance(value, str) or isinstance(bound, str):
        return str(value) >= str(bound)
    return value >= bound


def _sort(portal: Portal, kind: str, rows: list[tuple[Values, Record]], sorts: list[Json]) -> None:
    if not sorts:
        return
    first = sorts[0]
    name = first if isinstance(first, str) else first["propertyName"]
    descending = not isinstance(first, str) and first.get("direction") == "DESCENDING"
    definition = portal.definitions[kind].get(name)
    if definition is None or len(sorts) > 1:
        raise make_invalid_error(f'Cannot sort by "{name}"; one existing property may be given')

    def key(row: tuple[Values, Record]) -> tuple[bool, float | str]:
        text = row[0].get(name)
        return (False, 0.0) if not text else (True, make_sortable(definition, text))

    rows.sort(key=key, reverse=descending)

"""Drift of companies since our last write: edits, merges, deletions."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from cs_sync import Op, RemoteAccount, Value
from cs_sync_hubspot.api import HubSpotApi
from cs_sync_hubspot.lookup import read_by_ids
from cs_sync_hubspot.objects import read_text, split_list
from cs_sync_hubspot.text import format_value
from cs_sync_hubspot.transport import Json

MERGED = "hs_merged_object_ids"


def read_companies(api: HubSpotApi, ops: Sequence[Op]) -> Iterator[RemoteAccount]:
    """Yield each existing company with its differences; merged ones as their survivor."""
    names = sorted({name for op in ops for name in op.fields})
    ids = [op.remote_id for op in ops if op.remote_id is not None]
    companies = _index_by_id(read_by_ids(api, "companies", ids, [*names, MERGED]))
    for op in ops:
        company = companies.get(op.remote_id or "")
        if company is not None:
            yield RemoteAccount(
                op.key, str(company["id"]), dict(_find_differences(op.fields, company))
            )


def _index_by_id(companies: Iterator[Json]) -> dict[str, Json]:
    """Index companies by their own ids and merged ones'.

    The ids of what was merged into them.
    """
    companies_by_id: dict[str, Json] = {}
    for company in companies:
        for id_ in split_list(read_text(company, MERGED)):
            companies_by_id.setdefault(id_, company)
        companies_by_id[str(company["id"])] = company
    return companies_by_id


def _find_differences(expected: Mapping[str, Value], company: Json) -> Iterator[tuple[str, Value]]:
    for name, value in expected.items():
        shown = read_text(company, name)
        if not is_same_value(value, shown):
            yield name, shown


def is_same_value(ours: Value, stored: str | None) -> bool:
    """Return whether two values are equal despite HubSpot's form.

    Of numbers, times and blanks.
    """
    text, other = "" if ours is None else format_value(ours), stored or ""
    if text.split() == other.split():
        return True
    return _is_same_number(text, other) or _is_same_time(text, other)


def _is_same_number(first: str, other: str) -> bool:
    try:
        return float(first) == float(other)
    except ValueError:
        return False


def _is_same_time(first: str, other: str) -> bool:
    """Return whether two times are equal to the millisecond."""
    try:
        moments = [datetime.fromisoformat(text) for text in (first, other)]
    except ValueError:
        return False
    if None in [moment.tzinfo for moment in moments]:
        return False
    return format_value(moments[0].astimezone(UTC)) == format_value(moments[1].astimezone(UTC))

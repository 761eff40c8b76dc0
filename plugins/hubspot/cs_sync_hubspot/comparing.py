"""Companies as they are now, against what was written to them: edits, merges, deletions."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from cs_sync import Op, Shown, Value
from cs_sync_hubspot.api import HubSpotApi
from cs_sync_hubspot.lookup import there
from cs_sync_hubspot.mapping import listed, text
from cs_sync_hubspot.text import written
from cs_sync_hubspot.transport import Json

MERGED = "hs_merged_object_ids"


def compared(api: HubSpotApi, ops: Sequence[Op]) -> Iterator[Shown]:
    """One for each company that exists; one that was merged away is its survivor."""
    names = sorted({name for op in ops for name in op.fields})
    ids = [op.remote_id for op in ops if op.remote_id is not None]
    companies = _by_every_id(there(api, "companies", ids, [*names, MERGED]))
    for op in ops:
        company = companies.get(op.remote_id or "")
        if company is not None:
            yield Shown(op.key, str(company["id"]), dict(_other(op.fields, company)))


def _by_every_id(companies: Iterator[Json]) -> dict[str, Json]:
    """By their own ids and by those of what was merged into them."""
    found: dict[str, Json] = {}
    for company in companies:
        for id_ in listed(text(company, MERGED)):
            found.setdefault(id_, company)
        found[str(company["id"])] = company
    return found


def _other(expected: Mapping[str, Value], company: Json) -> Iterator[tuple[str, Value]]:
    for name, value in expected.items():
        shown = text(company, name)
        if not same(value, shown):
            yield name, shown


def same(ours: Value, theirs: str | None) -> bool:
    """Whether HubSpot shows our value, in whatever way it keeps numbers, times and white space."""
    one, other = "" if ours is None else written(ours), theirs or ""
    if one.split() == other.split():
        return True
    return _number(one, other) or _time(one, other)


def _number(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def _time(one: str, other: str) -> bool:
    """Times are kept to the millisecond."""
    try:
        moments = [datetime.fromisoformat(text) for text in (one, other)]
    except ValueError:
        return False
    if None in [moment.tzinfo for moment in moments]:
        return False
    return written(moments[0].astimezone(UTC)) == written(moments[1].astimezone(UTC))

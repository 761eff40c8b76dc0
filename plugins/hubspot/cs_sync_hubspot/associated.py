"""Complete associations of objects, read without the search index."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from cs_sync import PaginationGuard, RequestRefused
from cs_sync_hubspot.api import ASSOCIATION_LIMIT, HubSpotApi, find_next_cursor
from cs_sync_hubspot.errors import format_error, get_category, iterate_details
from cs_sync_hubspot.transport import Json

_EMPTY_CODES = ("NO_ASSOCIATIONS_FOUND", "OBJECT_NOT_FOUND")


def read_associations(api: HubSpotApi, kind: str, other: str, ids: Sequence[str]) -> Iterator[Json]:
    """Yield HubSpot's results, `from` one object `to` others; large ones in parts."""
    pending: list[Json] = [{"id": id_} for id_ in ids]
    watches: defaultdict[str, PaginationGuard] = defaultdict(
        lambda: PaginationGuard(f"{kind} to {other}")
    )
    while pending:
        chunk, pending = pending[:ASSOCIATION_LIMIT], pending[ASSOCIATION_LIMIT:]
        body = api.associations(kind, other, chunk)
        _refuse_gaps(body)
        for result in body["results"]:
            yield result
            if (after := _find_cursor(result)) is not None:
                id_ = str(result["from"]["id"])
                watches[id_].check_next_page(after, len(result["to"]))
                pending.append({"id": id_, "after": after})


def _find_cursor(result: Json) -> str | None:
    """Find the cursor to one object's further associations, if usable."""
    whole = isinstance(result, dict) and {"from", "to"} <= result.keys()
    return find_next_cursor(result) if whole else None


def _refuse_gaps(body: Json) -> None:
    """Raise for any error other than "no associations".

    It is not an empty result.
    """
    for error in iterate_details(body):
        if not any(
            str(error.get(k, "")).endswith(_EMPTY_CODES) for k in ("category", "subCategory")
        ):
            raise RequestRefused(
                f"HubSpot did not return all associations: {get_category(error)}: "
                f"{format_error(error)}",
                status=207,
                body=error,
            )

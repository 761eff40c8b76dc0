"""What objects are associated with, whole: read past the search index, however many there are."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from cs_sync import ListWatch, RequestRefused
from cs_sync_hubspot.api import ASSOCIATION_LIMIT, HubSpotApi, next_after
from cs_sync_hubspot.refusals import category, details, said
from cs_sync_hubspot.transport import Json

_NOTHING_THERE = ("NO_ASSOCIATIONS_FOUND", "OBJECT_NOT_FOUND")


def associated(api: HubSpotApi, kind: str, other: str, ids: Sequence[str]) -> Iterator[Json]:
    """HubSpot's results, `from` one object `to` some others; one with many comes in parts."""
    asked: list[Json] = [{"id": id_} for id_ in ids]
    watches: defaultdict[str, ListWatch] = defaultdict(lambda: ListWatch(f"{kind} to {other}"))
    while asked:
        chunk, asked = asked[:ASSOCIATION_LIMIT], asked[ASSOCIATION_LIMIT:]
        body = api.associations(kind, other, chunk)
        _refuse_gaps(body)
        for result in body["results"]:
            yield result
            if (after := _next(result)) is not None:
                id_ = str(result["from"]["id"])
                watches[id_].goes_on(after, len(result["to"]))
                asked.append({"id": id_, "after": after})


def _next(result: Json) -> str | None:
    """Where the rest of one object's is, if it can be asked for."""
    whole = isinstance(result, dict) and {"from", "to"} <= result.keys()
    return next_after(result) if whole else None


def _refuse_gaps(body: Json) -> None:
    """An error that is more than "there are none" must not pass for an empty object."""
    for error in details(body):
        if not any(
            str(error.get(k, "")).endswith(_NOTHING_THERE) for k in ("category", "subCategory")
        ):
            raise RequestRefused(
                f"HubSpot did not tell all associations: {category(error)}: {said(error)}",
                status=207,
                body=error,
            )

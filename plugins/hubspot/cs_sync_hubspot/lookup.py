"""Reading of objects by id or key: absent ones are omitted, unclear ones are errors."""

from collections.abc import Iterator, Sequence
from functools import partial

from cs_sync import RequestRefused, VendorError, map_side_by_side
from cs_sync_hubspot.api import BATCH_LIMIT, HubSpotApi
from cs_sync_hubspot.config import LANES
from cs_sync_hubspot.errors import format_error, get_category, iterate_details
from cs_sync_hubspot.transport import Json


def read_by_ids(
    api: HubSpotApi,
    kind: str,
    ids: Sequence[str],
    properties: Sequence[str],
    key: str | None = None,
    *,
    archived: bool = False,
) -> Iterator[Json]:
    """Yield the existing objects with these ids, in no order.

    Args:
        api: The API.
        kind: The object type.
        ids: Record ids, or values of `key`.
        properties: The properties to return.
        key: A unique property.
        archived: Whether to read only archived objects.

    Raises:
        VendorError: HubSpot does not say of every object whether it exists.
    """
    batches = [ids[start : start + BATCH_LIMIT] for start in range(0, len(ids), BATCH_LIMIT)]
    read = partial(_read_batch, api, kind, properties, key, archived=archived)
    yield from map_side_by_side(read, batches, LANES)


def _read_batch(
    api: HubSpotApi,
    kind: str,
    properties: Sequence[str],
    key: str | None,
    ids: Sequence[str],
    *,
    archived: bool,
) -> Sequence[Json]:
    try:
        body = api.read(kind, ids, properties, key, archived=archived)
    except RequestRefused as refusal:
        if get_category(refusal.body) == "OBJECT_NOT_FOUND":
            return ()
        raise
    for error in iterate_details(body):
        if get_category(error) != "OBJECT_NOT_FOUND":
            raise VendorError(
                f"HubSpot did not say whether all {kind} exist: {format_error(error)}",
                "run again: nothing is created before that is known",
                status=207,
                body=dict(error),
            )
    results: Sequence[Json] = body["results"]
    return results

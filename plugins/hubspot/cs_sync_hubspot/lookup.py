"""Reads objects by id or key: what is not there is missing, what HubSpot leaves open an error."""

from collections.abc import Iterator, Sequence

from cs_sync import RequestRefused, VendorError
from cs_sync_hubspot.api import BATCH_LIMIT, HubSpotApi
from cs_sync_hubspot.refusals import category, details, said
from cs_sync_hubspot.transport import Json


def there(
    api: HubSpotApi,
    kind: str,
    ids: Sequence[str],
    properties: Sequence[str],
    key: str | None = None,
    *,
    archived: bool = False,
) -> Iterator[Json]:
    """The objects that exist under these ids, or values of the unique property `key`.

    Only the archived ones, if these are asked for.

    Raises VendorError where HubSpot does not say of every one whether it exists.
    """
    for start in range(0, len(ids), BATCH_LIMIT):
        yield from _some(
            api, kind, ids[start : start + BATCH_LIMIT], properties, key, archived=archived
        )


def _some(
    api: HubSpotApi,
    kind: str,
    ids: Sequence[str],
    properties: Sequence[str],
    key: str | None,
    *,
    archived: bool,
) -> Sequence[Json]:
    try:
        body = api.read(kind, ids, properties, key, archived=archived)
    except RequestRefused as refusal:
        if category(refusal.body) == "OBJECT_NOT_FOUND":
            return ()
        raise
    for error in details(body):
        if category(error) != "OBJECT_NOT_FOUND":
            raise VendorError(
                f"HubSpot did not tell whether all {kind} exist: {said(error)}",
                "run again: nothing is created before that is known",
                status=207,
                body=dict(error),
            )
    found: Sequence[Json] = body["results"]
    return found

"""HubSpot's owners: Acme's customer-success managers."""

from __future__ import annotations

from starlette.datastructures import QueryParams

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.hubspot.errors import make_not_found_error
from cs_sync_sandbox.hubspot.portal import Portal
from cs_sync_sandbox.hubspot.seed import OWNER
from cs_sync_sandbox.world.records import Owner

SINCE = "2024-01-08T08:00:00.000Z"


def list_owners(portal: Portal, query: QueryParams) -> tuple[int, Json]:
    """GET a page of owners.

    Those at work, or with `archived=true` those who left.
    """
    archived, limit = query.get("archived") == "true", int(query.get("limit", "100"))
    email, after = query.get("email"), int(query.get("after", "0"))
    rows = [
        owner
        for owner in portal.owners
        if owner.active != archived and email in {None, owner.email} and owner.number > after
    ]
    body: Json = {"results": [show_owner(owner) for owner in rows[:limit]]}
    if len(rows) > limit:
        body["paging"] = {"next": {"after": str(rows[limit - 1].number)}}
    return 200, body


def get_owner(portal: Portal, id_: str) -> tuple[int, Json]:
    """GET one owner."""
    for owner in portal.owners:
        if str(OWNER + owner.number) == id_:
            return 200, show_owner(owner)
    raise make_not_found_error("owners", id_)


def show_owner(owner: Owner) -> Json:
    """Return an owner as HubSpot shows it."""
    body: Json = {
        "id": str(OWNER + owner.number), "archived": not owner.active, "createdAt": SINCE,
        "email": owner.email, "firstName": owner.first, "lastName": owner.last, "type": "PERSON",
        "updatedAt": SINCE, "userIdIncludingInactive": 4000 + owner.number,
        "teams": [{"id": "1", "name": "Customer success", "primary": True}],
    }  # fmt: skip
    if owner.active:
        body["userId"] = 4000 + owner.number
    return body

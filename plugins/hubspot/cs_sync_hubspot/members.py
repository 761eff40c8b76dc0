"""Which contacts belong to which companies: read whole, as no change of it leaves a mark.

Associating a contact does not always touch the company's modification date, so there is no
changed-since. A thousand companies cost eleven requests.
"""

from collections.abc import Iterator, Sequence

from cs_sync import ListWatch, Page, Rejection, Row, Window, map_each
from cs_sync_hubspot.api import ASSOCIATION_LIMIT, HubSpotApi, next_after
from cs_sync_hubspot.associated import associated
from cs_sync_hubspot.transport import Json
from cs_sync_schemas import Membership

PRIMARY = 2
"""HubSpot's type id of "the contact's primary company", seen from the company."""


def read_members(api: HubSpotApi, window: Window) -> Iterator[Page]:
    """Memberships of all companies, a thousand companies a page."""
    after: str | None = window.resume
    while True:
        companies, nameless, after = _companies(api, after)
        rows, rejected = _members(api, companies)
        yield Page({Membership: rows}, resume=after, rejected=[*nameless, *rejected])
        if after is None:
            return


def _companies(api: HubSpotApi, after: str | None) -> tuple[list[str], list[Rejection], str | None]:
    """The next companies' ids, as many as one request for associations takes."""
    ids: list[str] = []
    nameless: list[Rejection] = []
    watch = ListWatch("companies")
    while True:
        body = api.page("companies", ("hs_object_id",), after=after)
        found, unnamed = map_each(Membership, body["results"], lambda item: str(item["id"]))
        ids, nameless = ids + found, nameless + unnamed
        after = next_after(body)
        if after is None or len(ids) >= ASSOCIATION_LIMIT:
            return ids, nameless, after
        watch.goes_on(after, len(body["results"]))


def _members(
    api: HubSpotApi, companies: Sequence[str]
) -> tuple[Sequence[Row], Sequence[Rejection]]:
    """The memberships of these companies; those of a company with many come in parts.

    What cannot be understood is rejected without an id, so that nothing stored is taken for gone.
    """
    results = associated(api, "companies", "contacts", companies)
    made, rejected = map_each(
        Membership, results, lambda result: list(_rows(result)), lambda _result: None
    )
    rows = {str(row["source_id"]): row for found in made for row in found}
    return list(rows.values()), rejected


def _rows(result: Json) -> Iterator[Row]:
    company = str(result["from"]["id"])
    for contact in result["to"]:
        contact_id = str(contact["toObjectId"])
        types = {kind["typeId"] for kind in contact["associationTypes"]}
        yield {
            "source_id": f"{company}:{contact_id}",
            "account_source_id": company,
            "contact_source_id": contact_id,
            "is_primary": PRIMARY in types,
        }

"""Memberships of contacts in companies, read completely each time.

Associating a contact does not always change the company's modification date, so changes
cannot be queried. A thousand companies cost eleven requests.
"""

from collections.abc import Iterator, Sequence

from cs_sync import Page, PaginationGuard, Rejection, Row, Window, map_each
from cs_sync_hubspot.api import ASSOCIATION_LIMIT, HubSpotApi, find_next_cursor
from cs_sync_hubspot.associated import read_associations
from cs_sync_hubspot.transport import Json
from cs_sync_schemas import Membership

PRIMARY_COMPANY_TYPE = 2
"""HubSpot's type id of "the contact's primary company", seen from the company."""


def read_memberships(api: HubSpotApi, window: Window) -> Iterator[Page]:
    """Yield the memberships of all companies, a thousand companies per page."""
    after: str | None = window.resume
    while True:
        companies, nameless, after = _read_company_ids(api, after)
        rows, rejected = _map_memberships(api, companies)
        yield Page({Membership: rows}, resume=after, rejected=[*nameless, *rejected])
        if after is None:
            return


def _read_company_ids(
    api: HubSpotApi, after: str | None
) -> tuple[list[str], list[Rejection], str | None]:
    """Return the next companies' ids, as many as one associations request takes."""
    ids: list[str] = []
    nameless: list[Rejection] = []
    watch = PaginationGuard("companies")
    while True:
        body = api.page("companies", ("hs_object_id",), after=after)
        company_ids, unnamed = map_each(Membership, body["results"], lambda item: str(item["id"]))
        ids, nameless = ids + company_ids, nameless + unnamed
        after = find_next_cursor(body)
        if after is None or len(ids) >= ASSOCIATION_LIMIT:
            return ids, nameless, after
        watch.check_next_page(after, len(body["results"]))


def _map_memberships(
    api: HubSpotApi, companies: Sequence[str]
) -> tuple[Sequence[Row], Sequence[Rejection]]:
    """Return the memberships of these companies; large companies come in parts.

    Unreadable results are rejected without an id, so that no stored membership counts as
    deleted.
    """
    results = read_associations(api, "companies", "contacts", companies)
    made, rejected = map_each(
        Membership, results, lambda result: list(_map_result(result)), lambda _result: None
    )
    rows = {str(row["source_id"]): row for mapped in made for row in mapped}
    return list(rows.values()), rejected


def _map_result(result: Json) -> Iterator[Row]:
    company = str(result["from"]["id"])
    for contact in result["to"]:
        contact_id = str(contact["toObjectId"])
        types = {kind["typeId"] for kind in contact["associationTypes"]}
        yield {
            "source_id": f"{company}:{contact_id}",
            "account_source_id": company,
            "contact_source_id": contact_id,
            "is_primary": PRIMARY_COMPANY_TYPE in types,
        }

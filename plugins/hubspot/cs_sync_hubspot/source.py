"""HubSpot as a source: owners, companies, contacts, who belongs to whom, survey answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from cs_sync import (
    ConnectorConfig,
    CredentialRefused,
    Finding,
    Http,
    Limit,
    Page,
    Stream,
    Unmappable,
    VendorError,
    Window,
    map_each,
)
from cs_sync_hubspot.api import HubSpotApi, next_after
from cs_sync_hubspot.config import LIMITS, HubSpotConfig
from cs_sync_hubspot.doors import open_door
from cs_sync_hubspot.mapping import Json, Kind, kinds_of, mapped, mapped_owners, when
from cs_sync_hubspot.members import read_members
from cs_sync_hubspot.scales import Misfits
from cs_sync_hubspot.search import Place, milliseconds, walk
from cs_sync_schemas import Alias, Membership, Owner, Record, SurveyResponse

LOOKBACK = timedelta(hours=1)
"""The search index is seconds to minutes behind, after imports longer. We read up to now, so that
what was saved a minute ago is seen at once, and read the last hour again on the next run."""

HISTORY = timedelta(days=88)
"""What is archived is listed for 90 days; two are left for clocks and long runs."""

_SCOPES = {
    "owners": "crm.objects.owners.read",
    "companies": "crm.objects.companies.read",
    "contacts": "crm.objects.contacts.read",
    "associations": "crm.objects.companies.read, crm.objects.contacts.read",
    "feedback_submissions": "crm.objects.feedback_submissions.read",
}


class HubSpotSource:
    """Reads the CRM."""

    name: ClassVar[str] = "hubspot"
    Config: ClassVar[type[ConnectorConfig]] = HubSpotConfig
    limits: ClassVar[Sequence[Limit]] = LIMITS
    concurrency: ClassVar[int] = 4

    def __init__(self, config: HubSpotConfig, http: Http) -> None:
        self._config = config
        self._api = HubSpotApi(open_door(config, http))
        self._kinds = kinds_of(config)
        self._misfits = Misfits(config, self._kinds["feedback_submissions"], self._api.search)

    def streams(self) -> Sequence[Stream]:
        """Owners, companies, contacts, associations, feedback submissions."""
        return (
            Stream("owners", Owner, self._owners, deletes="sweep", scope=_SCOPES["owners"]),
            self._objects("companies"),
            self._objects("contacts"),
            Stream(
                "associations",
                Membership,
                partial(read_members, self._api),
                deletes="sweep",
                scope=_SCOPES["associations"],
            ),
            self._objects("feedback_submissions"),
        )

    def _objects(self, name: str) -> Stream:
        kind = self._kinds[name]
        return Stream(
            name,
            kind.record,
            partial(self._read, kind),
            cursor="time",
            lookback=LOOKBACK,
            history=HISTORY,
            deletes="feed",
            scope=_SCOPES[name],
            extra=(Alias,),
        )

    def _owners(self, window: Window) -> Iterator[Page]:
        """All owners, archived ones first, so that one who came back ends as active."""
        place: dict[str, Any] | None = window.resume or {"archived": True, "after": None}
        while place is not None:
            body = self._api.owners(place["archived"], place["after"])
            records, rejected = mapped_owners(body["results"])
            place = _next_owners(place["archived"], next_after(body))
            yield Page(records, resume=place, rejected=rejected)

    def _read(self, kind: Kind, window: Window) -> Iterator[Page]:
        """What lives (a backfill lists it, else what changed is searched), then what is gone."""
        resume = window.resume or {}
        if "archived" not in resume:
            yield from self._living(kind, window)
            resume = {"archived": None}
        yield from self._archived(kind, window, resume["archived"])

    def _living(self, kind: Kind, window: Window) -> Iterator[Page]:
        """What HubSpot calculates changes without a date: with such a property all is listed."""
        if window.backfill:
            return self._listed(kind, window)
        if "search" in (window.resume or {}) or not self._calculated(kind):
            return self._changed(kind, window)
        return self._listed(kind, replace(window, since=None))

    def _calculated(self, kind: Kind) -> bool:
        """Whether the configuration names a property that HubSpot calculates."""
        if kind.name != "companies" or not self._config.names_properties:
            return False
        known = self._api.properties(kind.name)
        return any(known.get(name, {}).get("calculated") for name in kind.properties)

    def _listed(self, kind: Kind, window: Window) -> Iterator[Page]:
        """Lists everything; where a window begins later than the beginning, what it holds."""
        after: str | None = (window.resume or {}).get("list")
        while True:
            body = self._api.page(kind.name, kind.properties, after=after)
            items = body["results"]
            if window.since is not None:
                items = [i for i in items if _since(i, "createdAt", window.since)]
            after = next_after(body)
            resume = {"archived": None} if after is None else {"list": after}
            yield self._page(kind, items, resume)
            if after is None:
                return

    def _changed(self, kind: Kind, window: Window) -> Iterator[Page]:
        """Searches what changed, and says how many records there should be.

        What could not be mapped is no record, and not expected as one.
        """
        started = window.resume or {}
        since = 0 if window.since is None else milliseconds(window.since)
        place = Place.from_json(started["search"]) if started else Place(since)
        rejected: int = started.get("rejected", 0)
        for found in walk(self._api.search, kind, place, window.until):
            page = self._page(kind, found.items)
            rejected += len(found.items) - len(page.records[kind.record])
            going_on = (
                {"search": found.place.as_json(), "rejected": rejected} if found.place else None
            )
            expect = None if found.expect is None else found.expect - rejected
            yield replace(page, resume=going_on or {"archived": None}, expect=expect)

    def _page(self, kind: Kind, items: Sequence[Json], resume: object = None) -> Page:
        """A page of records; of answers, without those of surveys on an unknown scale."""
        page = _page(kind, items, resume)
        return self._misfits.refuse(page) if kind.record is SurveyResponse else page

    def _archived(self, kind: Kind, window: Window, after: str | None) -> Iterator[Page]:
        """Names what was archived; a search does not know it, and the list has no filter."""
        since = None if window.backfill else window.since
        while True:
            body = self._api.page(kind.name, ("hs_object_id",), archived=True, after=after)
            items = [item for item in body["results"] if _since(item, "archivedAt", since)]
            gone, rejected = map_each(kind.record, items, lambda item: str(item["id"]))
            after = next_after(body)
            resume = None if after is None else {"archived": after}
            yield Page({}, resume=resume, deleted={kind.record: gone}, rejected=rejected)
            if after is None:
                return

    def check(self) -> Iterator[Finding]:
        """Read one record of every stream, and look for the properties that were configured."""
        tries: dict[str, Callable[[], object]] = {
            "owners": lambda: self._api.owners(False, limit=1),
            **{name: partial(self._first, name) for name in ("companies", "contacts")},
            "associations": partial(self._first_members),
            "feedback_submissions": partial(self._first, "feedback_submissions"),
            "properties": self._wanted_properties,
        }
        for subject, attempt in tries.items():
            try:
                missing = attempt()
            except CredentialRefused as error:
                yield Finding(False, subject, error.message, error.remedy)
                return
            except VendorError as error:
                yield Finding(False, subject, error.message, error.remedy)
                continue
            yield missing if isinstance(missing, Finding) else Finding(True, subject, "readable")

    def _first(self, name: str) -> str | None:
        """The id of any object of a kind."""
        results = self._api.page(name, ("hs_object_id",), limit=1)["results"]
        return str(results[0]["id"]) if results else None

    def _first_members(self) -> None:
        company = self._first("companies")
        if company:
            self._api.associations("companies", "contacts", [{"id": company}])

    def _wanted_properties(self) -> Finding:
        """Whether the company properties that the configuration names exist."""
        config = self._config
        known = self._api.properties("companies")
        missing = {config.account_key_property, *config.company_properties} - known.keys()
        if not missing:
            return Finding(True, "properties", "all there")
        return Finding(
            not config.names_properties,
            "properties",
            f"companies have no property {', '.join(sorted(missing))}: it stays empty",
            f"create it in HubSpot, or name another in {config.section} account_key_property "
            "or company_properties; without an account id, companies are matched by domain",
        )


def _next_owners(archived: bool, after: str | None) -> dict[str, Any] | None:
    """Where owners go on: the next page of a list, or the list of the active ones."""
    if after is not None:
        return {"archived": archived, "after": after}
    return {"archived": False, "after": None} if archived else None


def _since(item: Any, name: str, since: datetime | None) -> bool:
    """Whether a time of an object is not before `since`; without either there is no telling."""
    if since is None or not isinstance(item, dict):
        return True
    try:
        at = when(item.get(name))
    except Unmappable:
        return True
    return at is None or at >= since


def _page(kind: Kind, items: Sequence[Json], resume: object = None) -> Page:
    """A page of records, with the ids that merges did away with."""
    records, rejected = mapped(kind, items)
    losers = [str(alias["source_id"]) for alias in records.get(Alias, ())]
    deleted: dict[type[Record], Sequence[str]] = {kind.record: losers} if losers else {}
    return Page(records, resume, deleted, rejected)

"""The streams of a portal: owners, companies, contacts, associations, survey answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from cs_sync import (
    CredentialRefused,
    Finding,
    Http,
    MappingError,
    Page,
    Stream,
    VendorError,
    Window,
    map_each,
)
from cs_sync_hubspot.api import find_next_cursor
from cs_sync_hubspot.client import make_api
from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_hubspot.histories import HistoryReader, name_past_fields
from cs_sync_hubspot.mapping import (
    ObjectType,
    build_object_types,
    map_object,
    map_owner,
)
from cs_sync_hubspot.memberships import read_memberships
from cs_sync_hubspot.objects import Json, parse_time
from cs_sync_hubspot.scales import ScaleGuard
from cs_sync_hubspot.search import SearchCursor, search_changes, to_milliseconds
from cs_sync_schemas import (
    AccountChange,
    Alias,
    Membership,
    Owner,
    SourceAccount,
    SurveyResponse,
)

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


class CrmReader:
    """Reads the CRM."""

    def __init__(self, config: HubSpotConfig, http: Http) -> None:
        self._config = config
        self._api = make_api(config, http)
        self._kinds = build_object_types(config)
        self._past = (
            HistoryReader(self._api, name_past_fields(config)) if config.property_history else None
        )
        self._misfits = ScaleGuard(config, self._kinds["feedback_submissions"], self._api.search)

    def streams(self) -> Sequence[Stream]:
        """Return owners, companies, contacts, associations, feedback submissions."""
        return (
            Stream("owners", Owner, self._read_owners, deletes="sweep", scope=_SCOPES["owners"]),
            self._object_stream("companies"),
            self._object_stream("contacts"),
            Stream(
                "associations",
                Membership,
                partial(read_memberships, self._api),
                deletes="sweep",
                scope=_SCOPES["associations"],
            ),
            self._object_stream("feedback_submissions"),
        )

    def _object_stream(self, name: str) -> Stream:
        kind = self._kinds[name]
        is_company = kind.record is SourceAccount
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
            children={AccountChange: "account_source_id"} if is_company else {},
            lasting=(AccountChange,) if is_company else (),
        )

    def _read_owners(self, window: Window) -> Iterator[Page]:
        """Yield all owners, archived ones first.

        So returned ones end as active.
        """
        place: dict[str, Any] | None = window.resume or {"archived": True, "after": None}
        while place is not None:
            body = self._api.owners(archived=place["archived"], after=place["after"])
            place = _next_owner_cursor(find_next_cursor(body), archived=place["archived"])
            yield Page.mapped(Owner, body["results"], map_owner, place)

    def _read(self, kind: ObjectType, window: Window) -> Iterator[Page]:
        """Yield active objects (listed by a backfill, else searched), then archived ones."""
        resume = window.resume or {}
        if "archived" not in resume:
            pages = self._read_active(kind, window)
            if self._past is not None and kind.record is SourceAccount:
                pages = map(partial(self._past.add_changes, window), pages)
            yield from pages
            resume = {"archived": None}
        yield from self._read_archived(kind, window, resume["archived"])

    def _read_active(self, kind: ObjectType, window: Window) -> Iterator[Page]:
        """Read active objects.

        All are listed if a calculated property changes without a date.
        """
        if window.backfill:
            return self._list_objects(kind, window)
        if "search" in (window.resume or {}) or not self._has_calculated_property(kind):
            return self._search_changed(kind, window)
        return self._list_objects(kind, replace(window, since=None))

    def _has_calculated_property(self, kind: ObjectType) -> bool:
        """Return whether a configured property is calculated by HubSpot."""
        if kind.name != "companies" or not self._config.names_properties:
            return False
        definitions = self._api.properties(kind.name)
        return any(definitions.get(name, {}).get("calculated") for name in kind.properties)

    def _list_objects(self, kind: ObjectType, window: Window) -> Iterator[Page]:
        """List all objects, or those created since the window's start."""
        after: str | None = (window.resume or {}).get("list")
        while True:
            body = self._api.page(kind.name, kind.properties, after=after)
            items = body["results"]
            if window.since is not None:
                items = [i for i in items if _is_since(i, "createdAt", window.since)]
            after = find_next_cursor(body)
            resume = {"archived": None} if after is None else {"list": after}
            yield self._build_known_page(kind, items, resume)
            if after is None:
                return

    def _search_changed(self, kind: ObjectType, window: Window) -> Iterator[Page]:
        """Search changed objects and give their expected number, without unmappable ones."""
        started = window.resume or {}
        since = 0 if window.since is None else to_milliseconds(window.since)
        place = SearchCursor.from_json(started["search"]) if started else SearchCursor(since)
        rejected: int = started.get("rejected", 0)
        for result in search_changes(self._api.search, kind, place, window.until):
            page = self._build_known_page(kind, result.items)
            rejected += len(result.items) - len(page.records[kind.record])
            going_on = (
                {"search": result.place.as_json(), "rejected": rejected} if result.place else None
            )
            expect = None if result.expect is None else result.expect - rejected
            yield replace(page, resume=going_on or {"archived": None}, expect=expect)

    def _build_known_page(
        self, kind: ObjectType, items: Sequence[Json], resume: object = None
    ) -> Page:
        """Build a page without answers of an unknown scale.

        Answers of surveys.
        """
        page = _build_page(kind, items, resume)
        return self._misfits.refuse(page) if kind.record is SurveyResponse else page

    def _read_archived(self, kind: ObjectType, window: Window, after: str | None) -> Iterator[Page]:
        """Yield archived ids; searches omit them, and the list has no filter."""
        since = None if window.backfill else window.since
        while True:
            body = self._api.page(kind.name, ("hs_object_id",), archived=True, after=after)
            items = [item for item in body["results"] if _is_since(item, "archivedAt", since)]
            archived_ids, rejected = map_each(kind.record, items, lambda item: str(item["id"]))
            after = find_next_cursor(body)
            resume = None if after is None else {"archived": after}
            yield Page({}, resume=resume, deleted={kind.record: archived_ids}, rejected=rejected)
            if after is None:
                return

    def check(self) -> Iterator[Finding]:
        """Read one record of every stream, and check the configured properties."""
        tries: dict[str, Callable[[], object]] = {
            "owners": lambda: self._api.owners(archived=False, limit=1),
            **{name: partial(self._find_any_id, name) for name in ("companies", "contacts")},
            "associations": partial(self._read_first_memberships),
            "feedback_submissions": partial(self._find_any_id, "feedback_submissions"),
            "properties": self._check_properties,
        }
        for subject, attempt in tries.items():
            try:
                missing = attempt()
            except CredentialRefused as error:
                yield Finding(ok=False, subject=subject, message=error.message, remedy=error.remedy)
                return
            except VendorError as error:
                yield Finding(ok=False, subject=subject, message=error.message, remedy=error.remedy)
                continue
            yield (
                missing
                if isinstance(missing, Finding)
                else Finding(ok=True, subject=subject, message="readable")
            )

    def _find_any_id(self, name: str) -> str | None:
        """Return the id of any object of a type."""
        results = self._api.page(name, ("hs_object_id",), limit=1)["results"]
        return str(results[0]["id"]) if results else None

    def _read_first_memberships(self) -> None:
        company = self._find_any_id("companies")
        if company:
            self._api.associations("companies", "contacts", [{"id": company}])

    def _check_properties(self) -> Finding:
        """Check that the configured company properties exist."""
        config = self._config
        definitions = self._api.properties("companies")
        missing = {config.account_key_property, *config.company_properties} - definitions.keys()
        if not missing:
            return Finding(ok=True, subject="properties", message="all there")
        return Finding(
            ok=not config.names_properties,
            subject="properties",
            message=f"companies have no property {', '.join(sorted(missing))}: it stays empty",
            remedy=f"create it in HubSpot, or name another in {config.section} "
            "account_key_property or company_properties; without an account id, companies are "
            "matched by domain",
        )


def _next_owner_cursor(after: str | None, *, archived: bool) -> dict[str, Any] | None:
    """Return the cursor after a page of owners."""
    if after is not None:
        return {"archived": archived, "after": after}
    return {"archived": False, "after": None} if archived else None


def _is_since(item: Any, name: str, since: datetime | None) -> bool:
    """Return whether a time is not before `since`.

    True if either is unknown.
    """
    if since is None or not isinstance(item, dict):
        return True
    try:
        at = parse_time(item.get(name))
    except MappingError:
        return True
    return at is None or at >= since


def _build_page(kind: ObjectType, items: Sequence[Json], resume: object = None) -> Page:
    """Build a page of records with the ids removed by merges."""
    page = Page.mapped(kind.record, items, partial(map_object, kind), resume)
    losers = [str(alias["source_id"]) for alias in page.records.get(Alias, ())]
    return replace(page, deleted={kind.record: losers}) if losers else page

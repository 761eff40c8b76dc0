"""Reading one stream: a backfill by creation time, then changes by the feed of events."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import Any, cast

from cs_sync import Page, Rejection, Row, Window, map_each
from cs_sync_schemas import Record, SubscriptionItem
from cs_sync_stripe.api import DISCOUNT_ENDED, EVENTS, Endpoint
from cs_sync_stripe.catalogue import Catalogue
from cs_sync_stripe.mapping.changes import CHANGES_ITEMS
from cs_sync_stripe.mapping.discounts import ended_discount
from cs_sync_stripe.mapping.fields import Mapped, Raw, id_of, map_or_reject, moment
from cs_sync_stripe.transport import Api, Place, fan_out


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the objects of one endpoint and maps them to records."""

    api: Api
    catalogue: Catalogue
    endpoint: Endpoint
    record: type[Record]
    mapper: Callable[[Raw], Iterable[Mapped]]
    ends_discounts_of: Callable[[Raw], bool] | None = None
    """Whether a discount that ended belongs to this stream."""

    def read(self, window: Window) -> Iterator[Page]:
        """The pages of a window; they resume after the last object, or event."""
        lists_all = window.backfill or not self.endpoint.events
        return self._created(window) if lists_all else self._changed(window)

    def _created(self, window: Window) -> Iterator[Page]:
        params: dict[str, Any] = {**self.endpoint.params, "created": _between(window)}
        if self.endpoint.expand:
            params["expand"] = [f"data.{name}" for name in self.endpoint.expand]
        if window.backfill:
            self.catalogue.expect_many()
        for rows, after in self.api.pages(self.endpoint.path, params, window.resume):
            yield self._page(*self._completed(rows), after)

    def _completed(self, rows: list[Any]) -> tuple[list[Any], list[str]]:
        """The objects with all of their nested rows, and the ids of those gone meanwhile."""
        nested = self.endpoint.nested
        if nested is None:
            return rows, []
        cut = [i for i, row in enumerate(rows) if _is_cut(row, nested.name)]
        if not cut:
            return rows, []
        whole = fan_out(lambda i: self.api.complete(nested, rows[i]), cut)
        known = {**dict(enumerate(rows)), **dict(zip(cut, whole, strict=True))}
        gone = [rows[i]["id"] for i in cut if known[i] is None]
        return [row for row in known.values() if row is not None], gone

    def _changed(self, window: Window) -> Iterator[Page]:
        """Events say which objects changed; each is read once, as a backfill would show it.

        What an event carries is rendered in the account's version, not in ours, and may be
        older than another event's: only the re-read object is true.
        """
        params = {"types": list(self.endpoint.events), "created": _between(window)}
        seen: set[str] = set()
        for told, place in self.api.pages(EVENTS.path, params, window.resume):
            events, odd = map_each(self.record, told, _understood, lambda _event: None)
            ids = [id for id in dict.fromkeys(map(self._pointer, events)) if id and id not in seen]
            seen.update(ids)
            found = dict(zip(ids, self._read_all(ids), strict=True))
            rows = [row for row in found.values() if row is not None]
            gone = [id for id, row in found.items() if row is None]
            page = self._page(rows, gone, place, self._ended(events))
            _date_versions(page, events)
            yield replace(page, rejected=[*page.rejected, *odd])

    def _read_all(self, ids: list[str]) -> list[Raw | None]:
        return fan_out(partial(self.api.read, self.endpoint), ids)

    def _pointer(self, event: Raw) -> str | None:
        """The id of the object that the event is about, None where it concerns another stream."""
        return id_of(_subject(event).get(self.endpoint.events.get(event["type"], "id")))

    def _ended(self, events: list[Raw]) -> Iterator[Mapped]:
        for event in events:
            mine = self.ends_discounts_of
            if event["type"] == DISCOUNT_ENDED and mine and mine(_subject(event)):
                yield from ended_discount(event, self.catalogue)

    def _page(
        self, rows: list[Any], gone: list[str], resume: Place | None, ended: Iterable[Mapped] = ()
    ) -> Page:
        made = [found for row in rows for found in map_or_reject(self.record, row, self.mapper)]
        records: dict[type[Record], list[Row]] = {}
        rejected: list[Rejection] = []
        for found in (*made, *ended):
            if isinstance(found, Rejection):
                rejected.append(found)
            else:
                records.setdefault(found[0], []).append(found[1])
        return Page(records, resume, {self.record: gone} if gone else {}, rejected)


def _understood(event: Raw) -> Raw:
    """The event, if it names its object and its second; raises what half an event raises."""
    if not isinstance(_subject(event), dict) or not isinstance(event["type"], str):
        raise TypeError("an event without an object or a type")
    moment(int(event["created"]))
    return event


def _subject(event: Raw) -> Raw:
    subject: Raw = event["data"]["object"]
    return subject


def _date_versions(page: Page, events: list[Raw]) -> None:
    """Say when items changed, so that their new versions begin then and not at this sync."""
    changed = {
        _subject(event)["id"]: event["created"]
        for event in sorted(events, key=itemgetter("created"))
        if CHANGES_ITEMS & set(event["data"].get("previous_attributes") or ())
    }
    for item in page.records.get(SubscriptionItem, ()):
        if at := changed.get(item["subscription_source_id"]):
            cast(dict[str, Any], item)["updated_at"] = moment(at)


def _is_cut(row: Any, field: str) -> bool:
    nested = row.get(field) if isinstance(row, dict) else None
    return isinstance(nested, dict) and bool(nested.get("has_more"))


def _between(window: Window) -> dict[str, int]:
    """`[since, until)` in whole seconds, as Stripe counts; the next window begins where it ends."""
    edges = {"lt": int(window.until.timestamp())}
    if window.since is not None:
        edges["gte"] = int(window.since.timestamp())
    return edges

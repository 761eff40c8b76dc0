"""Idempotent objects: tasks and notes, each created once because of its key."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from cs_sync import Op, PaginationGuard, RequestRefused
from cs_sync_hubspot.api import BATCH_LIMIT, HubSpotApi, find_next_cursor
from cs_sync_hubspot.associated import read_associations
from cs_sync_hubspot.lookup import read_by_ids
from cs_sync_hubspot.objects import read_text
from cs_sync_hubspot.transport import Json

KEY = "cs_sync_key"
"""The property that holds the key."""

Guarantee = Literal["unique", "searched", "absent"]
"""How an object is found by its key: read directly, through the search index, or not at all yet."""


class IdempotentObjects:
    """The objects of one type (tasks, notes) with a key of ours."""

    def __init__(
        self, api: HubSpotApi, kind: str, shown: Sequence[str], made_of: Callable[[Op], Json]
    ) -> None:
        self._api, self._kind, self._made_of = api, kind, made_of
        self._shown = (KEY, *shown)
        self._known: Guarantee = "absent"

    def find_guarantee(self) -> Guarantee:
        """Find how keys are looked up in this portal.

        Read until the property exists.
        """
        if self._known == "absent":
            self._known = parse_guarantee(self._api.properties(self._kind).get(KEY))
        return self._known

    def read(self, keys: Sequence[str]) -> dict[str, Json]:
        """Return the existing objects with these keys, by key."""
        guarantee = self.find_guarantee() if keys else "absent"
        if guarantee == "absent":
            return {}
        if guarantee == "unique":
            candidates = read_by_ids(self._api, self._kind, keys, self._shown, KEY)
        else:
            candidates = self._search_keys(keys)
        objects: dict[str, Json] = {}
        for item in candidates:
            objects.setdefault(read_text(item, KEY) or "", item)
        return {key: objects[key] for key in keys if key in objects}

    def read_at_companies(self, companies: Sequence[str]) -> Iterator[tuple[str, Json]]:
        """Yield (company, object) for objects with our keys, oldest first.

        At these companies.
        """
        results = list(read_associations(self._api, "companies", self._kind, companies))
        ends = [
            (str(result["from"]["id"]), str(end["toObjectId"]))
            for result in results
            for end in result["to"]
        ]
        ids = sorted({id_ for _, id_ in ends}, key=lambda id_: (len(id_), id_))
        objects = {
            str(item["id"]): item for item in read_by_ids(self._api, self._kind, ids, self._shown)
        }
        company_of = dict(sorted(((id_, company) for company, id_ in ends), reverse=True))
        for id_ in ids:
            if id_ in objects and read_text(objects[id_], KEY):
                yield company_of[id_], objects[id_]

    def find_existing(self, ops: Sequence[Op]) -> Mapping[str, str]:
        """Return key → id of existing objects, including those created just now.

        The search index may lack them; if lookups depend on it, the companies are read, too.
        """
        existing = self.read([op.key for op in ops])
        if self._known == "searched":
            existing |= self._find_at_companies([op for op in ops if op.key not in existing])
        return {key: str(item["id"]) for key, item in existing.items()}

    def deleted(self, ops: Sequence[Op]) -> Mapping[str, str]:
        """Map key → id of deleted objects.

        Empty where keys are not unique. Only unique keys reveal them. They are read before creating
        something, so that deleted objects are not created again even if the ledger is lost.
        """
        if not ops or self.find_guarantee() != "unique":
            return {}
        keys = [op.key for op in ops]
        try:
            archived_items = list(
                read_by_ids(self._api, self._kind, keys, (KEY,), KEY, archived=True)
            )
        except RequestRefused:
            return {}
        return {read_text(item, KEY) or "": str(item["id"]) for item in archived_items}

    def create(self, ops: Sequence[Op]) -> Json:
        """Create an object for each operation, with its company."""
        return self._api.create(self._kind, [self._made_of(op) for op in ops])

    def _search_keys(self, keys: Sequence[str]) -> Iterator[Json]:
        """Search by key, oldest first; objects created just now may be missing.

        An IN filter on text compares with the lower-case form.
        """
        for start in range(0, len(keys), BATCH_LIMIT):
            values = [key.lower() for key in keys[start : start + BATCH_LIMIT]]
            condition = {"propertyName": KEY, "operator": "IN", "values": values}
            yield from self._search_all({"filterGroups": [{"filters": [condition]}]})

    def _find_at_companies(self, ops: Sequence[Op]) -> dict[str, Json]:
        """Return the operations' objects among all of this type at their companies."""
        companies = sorted({op.account_remote_id for op in ops if op.account_remote_id})
        keys = {op.key for op in ops}
        objects = {
            read_text(item, KEY) or "": item for _, item in self.read_at_companies(companies)
        }
        return {key: item for key, item in objects.items() if key in keys}

    def _search_all(self, question: Json) -> Iterator[Json]:
        query: Json = {
            **question,
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": list(self._shown),
            "limit": BATCH_LIMIT,
        }
        watch = PaginationGuard(self._kind)
        while True:
            body = self._api.search(self._kind, query)
            yield from body["results"]
            after = find_next_cursor(body)
            if after is None:
                return
            watch.check_next_page(after, len(body["results"]))
            query = {**query, "after": after}


def parse_guarantee(definition: Mapping[str, Any] | None) -> Guarantee:
    """Return the guarantee that HubSpot's definition of the key property gives."""
    if definition is None or definition.get("archived"):
        return "absent"
    return "unique" if definition.get("hasUniqueValue") else "searched"


def associate(remote_id: str | None, association: int) -> list[Json]:
    """Return the association with a record, if any, by HubSpot's own type."""
    if remote_id is None:
        return []
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": association}
    return [{"to": {"id": remote_id}, "types": [kind]}]

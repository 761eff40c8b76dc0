"""Objects of ours in HubSpot, each of which exists once because it carries a key of ours."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from cs_sync import ListWatch, Op, RequestRefused
from cs_sync_hubspot.api import BATCH_LIMIT, HubSpotApi, next_after
from cs_sync_hubspot.associated import associated
from cs_sync_hubspot.lookup import there
from cs_sync_hubspot.mapping import text
from cs_sync_hubspot.transport import Json

KEY = "cs_sync_key"
"""The property that holds the key."""

Guarantee = Literal["unique", "searched", "absent"]
"""How an object is found by its key: read directly, through the search index, or not at all yet."""


class Keyed:
    """The objects of a kind (tasks, notes) that carry a key of ours."""

    def __init__(
        self, api: HubSpotApi, kind: str, shown: Sequence[str], made_of: Callable[[Op], Json]
    ) -> None:
        self._api, self._kind, self._made_of = api, kind, made_of
        self._shown = (KEY, *shown)
        self._known: Guarantee = "absent"

    def guarantee(self) -> Guarantee:
        """How keys are read in this portal; asked until the property is there."""
        if self._known == "absent":
            self._known = guarantee_of(self._api.properties(self._kind).get(KEY))
        return self._known

    def read(self, keys: Sequence[str]) -> dict[str, Json]:
        """The objects that exist under these keys."""
        guarantee = self.guarantee() if keys else "absent"
        if guarantee == "absent":
            return {}
        if guarantee == "unique":
            candidates = there(self._api, self._kind, keys, self._shown, KEY)
        else:
            candidates = self._searched(keys)
        found: dict[str, Json] = {}
        for one in candidates:
            found.setdefault(text(one, KEY) or "", one)
        return {key: found[key] for key in keys if key in found}

    def at_companies(self, companies: Sequence[str]) -> Iterator[tuple[str, Json]]:
        """Yield (company, object) for everything with a key of ours at these, the oldest first."""
        results = list(associated(self._api, "companies", self._kind, companies))
        ends = [
            (str(result["from"]["id"]), str(end["toObjectId"]))
            for result in results
            for end in result["to"]
        ]
        ids = sorted({id_ for _, id_ in ends}, key=lambda id_: (len(id_), id_))
        known = {str(one["id"]): one for one in there(self._api, self._kind, ids, self._shown)}
        company_of = dict(sorted(((id_, company) for company, id_ in ends), reverse=True))
        for id_ in ids:
            if id_ in known and text(known[id_], KEY):
                yield company_of[id_], known[id_]

    def existing(self, ops: Sequence[Op]) -> Mapping[str, str]:
        """Key → id of those that exist, also of what was created a moment ago.

        The search index may not show it yet; where it must be asked, so are the companies.
        """
        found = self.read([op.key for op in ops])
        if self._known == "searched":
            found |= self._on_companies([op for op in ops if op.key not in found])
        return {key: str(one["id"]) for key, one in found.items()}

    def deleted(self, ops: Sequence[Op]) -> Mapping[str, str]:
        """Key → id of those that somebody deleted; HubSpot tells where keys are unique.

        They are asked for only before something is created, so that with a lost ledger, too,
        what people threw away stays away.
        """
        if not ops or self.guarantee() != "unique":
            return {}
        keys = [op.key for op in ops]
        try:
            gone = list(there(self._api, self._kind, keys, (KEY,), KEY, archived=True))
        except RequestRefused:
            return {}
        return {text(one, KEY) or "": str(one["id"]) for one in gone}

    def create(self, ops: Sequence[Op]) -> Json:
        """Create one for each, with its company."""
        return self._api.create(self._kind, [self._made_of(op) for op in ops])

    def _searched(self, keys: Sequence[str]) -> Iterator[Json]:
        """Through the index: what was created a moment ago may be missing; the oldest comes first.

        An IN filter on text compares with the lower-case form.
        """
        for start in range(0, len(keys), BATCH_LIMIT):
            values = [key.lower() for key in keys[start : start + BATCH_LIMIT]]
            wanted = {"propertyName": KEY, "operator": "IN", "values": values}
            yield from self._all({"filterGroups": [{"filters": [wanted]}]})

    def _on_companies(self, ops: Sequence[Op]) -> dict[str, Json]:
        """Those among everything of this kind that hangs on the companies of these operations."""
        companies = sorted({op.account_remote_id for op in ops if op.account_remote_id})
        wanted = {op.key for op in ops}
        found = {text(one, KEY) or "": one for _, one in self.at_companies(companies)}
        return {key: one for key, one in found.items() if key in wanted}

    def _all(self, question: Json) -> Iterator[Json]:
        query: Json = {
            **question,
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": list(self._shown),
            "limit": BATCH_LIMIT,
        }
        watch = ListWatch(self._kind)
        while True:
            body = self._api.search(self._kind, query)
            yield from body["results"]
            after = next_after(body)
            if after is None:
                return
            watch.goes_on(after, len(body["results"]))
            query = {**query, "after": after}


def guarantee_of(definition: Mapping[str, Any] | None) -> Guarantee:
    """What the key's property, as HubSpot describes it, allows."""
    if definition is None or definition.get("archived"):
        return "absent"
    return "unique" if definition.get("hasUniqueValue") else "searched"


def on_company(remote_id: str | None, association: int) -> list[Json]:
    """The association with a company, if there is one, by HubSpot's own type."""
    if remote_id is None:
        return []
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": association}
    return [{"to": {"id": remote_id}, "types": [kind]}]

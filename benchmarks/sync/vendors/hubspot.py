"""HubSpot's list and search of contacts, each object encoded once."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

Query = dict[str, list[str]]
LISTS, SEARCH = "/objects/", "/search"
FIRST_NAMES = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Radia")


@dataclass(slots=True)
class HubSpot:
    """A portal of contacts, all of which were saved last a month before `now`."""

    size: int
    now: int
    rows: list[bytes] = field(init=False)
    changed: dict[int, int] = field(default_factory=dict)
    """Place → when it was changed, in milliseconds since 1970."""

    def __post_init__(self) -> None:
        self.rows = [self._contact(place) for place in range(self.size)]

    def change(self, share: float, at: int) -> int:
        """Change every so many-th contact; how many that were."""
        for place in range(0, self.size, max(1, round(1 / share))):
            self.changed[place] = at * 1000 + place % 1000
            self.rows[place] = self._contact(place, self.changed[place], "Chief of the desk")
        return len(self.changed)

    def answer(self, path: str, query: Query, body: bytes) -> bytes | None:
        """The body of an answer; every kind but contacts is empty."""
        if path.endswith(SEARCH):
            return self._found(orjson.loads(body)) if "/contacts/" in path else _page([], 0)
        archived = query.get("archived", ["false"])[0].lower() == "true"
        if not path.endswith("/contacts") or archived:
            return _page([])
        start, limit = int(query.get("after", ["0"])[0]), int(query.get("limit", ["10"])[0])
        stop = min(start + limit, self.size)
        return _page(self.rows[start:stop], after=str(stop) if stop < self.size else None)

    def _found(self, asked: dict[str, Any]) -> bytes:
        """What changed in the time that is asked for, oldest first."""
        bounds = {f["operator"]: int(f["value"]) for f in asked["filterGroups"][0]["filters"]}
        places = sorted(self.changed, key=lambda place: self.changed[place])
        inside = [p for p in places if bounds["GTE"] <= self.changed[p] < bounds["LT"]]
        shown = inside[: asked["limit"]]
        after = str(len(shown)) if len(shown) < len(inside) else None
        return _page([self.rows[place] for place in shown], len(inside), after)

    def _contact(
        self, place: int, changed: int | None = None, title: str = "Head of desk"
    ) -> bytes:
        born = datetime.fromtimestamp(self.now, UTC) - timedelta(days=31 + place % 1000)
        saved = datetime.fromtimestamp(self.now - 2678400, UTC)
        if changed is not None:
            saved = datetime.fromtimestamp(changed / 1000, UTC)
        first = FIRST_NAMES[place % len(FIRST_NAMES)]
        properties = {
            "associatedcompanyid": str(place // 5), "createdate": _time(born),
            "email": f"{first.lower()}.{place}@customer-{place // 5}.example",
            "firstname": first, "hs_additional_emails": None,
            "hs_merged_object_ids": None, "hs_object_id": str(place + 1), "jobtitle": title,
            "lastmodifieddate": _time(saved), "lastname": f"Lastname-{place}",
            "lifecyclestage": "customer", "phone": f"+31 30 {place:07d}",
        }  # fmt: skip
        body = {
            "id": str(place + 1), "properties": properties, "createdAt": _time(born),
            "updatedAt": _time(saved), "archived": False,
            "url": f"https://app.hubspot.com/contacts/1/record/0-1/{place + 1}",
        }  # fmt: skip
        return orjson.dumps(body)


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _page(rows: list[bytes], total: int | None = None, after: str | None = None) -> bytes:
    parts = [b'"results":[' + b",".join(rows) + b"]"]
    if total is not None:
        parts.append(b'"total":%d' % total)
    if after is not None:
        parts.append(b'"paging":{"next":{"after":"%b","link":"-"}}' % after.encode())
    return b"{" + b",".join(parts) + b"}"

"""Calls to HubSpot through the official client, with plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from cs_sync import Http, RequestRefused, Shape
from cs_sync_hubspot.transport import HttpTransport, Json

if TYPE_CHECKING:  # a command that asks no vendor starts without its client
    import httpx

SHAPES = (
    Shape(r"/crm/lists/", {"list": dict}),
    Shape(r"/search$", {"results": list, "total": int}),
    Shape(r"/crm/properties/", {"results": list}, "GET"),
    Shape(r"/crm/properties/", {"name": str}),
    Shape(r"/crm/", {"results": list}),
)
LIST_LIMIT = 100
SEARCH_LIMIT = 200
BATCH_LIMIT = 100
HISTORY_LIMIT = 50
ASSOCIATION_LIMIT = 1000
MAX_PROPERTY_NAMES = 1500
"""Characters of property names in an address; servers cut addresses off somewhere."""


def find_next_cursor(body: Mapping[str, Any]) -> str | None:
    """Find the next page's cursor.

    None on the last page, whatever the page's size.
    """
    after = ((body.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None else str(after)


class HubSpotApi:
    """The official client's API objects, cached, sending through the host's client.

    They check arguments, build paths, queries and bodies, and authenticate. Their models are not
    made: that takes a hundred times as long as decoding. The API objects are imported on first
    use: importing the client takes a third of a second.
    """

    def __init__(self, http: Http, access_token: str) -> None:
        self._transport = HttpTransport(http)
        self._access_token = access_token

    def _build_api(self, package: str, api: str) -> Any:
        module = import_module(f"hubspot.crm.{package}")
        configuration = module.Configuration()
        configuration.access_token = self._access_token
        configuration.host = ""
        client = module.ApiClient(configuration)
        client.rest_client = self._transport
        client.user_agent = "cs-sync"
        return getattr(module, api)(client)

    @cached_property
    def _objects(self) -> Any:
        return self._build_api("objects", "BasicApi")

    @cached_property
    def _batch(self) -> Any:
        return self._build_api("objects", "BatchApi")

    @cached_property
    def _search(self) -> Any:
        return self._build_api("objects", "SearchApi")

    @cached_property
    def _owners(self) -> Any:
        return self._build_api("owners", "OwnersApi")

    @cached_property
    def _associations(self) -> Any:
        return self._build_api("associations.v4", "BatchApi")

    @cached_property
    def _properties(self) -> Any:
        return self._build_api("properties", "CoreApi")

    @cached_property
    def _groups(self) -> Any:
        return self._build_api("properties", "GroupsApi")

    @cached_property
    def _lists(self) -> Any:
        return self._build_api("lists", "ListsApi")

    def owners(self, *, archived: bool, after: str | None = None, limit: int = LIST_LIMIT) -> Json:
        """Read one page of owners."""
        return _call_raw(
            self._owners.get_page, limit=limit, archived=archived, **_cursor_params(after)
        )

    def page(
        self,
        kind: str,
        properties: Sequence[str],
        *,
        archived: bool = False,
        after: str | None = None,
        limit: int = LIST_LIMIT,
    ) -> Json:
        """Read one page of objects with the given properties.

        Too many names for a URL are sent in the body of a second request, which returns active
        objects only.
        """
        names = ",".join(properties)
        if len(names) > MAX_PROPERTY_NAMES:
            body = self.page(kind, ("hs_object_id",), after=after, limit=limit)
            return {**body, "results": self._read_whole(kind, body["results"], properties)}
        options = {"archived": archived, "properties": [names], **_cursor_params(after)}
        return _call_raw(self._objects.get_page, kind, limit=limit, **options)

    def _read_whole(
        self, kind: str, items: Sequence[Json], properties: Sequence[str]
    ) -> Sequence[Json]:
        """Return the same objects with these properties, without those deleted meanwhile."""
        if not items:
            return ()
        ids = [str(item["id"]) for item in items]
        objects: Sequence[Json] = self.read(kind, ids, properties)["results"]
        return objects

    def search(self, kind: str, query: Json) -> Json:
        """Search objects; archived ones are never found."""
        return _call_raw(self._search.do_search, kind, query)

    def read(
        self,
        kind: str,
        ids: Sequence[str],
        properties: Sequence[str],
        key: str | None = None,
        *,
        archived: bool = False,
    ) -> Json:
        """Read the objects (at most 100) with these ids.

        Args:
            kind: The object type.
            ids: Record ids, or values of `key`.
            properties: The properties to return.
            key: A unique property.
            archived: Whether to read archived objects instead.
        """
        query = {
            **({"idProperty": key} if key else {}),
            "inputs": [{"id": value} for value in ids],
            "properties": list(properties),
            "propertiesWithHistory": [],
        }
        options = {"archived": True} if archived else {}
        return _call_raw(self._batch.read, kind, query, **options)

    def read_histories(self, kind: str, ids: Sequence[str], names: Sequence[str]) -> Json:
        """Read past values, newest first, of at most 50 objects."""
        query = {
            "inputs": [{"id": value} for value in ids],
            "properties": [],
            "propertiesWithHistory": list(names),
        }
        return _call_raw(self._batch.read, kind, query)

    def update(self, kind: str, inputs: Sequence[Json]) -> Json:
        """Update objects (at most 100) by record id."""
        return _call_raw(self._batch.update, kind, {"inputs": list(inputs)})

    def create(self, kind: str, inputs: Sequence[Json]) -> Json:
        """Create objects (at most 100) with their associations."""
        return _call_raw(self._batch.create, kind, {"inputs": list(inputs)})

    def associations(self, kind: str, other: str, inputs: Sequence[Json]) -> Json:
        """Read the associations of up to 1000 objects with another type."""
        return _call_raw(self._associations.get_page, kind, other, {"inputs": list(inputs)})

    def properties(self, kind: str) -> dict[str, Json]:
        """Read an object type's properties, by name."""
        return {p["name"]: p for p in _call_raw(self._properties.get_all, kind)["results"]}

    def create_property(self, kind: str, definition: Json) -> Json:
        """Create one property."""
        return _call_raw(self._properties.create, kind, definition)

    def update_property(self, kind: str, name: str, change: Json) -> Json:
        """Update one property's definition."""
        return _call_raw(self._properties.update, kind, name, change)

    def groups(self, kind: str) -> set[str]:
        """Read the names of an object type's property groups."""
        return {g["name"] for g in _call_raw(self._groups.get_all, kind)["results"]}

    def create_group(self, kind: str, definition: Json) -> Json:
        """Create one property group."""
        return _call_raw(self._groups.create, kind, definition)

    def has_list(self, name: str, object_type: str) -> bool:
        """Return whether a list of this name exists."""
        try:
            _call_raw(self._lists.get_by_name, name, object_type)
        except RequestRefused as refusal:
            if refusal.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    def create_list(self, definition: Json) -> Json:
        """Create one list."""
        return _call_raw(self._lists.create, definition)


def _call_raw(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Json:
    """Call the client for the undecoded response; decode it ourselves.

    The host decoded the document.
    """
    response: httpx.Response = call(*args, _preload_content=False, **kwargs)
    return cast(Json, response.extensions["json"])


def _cursor_params(after: str | None) -> dict[str, str]:
    return {} if after is None else {"after": after}

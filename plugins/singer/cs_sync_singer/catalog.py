"""The catalog of a tap: what it has, and what of it is selected; pure."""

from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from typing import Any

from cs_sync import ConfigError
from cs_sync.rest import suggest_nearest

Catalog = Mapping[str, Any]


def list_names(catalog: Catalog) -> list[str]:
    """Return the ids of a catalog's streams."""
    return [str(entry.get("tap_stream_id") or entry.get("stream")) for entry in _list(catalog)]


def find_entry(catalog: Catalog, name: str) -> Mapping[str, Any]:
    """Return the entry of a stream, by its id or its name.

    Raises:
        ConfigError: The catalog has none, or several of this name.
    """
    for key in ("tap_stream_id", "stream"):
        entries = [entry for entry in _list(catalog) if entry.get(key) == name]
        if len(entries) == 1:
            return entries[0]
        if entries:
            ids = ", ".join(str(entry.get("tap_stream_id")) for entry in entries)
            raise ConfigError(f"the tap has several streams {name}", f"write one of {ids}")
    names = list_names(catalog)
    raise ConfigError(f"the tap has no stream {name}", suggest_nearest(name, names))


def list_message_names(entry: Mapping[str, Any]) -> set[str]:
    """Return the names by which messages may call a stream."""
    return {str(entry[key]) for key in ("tap_stream_id", "stream") if entry.get(key)}


def select_streams(catalog: Catalog, names: Collection[str], *, full_table: bool) -> Catalog:
    """Return the catalog with these streams selected, and no others.

    Args:
        catalog: As the tap discovers it.
        names: Ids or names of the streams.
        full_table: Whether all of them are read, whatever changed.

    Raises:
        ConfigError: The catalog has no such stream.
    """
    chosen = [id(find_entry(catalog, name)) for name in names]
    return {
        **catalog,
        "streams": [
            _mark(entry, selected=id(entry) in chosen, full_table=full_table)
            for entry in _list(catalog)
        ],
    }


def get_properties(schema: Any) -> Mapping[str, Any] | None:
    """Return a schema's properties; None if objects may have others."""
    if not isinstance(schema, Mapping) or schema.get("additionalProperties"):
        return None
    return schema.get("properties") or None


def is_full_table(entry: Mapping[str, Any]) -> bool:
    """Return whether the tap reads all of a stream every time."""
    root = next(iter(_list_root_metadata(entry)), {})
    methods = (root.get("forced-replication-method"), entry.get("replication_method"))
    return "FULL_TABLE" in methods


def _list(catalog: Catalog) -> list[Mapping[str, Any]]:
    return [entry for entry in catalog.get("streams") or () if isinstance(entry, dict)]


def _list_root_metadata(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for each in entry.get("metadata") or ():
        if not each.get("breadcrumb"):
            yield each.setdefault("metadata", {})


def _mark(entry: Mapping[str, Any], *, selected: bool, full_table: bool) -> dict[str, Any]:
    """Return the entry selected or not, with all its fields.

    In each way that taps have looked for it.
    """
    marked: dict[str, Any] = deepcopy(dict(entry))
    marked.setdefault("metadata", [])
    if not any(True for _root in _list_root_metadata(marked)):
        marked["metadata"].append({"breadcrumb": [], "metadata": {}})
    for each in marked["metadata"]:
        facts = each.setdefault("metadata", {})
        if not each.get("breadcrumb"):
            facts["selected"] = selected
            if full_table:
                facts["replication-method"] = "FULL_TABLE"
        elif facts.get("inclusion") != "unsupported":
            facts["selected"] = selected
    marked["selected"] = selected
    if isinstance(marked.get("schema"), dict):
        marked["schema"]["selected"] = selected
    if full_table:
        marked["replication_method"] = "FULL_TABLE"
    return marked

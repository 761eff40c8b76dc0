"""HubSpot's record calls: list, read, create, update, upsert, archive, merge; one or a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from starlette.datastructures import QueryParams

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.hubspot.errors import make_invalid_error, make_partial_error
from cs_sync_sandbox.hubspot.portal import Portal, Record, make_conflict_error
from cs_sync_sandbox.hubspot.values import format_instant

BATCH, PAGE, HISTORY_BATCH = 100, 100, 50
READ_ONLY_KINDS = frozenset({"feedback_submissions"})
REQUIRED = {"tasks": "hs_timestamp", "notes": "hs_timestamp"}
# Types of associations (HUBSPOT_DEFINED), there and back.
TYPES = {
    ("tasks", "companies"): {192}, ("companies", "tasks"): {191},
    ("notes", "companies"): {190}, ("companies", "notes"): {189},
    ("tasks", "contacts"): {204}, ("contacts", "tasks"): {203},
    ("contacts", "companies"): {1, 279}, ("companies", "contacts"): {2, 280},
}  # fmt: skip

Answer = tuple[int, Json]


def list_records(portal: Portal, kind: str, query: QueryParams) -> Answer:
    """GET a page of records by id."""
    limit = _limit(query.get("limit", "10"), PAGE)
    archived = query.get("archived", "false") == "true"
    rows = [r for r in portal.objects[kind].values() if (r.archived_at is not None) == archived]
    rows.sort(key=lambda record: int(record.id))
    after = int(query.get("after", "0"))
    rest = [record for record in rows if int(record.id) > after]
    requested = _parse_names(query, "properties")
    results = [
        {
            **portal.shown(r, requested),
            **_list_associations(portal, r, _parse_names(query, "associations")),
        }
        for r in rest[:limit]
    ]
    body: Json = {"results": results}
    if len(rest) > limit:
        last = rest[limit - 1].id
        link = f"https://api.hubapi.com/crm/objects/2026-03/{kind}?limit={limit}&after={last}"
        body["paging"] = {"next": {"after": last, "link": link}}
    return 200, body


def get_record(portal: Portal, kind: str, id_: str, query: QueryParams) -> Answer:
    """GET one record."""
    record = portal.required(kind, id_, query.get("idProperty"))
    shown = portal.shown(record, _parse_names(query, "properties"))
    return 200, {**shown, **_list_associations(portal, record, _parse_names(query, "associations"))}


def patch_record(portal: Portal, kind: str, id_: str, query: QueryParams, body: Json) -> Answer:
    """PATCH one record."""
    record = portal.required(kind, id_, query.get("idProperty"))
    values = portal.checked(kind, body.get("properties", {}))
    portal.check_unique(kind, values, record)
    portal.update(record, values)
    return 200, portal.shown(record, values)


def read_batch(portal: Portal, kind: str, query: QueryParams, body: Json) -> Answer:
    """POST batch/read: by id or by `idProperty`.

    What is not there makes a 207.
    """
    find = portal.find_archived if query.get("archived") in {"true", "True"} else portal.find
    inputs = _read_inputs(body, distinct=False)
    records, lost = list[Record](), list[str]()
    for entry in inputs:
        record = find(kind, str(entry["id"]), body.get("idProperty"))
        if record is None:
            lost.append(str(entry["id"]))
        elif record not in records:
            records.append(record)
    requested = body.get("properties") or ()
    past = body.get("propertiesWithHistory") or ()
    if past and len(inputs) > HISTORY_BATCH:
        raise make_invalid_error(f"At most {HISTORY_BATCH} inputs with propertiesWithHistory")
    shown = []
    for record in _sort_newest_first(records):
        more = {"propertiesWithHistory": portal.shown_history(record, past)} if past else {}
        shown.append({**portal.shown(record, [*requested, *past]), **more})
    return _make_batch(portal, shown, _make_missing_errors(kind, lost))


def create_batch(portal: Portal, kind: str, body: Json) -> Answer:
    """POST batch/create: all or nothing.

    A taken unique value refuses the batch with 409.
    """
    inputs = _read_inputs(body, distinct=False)
    values = [portal.checked(kind, entry.get("properties", {})) for entry in inputs]
    for entry, properties in zip(inputs, values, strict=True):
        if "associations" not in entry:
            raise make_invalid_error("Invalid input JSON: required field 'associations' is missing")
        _check_required(kind, properties)
        portal.check_unique(kind, properties, None)
        for association in entry["associations"]:
            _find_target_kind(portal, kind, association)
    _check_twins(portal, kind, values)
    results = []
    for entry, properties in zip(inputs, values, strict=True):
        record = portal.create(kind, properties)
        for association in entry["associations"]:
            target = _find_target_kind(portal, kind, association)
            connect(portal, kind, record.id, target, str(association["to"]["id"]))
        results.append(_add_trace_id(portal.shown(record, properties), entry))
    status, answer = _make_batch(portal, results[::-1], [])
    return 201 if status == 200 else status, answer


def update_batch(portal: Portal, kind: str, body: Json) -> Answer:
    """POST batch/update: 207 with unknown ids, 400 for bad properties or values."""
    inputs = _read_inputs(body, distinct=True)
    values = [portal.checked(kind, entry.get("properties", {})) for entry in inputs]
    for entry in inputs:
        if entry.get("idProperty") == "hs_object_id":
            raise make_invalid_error("hs_object_id is not a unique identifier property")
    results, lost = [], list[str]()
    for entry, properties in zip(inputs, values, strict=True):
        record = portal.find(kind, str(entry["id"]), entry.get("idProperty"))
        if record is None:
            lost.append(str(entry["id"]))
            continue
        portal.check_unique(kind, properties, record)
        portal.update(record, properties)
        results.append(_add_trace_id(portal.shown(record, properties), entry))
    results.sort(key=lambda row: int(row["id"]), reverse=True)
    return _make_batch(portal, results, _make_missing_errors(kind, lost))


def upsert_batch(portal: Portal, kind: str, body: Json) -> Answer:
    """POST batch/upsert by a unique property; results say which records are new."""
    inputs = _read_inputs(body, distinct=True)
    results = []
    for entry in inputs:
        key = entry.get("idProperty")
        if not key:
            raise make_invalid_error("idProperty is required for every input")
        id_, properties = str(entry["id"]), portal.checked(kind, entry.get("properties", {}))
        record = portal.find(kind, id_, key)
        new = record is None
        if record is None:
            _check_required(kind, properties)
            record = portal.create(kind, {**properties, key: id_})
        else:
            portal.update(record, properties)
        results.append(_add_trace_id({**portal.shown(record, properties), "new": new}, entry))
    return _make_batch(portal, results[::-1], [])


def archive_batch(portal: Portal, kind: str, body: Json) -> Answer:
    """POST batch/archive: ids that are not there are passed over."""
    for entry in _read_inputs(body, distinct=False):
        record = portal.find(kind, str(entry["id"]))
        if record:
            portal.archive(record)
    return 204, {}


def archive_record(portal: Portal, kind: str, id_: str) -> Answer:
    """DELETE one record."""
    portal.archive(portal.required(kind, id_))
    return 204, {}


def merge_records(portal: Portal, kind: str, body: Json) -> Answer:
    """POST merge: the second record becomes part of the first."""
    winner = portal.required(kind, str(body["primaryObjectId"]))
    loser = portal.required(kind, str(body["objectIdToMerge"]))
    if winner is loser:
        raise make_invalid_error("Cannot merge an object with itself")
    portal.merge(kind, winner, loser)
    return 200, portal.shown(winner)


def connect(portal: Portal, kind: str, id_: str, target: str, target_id: str) -> None:
    """Associate two records in both directions with the types of their kinds."""
    portal.link(kind, id_, target, target_id, TYPES[(kind, target)])
    portal.link(target, target_id, kind, id_, TYPES[(target, kind)])


def _read_inputs(body: Json, *, distinct: bool) -> list[Json]:
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise make_invalid_error("Invalid input JSON: inputs must be a non-empty list")
    if len(inputs) > BATCH:
        raise make_invalid_error(
            f"The maximum number of inputs supported in a batch request is {BATCH}"
        )
    twice = [
        id_ for id_, times in Counter(str(entry.get("id")) for entry in inputs).items() if times > 1
    ]
    if distinct and twice:
        raise make_invalid_error(f"Duplicate IDs found in batch input: {twice}. IDs must be unique")
    return inputs


def _check_required(kind: str, properties: dict[str, str]) -> None:
    name = REQUIRED.get(kind)
    if name and not properties.get(name):
        raise make_invalid_error(
            f"Error creating {kind}. Some required properties were not set.",
            "REQUIRED_FIELD_MISSING", name,
        )  # fmt: skip


def _check_twins(portal: Portal, kind: str, values: Sequence[dict[str, str]]) -> None:
    """Refuse a batch that gives two records the same unique value."""
    unique = [n for n, d in portal.definitions[kind].items() if d["hasUniqueValue"]]
    for name in unique:
        for value, times in Counter(v[name] for v in values if v.get(name)).items():
            if times > 1:
                raise make_conflict_error(name, value, None)


def _find_target_kind(portal: Portal, kind: str, association: Json) -> str:
    """Return which kind an association points at, by its type id."""
    types = {
        association_type.get("associationTypeId")
        for association_type in association.get("types", [])
    }
    for (origin, target), allowed in TYPES.items():
        if origin == kind and types and types <= allowed:
            portal.required(target, str(association["to"]["id"]))
            return target
    raise make_invalid_error(
        f"One or more association types are not valid for {kind}: {sorted(types)}"
    )


def _make_batch(portal: Portal, results: list[Json], errors: list[Json]) -> Answer:
    now = format_instant(portal.now())
    body: Json = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return 207 if errors else 200, body


def _make_missing_errors(kind: str, ids: list[str]) -> list[Json]:
    if not ids:
        return []
    message = f"Could not get some {kind} objects, they may be deleted or not exist."
    return [make_partial_error("OBJECT_NOT_FOUND", message, {"ids": ids})]


def _sort_newest_first(records: Iterable[Record]) -> list[Record]:
    """Sort records newest first.

    HubSpot promises no order, so nobody may rely on the input's.
    """
    return sorted(records, key=lambda record: int(record.id), reverse=True)


def _add_trace_id(shown: Json, entry: Json) -> Json:
    trace = entry.get("objectWriteTraceId")
    return {**shown, "objectWriteTraceId": trace} if trace else shown


def _list_associations(portal: Portal, record: Record, targets: Iterable[str]) -> Json:
    associations: dict[str, Any] = {}
    for target in targets:
        ids = portal.linked(record.kind, record.id, target)
        if ids:
            word = f"{_get_singular(record.kind)}_to_{_get_singular(target)}"
            associations[target] = {"results": [{"id": id_, "type": word} for id_ in ids]}
    return {"associations": associations} if associations else {}


def _get_singular(kind: str) -> str:
    return {"companies": "company"}.get(kind, kind.removesuffix("s"))


def _parse_names(query: QueryParams, name: str) -> list[str]:
    return [part for value in query.getlist(name) for part in value.split(",") if part]


def _limit(text: str, most: int) -> int:
    limit = int(text) if text.isdigit() else 0
    if not 1 <= limit <= most:
        raise make_invalid_error(f"limit must be between 1 and {most}, was {text}")
    return limit

"""HubSpot's association calls: read and create between two kinds, a batch at a time."""

from __future__ import annotations

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.hubspot.errors import make_invalid_error, make_partial_error
from cs_sync_sandbox.hubspot.portal import Portal
from cs_sync_sandbox.hubspot.records import TYPES, connect
from cs_sync_sandbox.hubspot.values import format_instant

MOST = 1000
TYPE_IDS = {
    "contacts": "0-1", "companies": "0-2", "tasks": "0-27", "feedback_submissions": "0-19",
    "notes": "0-46",
}  # fmt: skip
PRIMARY = frozenset({1, 2})


def read(portal: Portal, kind: str, target: str, body: Json) -> tuple[int, Json]:
    """POST batch/read: missing associations are a 207's errors.

    They are not errors of ours.
    """
    results, errors = [], []
    for entry in _read_inputs(body):
        id_ = str(entry["id"])
        ends = portal.linked(kind, id_, target)
        if ends:
            to = [{"toObjectId": e, "associationTypes": _make_types(t)} for e, t in ends.items()]
            results.append({"from": {"id": id_}, "to": to})
        else:
            error = make_partial_error(
                "OBJECT_NOT_FOUND", f"No {target} is associated with {kind} {id_}.",
                {"fromObjectId": [id_], "fromObjectType": [TYPE_IDS[kind]]},
            )  # fmt: skip
            error["subCategory"] = "crm.associations.NO_ASSOCIATIONS_FOUND"
            errors.append(error)
    return _answer(portal, results, errors, 200)


def create(portal: Portal, kind: str, target: str, body: Json) -> tuple[int, Json]:
    """POST batch/create: twice does no harm.

    An id that is not there makes a 207.
    """
    if (kind, target) not in TYPES:
        raise make_invalid_error(f"No association types between {kind} and {target}")
    results, errors = [], []
    for entry in _read_inputs(body):
        start, end = str(entry["from"]["id"]), str(entry["to"]["id"])
        types = {t["associationTypeId"] for t in entry.get("types", [])}
        if not types or not types <= TYPES[(kind, target)]:
            raise make_invalid_error(
                f"Association types {sorted(types)} do not go from {kind} to {target}"
            )
        lost = [i for k, i in ((kind, start), (target, end)) if portal.find(k, i) is None]
        if lost:
            errors.append(
                make_partial_error(
                    "OBJECT_NOT_FOUND", "One or more ids were not found", {"ids": lost}
                )
            )
            continue
        connect(portal, kind, start, target, end)
        results.append(
            {
                "fromObjectTypeId": TYPE_IDS[kind], "fromObjectId": start,
                "toObjectTypeId": TYPE_IDS[target], "toObjectId": end, "labels": [],
            }
        )  # fmt: skip
    return _answer(portal, results, errors, 201)


def _read_inputs(body: Json) -> list[Json]:
    inputs = body.get("inputs") or []
    if not 1 <= len(inputs) <= MOST:
        raise make_invalid_error(f"inputs must hold between 1 and {MOST} records")
    return list(inputs)


def _make_types(ids: set[int]) -> list[Json]:
    return [
        {
            "category": "HUBSPOT_DEFINED", "typeId": id_,
            **({"label": "Primary"} if id_ in PRIMARY else {}),
        }
        for id_ in sorted(ids)
    ]  # fmt: skip


def _answer(portal: Portal, results: list[Json], errors: list[Json], fine: int) -> tuple[int, Json]:
    now = format_instant(portal.now())
    body: Json = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return 207 if errors else fine, body

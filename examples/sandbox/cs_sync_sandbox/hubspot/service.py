"""HubSpot's doors: each path, the scope it needs and the call behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cs_sync_sandbox.answers import Json, json_answer, request_number
from cs_sync_sandbox.hubspot import associations, owners, records, schema
from cs_sync_sandbox.hubspot.errors import HubSpotError, invalid
from cs_sync_sandbox.hubspot.gate import Gate
from cs_sync_sandbox.hubspot.portal import KINDS, Portal
from cs_sync_sandbox.hubspot.search import search
from cs_sync_sandbox.site import Site

Answer = tuple[int, Json]
Call = Callable[[Portal, Request, Json], Answer]
VERSION = "2026-03"
# Tasks hang on the contacts scopes; feedback submissions and owners have their own.
SCOPE_OF = {"companies": "companies", "contacts": "contacts", "tasks": "contacts",
            "notes": "contacts"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Door:
    """One path with its method, the kind of scope it needs and what it does."""

    method: str
    path: str
    scope: str
    call: Call
    search: bool = False


def routes(site: Site, portal: Portal) -> list[Route]:
    """Return HubSpot's paths; anything but 2026-03 is not there."""
    gate = Gate(portal, limits=site.limits)
    return [
        Route(f"/hubspot{door.path}", _endpoint(portal, gate, door), methods=[door.method])
        for door in DOORS
    ]


def _endpoint(portal: Portal, gate: Gate, door: Door) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        correlation = str(UUID(int=request_number()))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            gate.admit(request, _scope(door, request), search=door.search)
            _check_kinds(door, request)
            status, body = door.call(portal, request, await _body(request))
        except HubSpotError as error:
            status, body = error.status, error.body(correlation)
        except (KeyError, TypeError, ValueError) as error:
            status, body = 400, invalid(f"Invalid input JSON: {error!r}").body(correlation)
        headers = {
            "X-HubSpot-Correlation-Id": correlation,
            **gate.headers(token, search=door.search),
        }
        if status == 204:
            return Response(status_code=204, headers=headers)
        return json_answer(body, status, headers)

    return endpoint


def _scope(door: Door, request: Request) -> str:
    """Return the granular scope a call needs."""
    kind = request.path_params.get("kind", "")
    if door.scope == "owners":
        return "crm.objects.owners.read"
    if kind == "feedback_submissions":
        return "crm.objects.feedback_submissions.read"
    noun = SCOPE_OF.get(kind, kind)
    if door.scope == "schema":
        return f"crm.schemas.{noun}.write"
    return f"crm.objects.{noun}.{door.scope}"


def _check_kinds(door: Door, request: Request) -> None:
    for name in ("kind", "target"):
        kind = request.path_params.get(name)
        if kind is not None and kind not in KINDS:
            raise invalid(f"Unable to infer object type from: {kind}")
    if door.scope == "write" and request.path_params.get("kind") in records.READ_ONLY_KINDS:
        raise HubSpotError(405, "METHOD_NOT_ALLOWED", "This object type can only be read")


async def _body(request: Request) -> Json:
    raw = await request.body()
    if not raw:
        return {}
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise invalid(f"Invalid input JSON: {error}") from None
    if not isinstance(body, dict):
        raise invalid("Invalid input JSON: an object is expected")
    return body


def _kind(request: Request) -> str:
    return str(request.path_params["kind"])


def _one(request: Request) -> tuple[str, str]:
    return _kind(request), str(request.path_params["id"])


def _of_kind(call: Callable[[Portal, str, Json], Answer]) -> Call:
    return lambda portal, request, body: call(portal, _kind(request), body)


def _of_one(call: Callable[[Portal, str, str], Answer]) -> Call:
    return lambda portal, request, _: call(portal, *_one(request))


def _of_pair(call: Callable[[Portal, str, str, Json], Answer]) -> Call:
    return lambda portal, request, body: call(
        portal, _kind(request), str(request.path_params["target"]), body
    )


def _listed(portal: Portal, request: Request, _: Json) -> Answer:
    return records.list_records(portal, _kind(request), request.query_params)


def _got(portal: Portal, request: Request, _: Json) -> Answer:
    return records.get_record(portal, *_one(request), request.query_params)


def _read(portal: Portal, request: Request, body: Json) -> Answer:
    return records.batch_read(portal, _kind(request), request.query_params, body)


def _patched(portal: Portal, request: Request, body: Json) -> Answer:
    return records.patch_record(portal, *_one(request), request.query_params, body)


def _properties(portal: Portal, request: Request, _: Json) -> Answer:
    return schema.list_properties(portal, _kind(request))


def _changed(portal: Portal, request: Request, body: Json) -> Answer:
    return schema.update_property(portal, *_one(request), body)


def _groups(portal: Portal, request: Request, _: Json) -> Answer:
    return schema.list_groups(portal, _kind(request))


def _owners(portal: Portal, request: Request, _: Json) -> Answer:
    return owners.list_owners(portal, request.query_params)


def _owner(portal: Portal, request: Request, _: Json) -> Answer:
    return owners.get_owner(portal, str(request.path_params["id"]))


OBJECTS = f"/crm/objects/{VERSION}/{{kind}}"
PROPERTIES = f"/crm/properties/{VERSION}/{{kind}}"
PAIR = f"/crm/associations/{VERSION}/{{kind}}/{{target}}/batch"
OWNERS = f"/crm/owners/{VERSION}"
DOORS = (
    Door("POST", f"{OBJECTS}/batch/read", "read", _read),
    Door("POST", f"{OBJECTS}/batch/create", "write", _of_kind(records.batch_create)),
    Door("POST", f"{OBJECTS}/batch/update", "write", _of_kind(records.batch_update)),
    Door("POST", f"{OBJECTS}/batch/upsert", "write", _of_kind(records.batch_upsert)),
    Door("POST", f"{OBJECTS}/batch/archive", "write", _of_kind(records.batch_archive)),
    Door("POST", f"{OBJECTS}/search", "read", _of_kind(search), search=True),
    Door("POST", f"{OBJECTS}/merge", "write", _of_kind(records.merge_records)),
    Door("GET", OBJECTS, "read", _listed),
    Door("GET", f"{OBJECTS}/{{id}}", "read", _got),
    Door("PATCH", f"{OBJECTS}/{{id}}", "write", _patched),
    Door("DELETE", f"{OBJECTS}/{{id}}", "write", _of_one(records.archive_record)),
    Door("GET", f"{PROPERTIES}/groups", "read", _groups),
    Door("POST", f"{PROPERTIES}/groups", "schema", _of_kind(schema.create_group)),
    Door("POST", f"{PROPERTIES}/batch/create", "schema", _of_kind(schema.create_properties)),
    Door("GET", PROPERTIES, "read", _properties),
    Door("POST", PROPERTIES, "schema", _of_kind(schema.create_property)),
    Door("GET", f"{PROPERTIES}/{{id}}", "read", _of_one(schema.get_property)),
    Door("PATCH", f"{PROPERTIES}/{{id}}", "schema", _changed),
    Door("DELETE", f"{PROPERTIES}/{{id}}", "schema", _of_one(schema.archive_property)),
    Door("POST", f"{PAIR}/read", "read", _of_pair(associations.read)),
    Door("POST", f"{PAIR}/create", "write", _of_pair(associations.create)),
    Door("GET", OWNERS, "owners", _owners),
    Door("GET", f"{OWNERS}/{{id}}", "owners", _owner),
)

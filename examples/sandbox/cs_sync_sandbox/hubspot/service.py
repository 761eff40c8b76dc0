"""HubSpot's routes: each path, the scope it needs and the call behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cs_sync_sandbox.answers import Json, make_json_response, request_number
from cs_sync_sandbox.hubspot import associations, lists, owners, records, schema
from cs_sync_sandbox.hubspot.errors import HubSpotError, make_invalid_error
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


def list_routes(site: Site, portal: Portal) -> list[Route]:
    """Return HubSpot's paths; anything but 2026-03 is not there."""
    gate = Gate(portal, limits=site.limits)
    return [
        Route(f"/hubspot{route.path}", _make_endpoint(portal, gate, route), methods=[route.method])
        for route in DOORS
    ]


def _make_endpoint(
    portal: Portal, gate: Gate, route: Door
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        correlation = str(UUID(int=request_number()))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            gate.admit(request, _get_scope(route, request), search=route.search)
            _check_kinds(route, request)
            status, body = route.call(portal, request, await _read_body(request))
        except HubSpotError as error:
            status, body = error.status, error.body(correlation)
        except (KeyError, TypeError, ValueError) as error:
            status, body = (
                400,
                make_invalid_error(f"Invalid input JSON: {error!r}").body(correlation),
            )
        headers = {
            "X-HubSpot-Correlation-Id": correlation,
            **gate.headers(token, search=route.search),
        }
        if status == 204:
            return Response(status_code=204, headers=headers)
        return make_json_response(body, status, headers)

    return endpoint


def _get_scope(route: Door, request: Request) -> str:
    """Return the granular scope a call needs."""
    kind = request.path_params.get("kind", "")
    if route.scope.startswith("crm."):
        return route.scope
    if route.scope == "owners":
        return "crm.objects.owners.read"
    if kind == "feedback_submissions":
        return "crm.objects.feedback_submissions.read"
    noun = SCOPE_OF.get(kind, kind)
    if route.scope == "schema":
        return f"crm.schemas.{noun}.write"
    return f"crm.objects.{noun}.{route.scope}"


def _check_kinds(route: Door, request: Request) -> None:
    for name in ("kind", "target"):
        kind = request.path_params.get(name)
        if kind is not None and kind not in KINDS:
            raise make_invalid_error(f"Unable to infer object type from: {kind}")
    if route.scope == "write" and request.path_params.get("kind") in records.READ_ONLY_KINDS:
        raise HubSpotError(405, "METHOD_NOT_ALLOWED", "This object type can only be read")


async def _read_body(request: Request) -> Json:
    raw = await request.body()
    if not raw:
        return {}
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise make_invalid_error(f"Invalid input JSON: {error}") from None
    if not isinstance(body, dict):
        raise make_invalid_error("Invalid input JSON: an object is expected")
    return body


def _get_kind(request: Request) -> str:
    return str(request.path_params["kind"])


def _get_record_key(request: Request) -> tuple[str, str]:
    return _get_kind(request), str(request.path_params["id"])


def _handle_kind(call: Callable[[Portal, str, Json], Answer]) -> Call:
    return lambda portal, request, body: call(portal, _get_kind(request), body)


def _handle_record(call: Callable[[Portal, str, str], Answer]) -> Call:
    return lambda portal, request, _: call(portal, *_get_record_key(request))


def _handle_pair(call: Callable[[Portal, str, str, Json], Answer]) -> Call:
    return lambda portal, request, body: call(
        portal, _get_kind(request), str(request.path_params["target"]), body
    )


def _handle_list(portal: Portal, request: Request, _: Json) -> Answer:
    return records.list_records(portal, _get_kind(request), request.query_params)


def _handle_get(portal: Portal, request: Request, _: Json) -> Answer:
    return records.get_record(portal, *_get_record_key(request), request.query_params)


def _read(portal: Portal, request: Request, body: Json) -> Answer:
    return records.read_batch(portal, _get_kind(request), request.query_params, body)


def _handle_patch(portal: Portal, request: Request, body: Json) -> Answer:
    return records.patch_record(portal, *_get_record_key(request), request.query_params, body)


def _handle_properties(portal: Portal, request: Request, _: Json) -> Answer:
    return schema.list_properties(portal, _get_kind(request))


def _handle_property_change(portal: Portal, request: Request, body: Json) -> Answer:
    return schema.update_property(portal, *_get_record_key(request), body)


def _handle_groups(portal: Portal, request: Request, _: Json) -> Answer:
    return schema.list_groups(portal, _get_kind(request))


def _handle_new_list(portal: Portal, _: Request, body: Json) -> Answer:
    return lists.create_list(portal, body)


def _handle_list_name(portal: Portal, request: Request, _: Json) -> Answer:
    return lists.get_list_by_name(portal, request.path_params["type"], request.path_params["name"])


def _handle_owners(portal: Portal, request: Request, _: Json) -> Answer:
    return owners.list_owners(portal, request.query_params)


def _handle_owner(portal: Portal, request: Request, _: Json) -> Answer:
    return owners.get_owner(portal, str(request.path_params["id"]))


OBJECTS = f"/crm/objects/{VERSION}/{{kind}}"
PROPERTIES = f"/crm/properties/{VERSION}/{{kind}}"
PAIR = f"/crm/associations/{VERSION}/{{kind}}/{{target}}/batch"
LISTS = f"/crm/lists/{VERSION}"
OWNERS = f"/crm/owners/{VERSION}"
DOORS = (
    Door("POST", LISTS, "crm.lists.write", _handle_new_list),
    Door(
        "GET", f"{LISTS}/object-type-id/{{type}}/name/{{name}}", "crm.lists.read", _handle_list_name
    ),
    Door("POST", f"{OBJECTS}/batch/read", "read", _read),
    Door("POST", f"{OBJECTS}/batch/create", "write", _handle_kind(records.create_batch)),
    Door("POST", f"{OBJECTS}/batch/update", "write", _handle_kind(records.update_batch)),
    Door("POST", f"{OBJECTS}/batch/upsert", "write", _handle_kind(records.upsert_batch)),
    Door("POST", f"{OBJECTS}/batch/archive", "write", _handle_kind(records.archive_batch)),
    Door("POST", f"{OBJECTS}/search", "read", _handle_kind(search), search=True),
    Door("POST", f"{OBJECTS}/merge", "write", _handle_kind(records.merge_records)),
    Door("GET", OBJECTS, "read", _handle_list),
    Door("GET", f"{OBJECTS}/{{id}}", "read", _handle_get),
    Door("PATCH", f"{OBJECTS}/{{id}}", "write", _handle_patch),
    Door("DELETE", f"{OBJECTS}/{{id}}", "write", _handle_record(records.archive_record)),
    Door("GET", f"{PROPERTIES}/groups", "read", _handle_groups),
    Door("POST", f"{PROPERTIES}/groups", "schema", _handle_kind(schema.create_group)),
    Door("POST", f"{PROPERTIES}/batch/create", "schema", _handle_kind(schema.create_properties)),
    Door("GET", PROPERTIES, "read", _handle_properties),
    Door("POST", PROPERTIES, "schema", _handle_kind(schema.create_property)),
    Door("GET", f"{PROPERTIES}/{{id}}", "read", _handle_record(schema.get_property)),
    Door("PATCH", f"{PROPERTIES}/{{id}}", "schema", _handle_property_change),
    Door("DELETE", f"{PROPERTIES}/{{id}}", "schema", _handle_record(schema.archive_property)),
    Door("POST", f"{PAIR}/read", "read", _handle_pair(associations.read)),
    Door("POST", f"{PAIR}/create", "write", _handle_pair(associations.create)),
    Door("GET", OWNERS, "owners", _handle_owners),
    Door("GET", f"{OWNERS}/{{id}}", "owners", _handle_owner),
)

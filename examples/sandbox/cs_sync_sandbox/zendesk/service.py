"""Zendesk's routes: tokens, exports, deleted tickets, users."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cs_sync_sandbox.answers import Json, make_json_response, request_number
from cs_sync_sandbox.site import Site
from cs_sync_sandbox.zendesk import objects
from cs_sync_sandbox.zendesk.errors import ZendeskError, make_invalid_error
from cs_sync_sandbox.zendesk.exports import Export, export_by_cursor, export_by_time
from cs_sync_sandbox.zendesk.gate import Gate

KEPT = timedelta(days=30)  # how long deleted tickets are listed
PAGE, SAMPLE = 100, 50
OPENED = timedelta(days=900)  # when the support desk was set up


class Zendesk:
    """The vendor: its exports, its gate and an answer for each path."""

    def __init__(self, site: Site) -> None:
        self.site, self.world = site, site.world
        self.gate = Gate(site.limits)
        self.tickets = {ticket.number: ticket for ticket in self.world.tickets}
        self.people = {objects.get_user_id(p.key): p for p in self.world.people if p.in_zendesk}
        self.exports = {
            "tickets": _export("tickets", self._ticket_rows()),
            "users": _export("users", self._user_rows()),
            "organizations": _export("organizations", self._organization_rows()),
        }

    async def token(self, request: Request) -> Response:
        """POST /oauth/tokens."""
        raw = await request.body()
        try:
            form = dict(orjson.loads(raw))
        except orjson.JSONDecodeError:
            form = dict(parse_qsl(raw.decode()))
        try:
            return make_json_response(self.gate.grant(form, self.site.now()), 201)
        except ZendeskError as error:
            body = {"error": error.error, "error_description": error.description}
            return make_json_response(body, error.status)

    def cursor_export(self, request: Request) -> Json:
        """GET incremental/{tickets,users}/cursor, tickets with their metric sets on request."""
        export = self.exports.get(request.path_params["name"])
        if export is None or export.name == "organizations":
            raise ZendeskError(404, "InvalidEndpoint", "Not found")
        body = export_by_cursor(
            export, request.query_params, _get_base_url(request), self.site.now()
        )
        if "metric_sets" in request.query_params.get("include", "").split(","):
            body["metric_sets"] = [
                objects.make_metric_set(self.tickets[row["id"]]) for row in body.get("tickets", [])
            ]
        return body

    def time_export(self, request: Request) -> Json:
        """GET incremental/organizations."""
        export = self.exports["organizations"]
        return export_by_time(export, request.query_params, _get_base_url(request), self.site.now())

    def sample(self, request: Request) -> Json:
        """GET incremental/{resource}/sample: at most 50 rows in the time-based shape."""
        export = self.exports.get(request.path_params["name"])
        if export is None:
            raise make_invalid_error("Unknown resource", 404)
        return export_by_time(
            export, request.query_params, _get_base_url(request), self.site.now(), SAMPLE
        )

    def deleted_tickets(self, request: Request) -> Json:
        """GET deleted_tickets: those of the last 30 days, newest first, by cursor."""
        since = self.site.now() - KEPT
        deleted = [
            (objects.get_deleted_at(t), t)
            for t in self.world.tickets
            if t.status == "deleted" and objects.get_deleted_at(t) >= since
        ]
        deleted.sort(key=lambda pair: (pair[0], pair[1].number), reverse=True)
        rows = [
            {
                "id": ticket.number, "subject": ticket.subject, "description": ticket.subject,
                "actor": {"id": objects.AGENT + 1, "name": "Sam Field"},
                "deleted_at": objects.format_instant(at), "previous_state": "solved",
            }
            for at, ticket in deleted
        ]  # fmt: skip
        return _make_page("deleted_tickets", rows, request)

    def deleted_users(self, request: Request) -> Json:
        """GET deleted_users: nobody was."""
        return _make_page("deleted_users", [], request)

    def me(self, request: Request) -> Json:
        """GET users/me: the owner of the OAuth client."""
        agents = objects.list_agents(self.world.now - OPENED)
        return {"user": agents[0 if request.state.role == "admin" else 1]}

    def identities(self, request: Request) -> Json:
        """GET users/{id}/identities."""
        person = self.people.get(request.path_params["id"])
        if person is None:
            raise ZendeskError(404, "RecordNotFound", "Not found")
        return {"identities": objects.list_identities(person), "count": len(person.emails)}

    def route(
        self, work: Callable[[Request], Json], *, export: bool = False, sample: bool = False
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint around a call: token, limits, then the answer."""

        async def endpoint(request: Request) -> Response:
            now = self.site.now()
            token, headers = "", {"X-Request-Id": f"zd-{request_number():08d}"}
            try:
                authorization = request.headers.get("authorization", "")
                token, request.state.role = self.gate.admit(authorization, now)
                if export:
                    self.gate.admit_export(token, request.state.role, now, sample=sample)
                return make_json_response(
                    work(request), headers={**headers, **self.gate.headers(token)}
                )
            except ZendeskError as error:
                return _make_refusal(error, {**headers, **self.gate.headers(token)})

        return endpoint

    def _ticket_rows(self) -> list[tuple[int, int, Callable[[], Json]]]:
        return [
            (objects.get_generated_at(t), t.number, partial(objects.make_ticket, t))
            for t in self.world.tickets
        ]

    def _user_rows(self) -> list[tuple[int, int, Callable[[], Json]]]:
        since = self.world.now - OPENED
        rows: list[tuple[int, int, Callable[[], Json]]] = [
            (int(since.timestamp()), agent["id"], partial(dict, agent))
            for agent in objects.list_agents(since)
        ]
        for id_, person in self.people.items():
            created = int(person.created_at.timestamp())
            rows.append((created, id_, partial(objects.make_user, person)))
        return rows

    def _organization_rows(self) -> list[tuple[int, int, Callable[[], Json]]]:
        return [
            (
                int(company.created_at.timestamp()),
                objects.get_organization_id(company.key),
                partial(objects.make_organization, company),
            )
            for company in self.world.companies
            if company.in_zendesk
        ]


def list_routes(site: Site) -> list[Route]:
    """Return Zendesk's paths."""
    zendesk = Zendesk(site)
    route, at = zendesk.route, "/zendesk/api/v2"
    cursor = route(zendesk.cursor_export, export=True)
    return [
        Route("/zendesk/oauth/tokens", zendesk.token, methods=["POST"]),
        Route(f"{at}/incremental/{{name:str}}/cursor", cursor),
        Route(f"{at}/incremental/{{name}}/sample", route(zendesk.sample, export=True, sample=True)),
        Route(f"{at}/incremental/organizations", route(zendesk.time_export, export=True)),
        Route(f"{at}/deleted_tickets", route(zendesk.deleted_tickets)),
        Route(f"{at}/deleted_users", route(zendesk.deleted_users)),
        Route(f"{at}/users/me", route(zendesk.me)),
        Route(f"{at}/users/{{id:int}}/identities", route(zendesk.identities)),
    ]


def _export(name: str, rows: list[tuple[int, int, Callable[[], Json]]]) -> Export:
    return Export(name, tuple(sorted(rows, key=lambda row: row[:2])))


def _make_page(name: str, rows: list[Json], request: Request) -> Json:
    """Return one page by `page[size]` and `page[after]` (a position, as text)."""
    size = min(PAGE, int(request.query_params.get("page[size]", PAGE)))
    start = int(request.query_params.get("page[after]") or 0)
    more = start + size < len(rows)
    after = str(start + size) if more else None
    url = f"{_get_base_url(request)}/api/v2/{name}?page[size]={size}&page[after]={after}"
    return {
        name: rows[start : start + size],
        "meta": {"has_more": more, "after_cursor": after, "before_cursor": None},
        "links": {"next": url if more else None, "prev": None},
    }


def _make_refusal(error: ZendeskError, headers: dict[str, str]) -> Response:
    headers = {**headers, **error.headers}
    if error.plain:
        return PlainTextResponse(error.description, error.status, headers)
    body = {"error": error.error, "description": error.description}
    return make_json_response(body, error.status, headers)


def _get_base_url(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}/zendesk"

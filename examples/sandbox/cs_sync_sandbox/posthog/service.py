"""PostHog's routes: queries, groups, surveys, the owner of the key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from threading import Lock
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, uuid5

import duckdb
import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cs_sync_sandbox.answers import make_json_response
from cs_sync_sandbox.keys import POSTHOG_PROJECT_ID
from cs_sync_sandbox.posthog.errors import PostHogError, make_invalid_error
from cs_sync_sandbox.posthog.events import get_question_ids, get_survey_id, open_events
from cs_sync_sandbox.posthog.gate import Gate
from cs_sync_sandbox.posthog.hogql import run_query
from cs_sync_sandbox.site import Site
from cs_sync_sandbox.world.records import Company, SurveyAnswer

PAGE = 100
Work = Callable[[Request], Awaitable[object]]


class PostHog:
    """The vendor: its database, its gate and an answer for each path."""

    def __init__(self, site: Site) -> None:
        self.site, self.world = site, site.world
        self.gate = Gate(site.limits)
        self._database: duckdb.DuckDBPyConnection | None = None
        self._opening = Lock()

    async def query(self, request: Request) -> object:
        """POST query: HogQL, run."""
        with self.gate.one_query():
            try:
                query = orjson.loads(await request.body())["query"]
                kind, sql, values = query["kind"], str(query["query"]), query.get("values") or {}
            except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
                raise make_invalid_error("Malformed query request") from None
            if kind != "HogQLQuery":
                raise make_invalid_error(f"Unsupported query kind: {kind}")
            return await run_in_threadpool(lambda: run_query(self._events(), sql, values))

    async def group_types(self, _request: Request) -> object:
        """GET groups_types: accounts are organizations."""
        kind = {"group_type": "organization", "group_type_index": 0}
        return [{**kind, "name_singular": "account", "name_plural": "accounts"}]

    async def groups(self, request: Request) -> object:
        """GET groups: newest first, by cursor (a position, as text)."""
        params = request.query_params
        if "group_type_index" not in params or "search" not in params:
            raise make_invalid_error("group_type_index and search are required")
        companies = [c for c in self.world.companies if "posthog" in c.key_in]
        rows = companies if params["group_type_index"] == "0" else []
        rows = [c for c in rows if params["search"].lower() in c.name.lower()]
        rows.sort(key=lambda company: (company.created_at, company.key), reverse=True)
        start = int(params.get("cursor") or 0)
        more = {"cursor": str(start + PAGE)} if start + PAGE < len(rows) else None
        results = [_group(company) for company in rows[start : start + PAGE]]
        return {"next": _make_next_url(request, more), "previous": None, "results": results}

    async def surveys(self, request: Request) -> object:
        """GET surveys: those that ask inside the product."""
        answers = [a for a in self.world.survey_answers if a.channel == "posthog"]
        answers.sort(key=lambda answer: answer.answered_at, reverse=True)
        firsts = {answer.survey: answer for answer in answers}
        rows = [_make_survey(firsts[name]) for name in sorted(firsts)]
        params = request.query_params
        start, size = int(params.get("offset") or 0), int(params.get("limit") or PAGE)
        more = {"offset": str(start + size)} if start + size < len(rows) else None
        results = rows[start : start + size]
        return {
            "count": len(rows), "next": _make_next_url(request, more), "previous": None,
            "results": results,
        }  # fmt: skip

    async def hidden(self, _request: Request) -> object:
        """GET archived-response-uuids: Acme never hid an answer."""
        return []

    async def me(self, _request: Request) -> object:
        """GET users/@me: the owner of the key."""
        return {
            "uuid": str(uuid5(NAMESPACE_URL, "acme-operations")),
            "distinct_id": "operations",
            "first_name": "Operations",
            "email": "operations@acme.example",
            "team": {"id": POSTHOG_PROJECT_ID, "name": "Acme"},
            "organization": {"name": "Acme"},
        }

    def route(self, work: Work, scope: str) -> Callable[[Request], Awaitable[Response]]:
        """Wrap a call as an endpoint.

        Key, scope, limits, project, then the answer.
        """

        async def endpoint(request: Request) -> Response:
            try:
                authorization = request.headers.get("authorization", "")
                self.gate.admit(authorization, scope, self.site.now())
                project = request.path_params.get("project", str(POSTHOG_PROJECT_ID))
                if project != str(POSTHOG_PROJECT_ID):
                    raise PostHogError(404, "invalid_request", "not_found", "Project not found.")
                return make_json_response(await work(request))
            except PostHogError as error:
                return make_json_response(error.body, error.status, error.headers)

        return endpoint

    def _events(self) -> duckdb.DuckDBPyConnection:
        """Return the database, which the first query fills."""
        with self._opening:
            if self._database is None:
                self._database = open_events(self.world)
            return self._database


def list_routes(site: Site) -> list[Route]:
    """Return PostHog's paths."""
    vendor = PostHog(site)
    route, at = vendor.route, "/posthog/api/projects/{project}"
    hidden = f"{at}/surveys/{{id}}/archived-response-uuids/"
    return [
        Route(f"{at}/query/", route(vendor.query, "query:read"), methods=["POST"]),
        Route(f"{at}/groups_types/", route(vendor.group_types, "group:read")),
        Route(f"{at}/groups/", route(vendor.groups, "group:read")),
        Route(f"{at}/surveys/", route(vendor.surveys, "survey:read")),
        Route(hidden, route(vendor.hidden, "survey:read")),
        Route("/posthog/api/users/@me/", route(vendor.me, "user:read")),
    ]


def _make_next_url(request: Request, changed: dict[str, str] | None) -> str | None:
    """Return the address of the next page, as PostHog writes it: whole."""
    if changed is None:
        return None
    query = urlencode({**request.query_params, **changed})
    return f"{request.url.scheme}://{request.url.netloc}{request.url.path}?{query}"


def _group(company: Company) -> dict[str, object]:
    properties = {
        "name": company.name,
        "domain": company.domain,
        "industry": company.industry,
        "region": company.region,
        "size": company.size,
        "is_test": company.is_test,
    }
    return {
        "group_type_index": 0,
        "group_key": company.key,
        "group_properties": {
            name: value for name, value in properties.items() if value is not None
        },
        "created_at": company.created_at.isoformat().replace("+00:00", "Z"),
    }


def _make_survey(answer: SurveyAnswer) -> dict[str, object]:
    """Return the definition of a survey as its first answer shows it."""
    created = (answer.answered_at - timedelta(days=7)).isoformat()
    rating, why = get_question_ids(answer.survey)
    scale = {"scale": answer.scale_max, "isNpsQuestion": answer.kind == "nps"}
    question = {"id": rating, "type": "rating", "question": answer.survey, "display": "number"}
    reason = {"id": why, "type": "open", "question": "What is the main reason?"}
    return {
        "id": get_survey_id(answer.survey),
        "name": answer.survey,
        "description": "",
        "type": "popover",
        "questions": [{**question, **scale}, {**reason, "optional": True}],
        "created_at": created,
        "start_date": created,
        "end_date": None,
        "archived": False,
        "enable_partial_responses": True,
    }

"""One PostHog project through the host's Http: queries, lists, error classification."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import httpx

from cs_sync import (
    CredentialRefused,
    Http,
    PermissionMissing,
    RequestRefused,
    Shape,
    Unreachable,
    VendorError,
)
from cs_sync.rest import Answer, OffsetPages, read_list
from cs_sync_posthog.config import PostHogConfig

SHAPES = (
    Shape(r"/query/$", {"results": list}),
    Shape(r"/groups/$", {"results": list, "next": str | None}),
    Shape(r"/surveys/$", {"results": list, "next": str | None}),
    Shape(r"/(groups_types|archived-response-uuids)/$", list),
)

SURVEY_PAGES = OffsetPages(more="next", size_param="limit", size=100)


class PostHogProject:
    """The API of one project; the deprecated `/api/environments/` is not used."""

    def __init__(self, config: PostHogConfig, http: Http) -> None:
        key = config.api_key.get_secret_value()
        headers = {"Authorization": f"Bearer {key}"}
        classify = partial(classify_response, config.section)
        self._http = http.at(config.base_url, headers=headers, classify=classify, shapes=SHAPES)
        self._root = f"/api/projects/{config.project_id}"

    def query(self, name: str, sql: str, values: Mapping[str, Any]) -> tuple[list[list[Any]], bool]:
        """Return a HogQL query's rows, and whether PostHog confirms their end.

        The query runs afresh: a cached response would give old numbers.
        """
        body = {
            "query": {"kind": "HogQLQuery", "query": sql, "values": dict(values)},
            "name": f"cs-sync {name}",
            "refresh": "force_blocking",
        }
        answer = self._http.post(f"{self._root}/query/", body, idempotent=True)
        rows, limit = answer["results"], answer.get("limit")
        if not rows and answer.get("hasMore"):
            raise Unreachable(f"posthog: {name}: the result continues, but this part is empty")
        ended = answer.get("hasMore") is False and limit is not None and len(rows) < limit
        return rows, ended

    def groups(self, index: int, cursor: str) -> tuple[list[Any], str | None]:
        """Return a page of groups of a type, and the next cursor."""
        params = {"group_type_index": index, "search": ""}
        answer = self._http.get(f"{self._root}/groups/", params | _drop_empty(cursor=cursor))
        return answer["results"], _find_next_cursor(answer, "cursor")

    def group_types(self) -> list[Mapping[str, Any]]:
        """Return the group types of the project, at most five."""
        types: list[Mapping[str, Any]] = self._http.get(f"{self._root}/groups_types/")
        return types

    def surveys(self) -> list[Mapping[str, Any]]:
        """Return every survey with its questions, including archived ones.

        Pages go by offset: if a survey is deleted meanwhile, they are read again.
        """

        def fetch(params: Sequence[tuple[str, Any]]) -> Answer:
            body = self._http.get(f"{self._root}/surveys/", params)
            return Answer(body, body["results"])

        return read_list(fetch, SURVEY_PAGES, "posthog: surveys")

    def hidden_answers(self, survey_id: str) -> Sequence[str]:
        """Return the uuids of manually archived `survey sent` events."""
        path = f"{self._root}/surveys/{survey_id}/archived-response-uuids/"
        hidden: Sequence[str] = self._http.get(path)
        return hidden


def _drop_empty(**params: str) -> dict[str, str]:
    return {name: value for name, value in params.items() if value}


def _find_next_cursor(answer: Mapping[str, Any], param: str) -> str | None:
    """Find the cursor in the next page's URL.

    The URL itself is never followed.
    """
    return httpx.URL(answer["next"]).params[param] if answer["next"] else None


def classify_response(section: str, response: httpx.Response, body: Any) -> VendorError | None:
    """Return PostHog's error with a remedy; None leaves it to the host."""
    error = body if isinstance(body, dict) else {}
    detail = str(error.get("detail") or error.get("error") or "")
    facts: dict[str, Any] = {"status": response.status_code, "body": body}
    path = response.request.url.path
    if response.is_success:
        if error.get("error"):
            return RequestRefused(f"posthog: {path} did not answer: {detail}", _REPORT, **facts)
        return None
    if response.status_code == 401:
        remedy = f"put a personal API key (phx_…) of this PostHog region into api_key of {section}"
        return CredentialRefused(f"posthog: the key was refused: {detail}", remedy, **facts)
    if response.status_code == 403:
        remedy = "give the personal API key the scope in the message, and access to the project"
        return PermissionMissing(f"posthog: {path} is not allowed: {detail}", remedy, **facts)
    if response.status_code == 404 and path.startswith("/api/projects/"):
        remedy = f"check project_id and base_url (us, eu or your own) of {section}"
        return RequestRefused(f"posthog: {path} does not exist: {detail}", remedy, **facts)
    return None


_REPORT = "run `cs-sync check`; if it stays, report the message to cs-sync"

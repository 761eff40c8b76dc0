"""The sandbox's PostHog: queries that really run, lists, limits, refusals, and the connector."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator
from starlette.applications import Starlette

from cs_sync import Page, Window, WorkspaceInfo
from cs_sync.http import VendorHttp
from cs_sync_posthog.config import PostHogConfig
from cs_sync_posthog.source import PostHogSource
from cs_sync_sandbox import World, build_world, keys
from cs_sync_sandbox.posthog import list_routes
from cs_sync_sandbox.site import Site
from cs_sync_schemas import FeatureDay, SourceAccount, SourceContact, SurveyResponse, UsageDay

ROOT = f"/posthog/api/projects/{keys.POSTHOG_PROJECT_ID}"


class Bridge(httpx.BaseTransport):
    """Lets a blocking client call an application in this process."""

    def __init__(self, app: Starlette, runner: asyncio.Runner) -> None:
        self._transport, self._runner = httpx.ASGITransport(app), runner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._runner.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        copy = httpx.Request(
            request.method, request.url, headers=request.headers, content=request.read()
        )
        answer = await self._transport.handle_async_request(copy)
        content = await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)


@pytest.fixture(scope="module")
def acme(world: World) -> World:
    """A smaller Acme, whose events are quickly made."""
    return build_world(world.seed, world.today, accounts=60)


ACTIVE = "export"
"""A feature by which people are active."""


@pytest.fixture(scope="module")
def client(acme: World, runner: asyncio.Runner) -> Iterator[httpx.Client]:
    app = Starlette(routes=list_routes(Site(acme, lambda: acme.now, limits=False)))
    with httpx.Client(transport=Bridge(app, runner), base_url="http://127.0.0.1") as actual:
        actual.headers["Authorization"] = f"Bearer {keys.POSTHOG_KEY}"
        yield actual


@pytest.fixture(scope="module")
def read(client: httpx.Client, acme: World) -> Callable[[str], list[Page]]:
    """Return every page of a stream of the connector."""
    workspace = WorkspaceInfo(timezone=ZoneInfo("Europe/Warsaw"), active_features=(ACTIVE,))
    config = PostHogConfig.model_validate(
        {
            "base_url": "http://127.0.0.1/posthog",
            "api_key": keys.POSTHOG_KEY,
            "project_id": keys.POSTHOG_PROJECT_ID,
            "surveys": {"How easy was that?": "ces"},
            "workspace": workspace,
        }
    )
    source = PostHogSource(config, VendorHttp("posthog", client=client))

    def pages(name: str) -> list[Page]:
        streams = {stream.name: stream for stream in source.streams()}
        return list(streams[name].read(Window(None, acme.now)))

    return pages


def records(pages: list[Page], kind: Any) -> list[dict[str, Any]]:
    """Return the records of pages, none of which was rejected."""
    assert [rejection for page in pages for rejection in page.rejected] == []
    return [dict(row) for page in pages for row in page.records[kind]]


def ask(client: httpx.Client, sql: str, **values: Any) -> httpx.Response:
    """Ask the query endpoint."""
    query = {"kind": "HogQLQuery", "query": sql, "values": values}
    return client.post(f"{ROOT}/query/", json={"query": query})


@pytest.mark.slow("builds a world")
def test_the_connector_reads_the_usage_that_happened(
    read: Callable[[str], list[Page]], acme: World
) -> None:
    rows = records(read("usage"), UsageDay)
    actual = {
        (row["day"], row["account_source_id"], row["contact_source_id"]): (
            row["events"], row["sessions"], row["seconds"],
        )
        for row in rows
    }  # fmt: skip
    happened = {
        (str(row.day), row.account_key, row.person_key): (row.events, row.sessions, row.seconds)
        for row in acme.usage
    }
    assert len(rows) == len(happened) > 1000
    assert actual == happened


@pytest.mark.slow("builds a world")
def test_the_connector_reads_the_features_that_were_used(
    read: Callable[[str], list[Page]], acme: World
) -> None:
    """By account, and by person where the workspace asks who used it."""
    actual = Counter[tuple[str, str, str | None, str]]()
    for row in records(read("features"), FeatureDay):
        who = row["account_source_id"], row["contact_source_id"]
        actual[(row["day"], *who, row["feature"])] += row["users"]
    happened = Counter(
        (
            str(row.day),
            row.account_key,
            row.person_key if feature == ACTIVE else None,
            feature,
        )
        for row in acme.usage
        for feature in row.features
    )
    assert actual == happened
    assert any(person for _, _, person, _ in actual)


@pytest.mark.slow("builds a world")
def test_the_connector_reads_groups_and_the_people_who_used_the_product(
    read: Callable[[str], list[Page]], acme: World
) -> None:
    accounts = {row["source_id"]: row for row in records(read("groups"), SourceAccount)}
    known = {company.key: company for company in acme.companies if "posthog" in company.key_in}
    assert {key: row["name"] for key, row in accounts.items()} == {
        key: company.name for key, company in known.items()
    }
    people = {row["source_id"]: row for row in records(read("persons"), SourceContact)}
    assert set(people) == {row.person_key for row in acme.usage}
    person = next(person for person in acme.people if person.key in people and person.emails)
    assert people[person.key]["email"] == person.emails[0]
    assert people[person.key]["account_source_id"] == person.account_key


@pytest.mark.slow("builds a world")
def test_the_connector_reads_each_answer_once_with_its_last_words(
    read: Callable[[str], list[Page]], acme: World
) -> None:
    rows = records(read("surveys"), SurveyResponse)
    actual = Counter(
        (r["kind"], r["score"], r["scale_min"], r["scale_max"], r["comment"]) for r in rows
    )
    asked = [answer for answer in acme.survey_answers if answer.channel == "posthog"]
    assert any(answer.number % 5 == 0 and answer.comment for answer in asked)
    assert actual == Counter(
        (a.kind, a.score, a.scale_min, a.scale_max, a.comment or None) for a in asked
    )
    assert {row["kind"] for row in rows} == {"nps", "ces"}


def test_a_query_without_a_limit_gives_a_hundred_rows(client: httpx.Client) -> None:
    body = ask(client, "SELECT event FROM events").json()
    assert (len(body["results"]), body["hasMore"], body["limit"]) == (100, True, 100)


def test_no_query_gives_more_than_fifty_thousand_rows(client: httpx.Client) -> None:
    body = ask(client, "SELECT uuid FROM events LIMIT 90000").json()
    assert (len(body["results"]), body["hasMore"], body["limit"]) == (50_000, True, 50_000)


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT nothing FROM events", "nothing"),
        ("SELECT 1 FROM persons_of_mine", "persons_of_mine"),
        ("SELECT FROM WHERE", "Syntax error"),
        ("SELECT {missing}", "{missing}"),
        ("DROP TABLE events", "Only SELECT"),
    ],
)
def test_a_bad_query_is_a_validation_error(client: httpx.Client, sql: str, text: str) -> None:
    answer = ask(client, sql)
    assert answer.status_code == 400
    body = answer.json()
    assert (body["type"], body["attr"]) == ("validation_error", None)
    assert text in body["detail"]


def test_values_are_values_whatever_they_hold(client: httpx.Client) -> None:
    sql = "SELECT {text} AS text, {number} AS number, event IN {names} FROM events LIMIT 1"
    body = ask(client, sql, text="it's {number}; --", number=3, names=["a", "b'"]).json()
    assert body["results"] == [["it's {number}; --", 3, False]]


def test_lists_are_paged_by_whole_addresses(client: httpx.Client, world: World) -> None:
    first = client.get(f"{ROOT}/surveys/", params={"limit": 1}).json()
    assert (first["count"], len(first["results"])) == (2, 1)
    second = client.get(first["next"]).json()
    assert second["next"] is None
    assert second["results"] != first["results"]
    assert client.get(f"{ROOT}/groups/").status_code == 400


@pytest.mark.parametrize(
    ("key", "path", "status", "code"),
    [
        ("phx_wrong", "/groups_types/", 401, "authentication_failed"),
        (keys.POSTHOG_NARROW_KEY, "/query/", 403, "permission_denied"),
        (keys.POSTHOG_KEY, "/../2/groups_types/", 404, "not_found"),
    ],
)
def test_refusals_have_posthogs_shape(
    client: httpx.Client, key: str, path: str, status: int, code: str
) -> None:
    method = "POST" if path == "/query/" else "GET"
    path = (ROOT + path).replace("/1/../2/", "/2/")
    answer = client.request(method, path, headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.slow("asks 241 times; Stripe's 26th shows a window quickly")
def test_the_241st_query_of_a_minute_is_throttled(acme: World, runner: asyncio.Runner) -> None:
    now = [acme.now]
    app = Starlette(routes=list_routes(Site(acme, lambda: now[0])))
    with httpx.Client(transport=Bridge(app, runner), base_url="http://127.0.0.1") as client:
        client.headers["Authorization"] = f"Bearer {keys.POSTHOG_KEY}"
        answers = [client.post(f"{ROOT}/query/", content=b"{}") for _ in range(241)]
        assert {answer.status_code for answer in answers[:-1]} == {400}
        assert answers[-1].status_code == 429
        assert answers[-1].headers["Retry-After"] == "60"
        assert "Expected available in 60 seconds" in answers[-1].json()["detail"]
        now[0] += timedelta(seconds=60)
        assert client.post(f"{ROOT}/query/", content=b"{}").status_code == 400


@pytest.mark.parametrize(
    ("schema", "method", "path", "body"),
    [
        ("User", "GET", "/posthog/api/users/@me/", None),
        ("PaginatedGroupList", "GET", f"{ROOT}/groups/?group_type_index=0&search=", None),
        ("PaginatedSurveyList", "GET", f"{ROOT}/surveys/", None),
        (
            "HogQLQueryResponse",
            "POST",
            f"{ROOT}/query/",
            {"query": {"kind": "HogQLQuery", "query": "SELECT timestamp FROM events"}},
        ),
        ("Error", "POST", f"{ROOT}/query/", {}),
    ],
)
def test_answers_fit_the_vendors_description(
    client: httpx.Client, openapi: Path, schema: str, method: str, path: str, body: Any
) -> None:
    text = (openapi / "posthog-subset.yaml").read_text()
    described = yaml.load(text, yaml.CSafeLoader)["components"]["schemas"]
    check = {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": described}}
    answer = client.request(method, path, json=body).json()
    document = _without_nulls(answer)  # `nullable` of OpenAPI 3.0 is unknown to JSON Schema
    assert [error.message for error in Draft202012Validator(check).iter_errors(document)] == []


def _without_nulls(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_nulls(part) for part in node if part is not None]
    if isinstance(node, dict):
        return {name: _without_nulls(part) for name, part in node.items() if part is not None}
    return node

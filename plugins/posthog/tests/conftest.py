"""A PostHog that answers through respx, and a source that talks to it without waiting."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson
import pytest
import respx

from cs_sync import Page, Window, WorkspaceInfo
from cs_sync.http import ManualClock, VendorHttp
from cs_sync_posthog.config import PostHogConfig
from cs_sync_posthog.source import PostHogSource

KEY = "_".join(("phx", "notARealKey"))


class FakeProject:
    """Project 7: what its query endpoint shall say, and what it was asked."""

    root = "/api/projects/7"

    def __init__(self, router: respx.MockRouter) -> None:
        self.router = router
        self.query = router.post(f"{self.root}/query/")

    def answers(self, *pages: list[Any], **more: Any) -> None:
        """Answer the next queries with these rows and PostHog's word that nothing follows."""
        fixed = {"columns": [], "hasMore": False, "limit": 50000, **more}
        self.query.side_effect = [httpx.Response(200, json={"results": p, **fixed}) for p in pages]

    def gives(self, path: str, body: Any) -> respx.Route:
        """Answer a GET below the project."""
        return self.router.get(f"{self.root}/{path}").respond(200, json=body)

    def body(self, call: int = 0) -> dict[str, Any]:
        """What a query was sent as."""
        actual: dict[str, Any] = orjson.loads(self.query.calls[call].request.content)
        return actual

    def values(self, call: int = 0) -> dict[str, Any]:
        """The values of a query."""
        actual: dict[str, Any] = self.body(call)["query"]["values"]
        return actual


@pytest.fixture
def project() -> Iterator[FakeProject]:
    """Every request must be expected, none leaves this machine."""
    with respx.mock(base_url="https://us.posthog.com", assert_all_called=False) as router:
        yield FakeProject(router)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def make_source(clock: ManualClock) -> Iterator[Callable[..., PostHogSource]]:
    """A source of project 7 in Warsaw with the settings given."""
    clients: list[VendorHttp] = []

    def make(**settings: Any) -> PostHogSource:
        workspace = WorkspaceInfo.model_validate({"timezone": "Europe/Warsaw"})
        values = {"api_key": KEY, "project_id": 7, "workspace": workspace, **settings}
        http = VendorHttp(
            "posthog", PostHogSource.limits, now=clock.now, sleep=clock.sleep, rng=lambda: 0.5
        )
        clients.append(http)
        return PostHogSource(PostHogConfig.model_validate(values), http)

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def read(make_source: Callable[..., PostHogSource]) -> Callable[..., list[Page]]:
    """All pages of a stream in a window."""

    def pages(stream: str, window: Window, **settings: Any) -> list[Page]:
        streams = {actual.name: actual for actual in make_source(**settings).streams()}
        return list(streams[stream].read(window))

    return pages

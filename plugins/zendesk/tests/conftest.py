"""A Zendesk that answers through respx, and a source that talks to it without waiting."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import respx

from cs_sync import Page, Stream, Window
from cs_sync.http import ManualClock, VendorHttp
from cs_sync_zendesk.config import ZendeskConfig
from cs_sync_zendesk.source import ZendeskSource

BASE = "https://acme.zendesk.com"
SECRET = "-".join(("not", "a", "real", "secret"))


@pytest.fixture
def router() -> Iterator[respx.MockRouter]:
    """Every request must be expected, none leaves this machine."""
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        yield router


@pytest.fixture
def vendor(router: respx.MockRouter) -> respx.MockRouter:
    """A Zendesk that gives tokens."""
    token = {"access_token": "granted-token-1", "token_type": "bearer", "expires_in": 7200}
    router.post("/oauth/tokens", name="token").respond(201, json=token)
    return router


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def make_source(clock: ManualClock) -> Iterator[Callable[..., ZendeskSource]]:
    clients: list[VendorHttp] = []

    def make(**settings: Any) -> ZendeskSource:
        oauth = {"client_id": "cs_sync", "client_secret": SECRET}
        given = settings if "email" in settings else {**oauth, **settings}
        config = ZendeskConfig.model_validate({"base_url": BASE, **given})
        clients.append(VendorHttp("zendesk", now=clock.now, sleep=clock.sleep, rng=lambda: 0.0))
        return ZendeskSource(config, clients[-1])

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def source(make_source: Callable[..., ZendeskSource]) -> ZendeskSource:
    return make_source()


@pytest.fixture
def pages(source: ZendeskSource) -> Callable[[str, Window], list[Page]]:
    """All pages of a window of one stream."""

    def read(name: str, window: Window) -> list[Page]:
        streams: dict[str, Stream] = {stream.name: stream for stream in source.streams()}
        return list(streams[name].read(window))

    return read


@pytest.fixture
def rows() -> Callable[[list[Page], Any], list[dict[str, Any]]]:
    """The rows of one kind on all pages."""

    def of(pages: list[Page], record: Any) -> list[dict[str, Any]]:
        return [dict(row) for page in pages for row in page.records.get(record, ())]

    return of

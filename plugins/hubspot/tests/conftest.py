"""A HubSpot that answers through respx, and connectors that talk to it without waiting."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson
import pytest
import respx

from cs_sync.http import VendorHttp
from cs_sync_hubspot.config import LIMITS, HubSpotConfig
from cs_sync_hubspot.destination import HubSpotDestination
from cs_sync_hubspot.source import HubSpotSource

TOKEN = "-".join(("pat", "eu1", "0000", "notarealkey"))
BASE = "https://api.hubapi.com"


@pytest.fixture
def config() -> HubSpotConfig:
    return HubSpotConfig.model_validate({"access_token": TOKEN, "property_history": False})


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    """Every request must be expected, none leaves this machine."""
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        yield router


@pytest.fixture
def http() -> Iterator[VendorHttp]:
    with VendorHttp("hubspot", LIMITS, sleep=lambda _seconds: None, rng=lambda: 0.0) as client:
        yield client


@pytest.fixture
def source(config: HubSpotConfig, http: VendorHttp) -> HubSpotSource:
    return HubSpotSource(config, http)


@pytest.fixture
def destination(config: HubSpotConfig, http: VendorHttp) -> HubSpotDestination:
    return HubSpotDestination(config, http)


@pytest.fixture
def sent() -> Callable[[respx.Route], list[Any]]:
    """The decoded bodies that a route received."""

    def bodies(route: respx.Route) -> list[Any]:
        return [orjson.loads(call.request.content) for call in route.calls]

    return bodies


@pytest.fixture
def refusal() -> Callable[..., httpx.Response]:
    """An error as HubSpot words it."""

    def respond(status: int, category: str, message: str, **more: Any) -> httpx.Response:
        body = {"status": "error", "message": message, "correlationId": "c0ffee-1", **more}
        return httpx.Response(status, json={**body, "category": category})

    return respond

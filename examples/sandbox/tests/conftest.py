"""A world, an application with a clock that only tests move, and the vendors' descriptions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from cs_sync_sandbox import World, build_world, create_app, keys

TODAY = date(2026, 11, 20)
OPENAPI = Path(__file__).parents[3].parent / "shared" / "openapi"


@dataclass
class Clock:
    """The vendors' now."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Caller:
    """Calls an application in this process as a client would, without a socket."""

    def __init__(self, app: Starlette, runner: asyncio.Runner, base: str, **headers: str) -> None:
        self._runner = runner
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=f"http://sandbox{base}", headers=headers
        )

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self._runner.run(self._client.get(path, params=params or None))

    def post(self, path: str, body: object) -> httpx.Response:
        return self._runner.run(self._client.post(path, json=body))

    def send(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self._runner.run(self._client.request(method, path, json=body))


@pytest.fixture(scope="session")
def world() -> World:
    """A small Acme: what answers look like does not depend on how many customers there are."""
    return build_world(7, TODAY, accounts=120)


@pytest.fixture(scope="session")
def whole_world() -> World:
    """Acme in the size in which the demo shows it."""
    return build_world(7, TODAY)


@pytest.fixture
def clock(world: World) -> Clock:
    return Clock(world.now + timedelta(hours=12))


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as actual:
        yield actual


@pytest.fixture
def app(world: World, clock: Clock) -> Starlette:
    return create_app(world, limits=False, clock=clock)


@pytest.fixture
def limited_app(world: World, clock: Clock) -> Starlette:
    return create_app(world, clock=clock)


Call = Callable[..., Caller]


@pytest.fixture
def call(runner: asyncio.Runner) -> Call:
    """Return how to make a caller for an application, a path prefix and a bearer token."""

    def make(app: Starlette, base: str, token: str = "") -> Caller:
        return Caller(app, runner, base, authorization=f"Bearer {token}")

    return make


@pytest.fixture
def stripe(app: Starlette, call: Call) -> Caller:
    return call(app, "/stripe/v1", keys.STRIPE_KEY)


@pytest.fixture
def portal_page(app: Starlette, call: Call) -> Caller:
    return call(app, "/hubspot")


@pytest.fixture
def hubspot(app: Starlette, call: Call) -> Caller:
    return call(app, "/hubspot/crm", keys.HUBSPOT_TOKEN)


@pytest.fixture
def zendesk(app: Starlette, call: Call) -> Caller:
    return call(app, "/zendesk/api/v2", zendesk_token(call(app, "/zendesk")))


@pytest.fixture
def switches(app: Starlette, call: Call) -> Caller:
    return call(app, "/_sandbox")


def zendesk_token(anybody: Caller, client_id: str = keys.ZENDESK_CLIENT_ID) -> str:
    answer = anybody.post(
        "/oauth/tokens",
        {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": keys.ZENDESK_CLIENT_SECRET,
        },
    )
    return str(answer.json()["access_token"])


@pytest.fixture(scope="session")
def openapi() -> Path:
    """Return the folder of the vendors' API descriptions, which are not ours to distribute."""
    if not OPENAPI.is_dir():
        message = f"the vendors' OpenAPI files are not in {OPENAPI.name}/ beside this checkout"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return OPENAPI

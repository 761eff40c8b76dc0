"""A Salesforce org in memory, and a destination that writes to it without waiting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import httpx
import pytest

from cs_sync import FieldSpec
from cs_sync.contracts.source import WorkspaceInfo
from cs_sync.http import ManualClock, VendorHttp
from cs_sync_salesforce.config import SalesforceConfig
from cs_sync_salesforce.destination import SalesforceDestination
from cs_sync_sandbox.keys import SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET

if TYPE_CHECKING:  # quick tests need no org
    from cs_sync_sandbox.salesforce import Org

SETTINGS = {
    "base_url": "https://sandbox.example/salesforce",
    "client_id": SALESFORCE_CLIENT_ID,
    "client_secret": SALESFORCE_CLIENT_SECRET,
}


@pytest.fixture
def fields() -> tuple[FieldSpec, ...]:
    """One field of each kind."""
    return (
        FieldSpec("cs_health_score", "Health score", "number", "0 to 100."),
        FieldSpec(
            "cs_health_band", "Band", "choice", "In words.", (("red", "Red"), ("green", "Green"))
        ),
        FieldSpec("cs_health_reasons", "Reasons", "long_text", "Why."),
        FieldSpec("cs_next_action", "Next action", "text", "What to do."),
        FieldSpec("cs_updated_at", "Updated", "datetime", "When."),
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 20, 9, tzinfo=UTC))


@pytest.fixture
def org(clock: ManualClock) -> Org:
    from cs_sync_sandbox.salesforce import build_small_org

    return build_small_org(clock.now, 3)


@pytest.fixture
def sent() -> list[httpx.Request]:
    return []


@pytest.fixture
def bare(
    org: Org, clock: ManualClock, sent: list[httpx.Request]
) -> Iterator[SalesforceDestination]:
    """A destination at an org that has none of our fields yet."""
    from starlette.applications import Starlette

    from cs_sync.testing import make_asgi_answer
    from cs_sync_sandbox.salesforce import list_routes

    answers = make_asgi_answer(Starlette(routes=list(list_routes(org))))

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return answers(request)

    client = httpx.Client(transport=httpx.MockTransport(answer))
    workspace = WorkspaceInfo(timezone=ZoneInfo("Europe/Warsaw"))
    config = SalesforceConfig.model_validate(SETTINGS | {"workspace": workspace})
    with VendorHttp("salesforce", now=clock.now, sleep=clock.sleep, client=client) as http:
        yield SalesforceDestination(config, http)


@pytest.fixture
def destination(
    bare: SalesforceDestination, sent: list[httpx.Request], fields: tuple[FieldSpec, ...]
) -> SalesforceDestination:
    """The same, prepared."""
    assert all(finding.ok for finding in bare.prepare(fields))
    sent.clear()
    return bare

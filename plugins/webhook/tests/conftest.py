"""A webhook that posts through a client without waits, with a clock that tests set."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cs_sync.http import ManualClock, VendorHttp
from cs_sync_webhook.config import WebhookConfig
from cs_sync_webhook.destination import WebhookDestination

URL = "https://hooks.example.com/customer-health"
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

Open = Callable[..., WebhookDestination]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def open_webhook(clock: ManualClock) -> Iterator[Open]:
    """A destination with these settings."""
    clients: list[VendorHttp] = []

    def make(**settings: Any) -> WebhookDestination:
        config = WebhookConfig.model_validate({"url": URL, "signing_secret": SECRET, **settings})
        http = VendorHttp("webhook", now=clock.now, sleep=clock.sleep, rng=lambda: 1.0)
        clients.append(http)
        return WebhookDestination(config, http, clock.now)

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def webhook(open_webhook: Open) -> WebhookDestination:
    return open_webhook()

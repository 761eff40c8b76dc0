"""A CRM in memory, reached through the webhook."""

import pytest

from cs_sync_webhook.destination import WebhookDestination
from tests.write_back.portal import Portal


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Portal:
    """A CRM in memory behind the webhook, which addresses accounts by our own ids."""
    crm = Portal(companies={name: {} for name in ("alpha", "beta", "gamma", "delta")})
    monkeypatch.setattr(WebhookDestination, "write", lambda _self, ops: crm.write(ops))
    monkeypatch.setattr(WebhookDestination, "find", lambda _self, keys: crm.find(keys))
    return crm

"""A CRM in memory, reached through the webhook."""

import pytest

from cs_sync_webhook.destination import WebhookDestination
from tests.write_back.portal import Portal


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Portal:
    """A CRM in memory behind the webhook, which addresses accounts by our own ids."""
    return connect_portal(monkeypatch)


def connect_portal(patch: pytest.MonkeyPatch) -> Portal:
    """Put a CRM in memory behind the webhook."""
    crm = Portal(companies={name: {} for name in ("alpha", "beta", "gamma", "delta")})
    patch.setattr(WebhookDestination, "write", lambda _self, ops: crm.write(ops))
    patch.setattr(WebhookDestination, "find", lambda _self, keys: crm.find(keys))
    return crm

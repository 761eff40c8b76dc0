"""The connector keeps the host's promises: the conformance kit against a receiver in memory."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from pydantic import SecretStr

from cs_sync.testing import CrmFake, DestinationConformance
from cs_sync.testing.pushing import PushHarness
from cs_sync_webhook.destination import WebhookDestination
from cs_sync_webhook.signature import decode_signing_key, sign_message

pytestmark = pytest.mark.slow("sends over the wire for each promise")

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ACCOUNTS = [f"acct_{number}" for number in range(5)]


class Receiver(CrmFake):
    """Checks signatures and knows its messages again, as the README asks of a receiver."""

    connector = WebhookDestination
    missing_account = "acct_999"
    receipt_by_status = True

    def __init__(self, now: Callable[[], Any], folder: Path) -> None:
        super().__init__(now, folder)
        self.seen: set[str] = set()
        self.held: dict[str, dict[str, Any]] = {name: {} for name in ACCOUNTS}
        self.to_do: list[str] = []
        self.done: set[str] = set()

    def settings(self) -> Mapping[str, Any]:
        headers = {"X-Gate": "-".join(("not", "a", "real", "gate", "key"))}
        given = {"url": "https://hooks.example.com/health", "signing_secret": SECRET}
        return {**given, "headers": headers}

    def answer(self, request: httpx.Request) -> httpx.Response:
        name, sent = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        expected = sign_message(decode_signing_key(SecretStr(SECRET)), name, sent, request.content)
        if request.headers["webhook-signature"] != expected:
            return self.refusal(401, "not signed")
        message = orjson.loads(request.content)
        if name in self.seen:
            return httpx.Response(409)
        if message["account"] not in self.held:
            return self.refusal(422, "no such account")
        self.seen.add(name)
        if message["object"] == "account":
            self.held[message["account"]].update(message["fields"])
        else:
            self.to_do.append(message["key"])
        return httpx.Response(204)

    def accounts(self) -> Sequence[str]:
        return ACCOUNTS

    def fields(self, remote_id: str) -> Mapping[str, Any]:
        return self.held[remote_id]

    def follow_ups(self) -> Sequence[str]:
        return self.to_do

    def complete(self, key: str) -> None:
        self.done.add(key)

    def completed(self, key: str) -> bool:
        return key in self.done


class TestWebhook(DestinationConformance):
    crm = Receiver

    def test_what_was_written_is_found(self, bench: PushHarness) -> None:
        """A webhook cannot look anything up: it finds nothing, and says nothing false."""
        bench.push()
        with bench.open_connector() as destination:
            assert list(destination.find(bench.crm.follow_ups())) == []

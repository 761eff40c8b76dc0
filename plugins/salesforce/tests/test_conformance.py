"""Reading keeps the host's promises: the conformance kit against the sandbox's Salesforce."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from starlette.applications import Starlette

from cs_sync.testing import SourceConformance, VendorFake, make_asgi_answer
from cs_sync_salesforce.source import SalesforceSource
from cs_sync_sandbox.keys import SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET
from cs_sync_sandbox.salesforce import SOBJECTS, add_record, build_small_org, list_routes

pytestmark = pytest.mark.slow("syncs Salesforce for each promise")


class SalesforceVendor(VendorFake):
    """An org of which every query gives a few records at a time."""

    connector = SalesforceSource
    free_text = ("Name", "Title", "Industry")
    vital: ClassVar = ("Id", "SystemModstamp", "done")

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.org = build_small_org(now, 10)
        self._answers = make_asgi_answer(Starlette(routes=list(list_routes(self.org))))

    def settings(self) -> Mapping[str, Any]:
        return {
            "base_url": "https://sandbox.example/salesforce",
            "client_id": SALESFORCE_CLIENT_ID,
            "client_secret": SALESFORCE_CLIENT_SECRET,
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.org.page_size = self.page_size
        return self._answers(request)

    def expire_tokens(self) -> bool:
        self.org.tokens.clear()
        return True

    def refusal(self, status: int, words: str) -> httpx.Response:
        code = {401: "INVALID_SESSION_ID", 403: "INSUFFICIENT_ACCESS"}.get(status, "UNKNOWN")
        return httpx.Response(status, json=[{"message": words, "errorCode": code}])

    def add(self, stream: str) -> str:
        return add_record(self.org, stream)

    def edit(self, stream: str) -> str:
        self.org.update(SOBJECTS[stream], self._id(stream, 1), {"Name": "Renamed"})
        return self._id(stream, 1)

    def delete(self, stream: str) -> str | None:
        if stream == "owners":
            return None
        self.org.delete(SOBJECTS[stream], self._id(stream, 2))
        return self._id(stream, 2)

    def merge(self, stream: str) -> tuple[str, str] | None:
        if stream == "owners":
            return None
        gone, survivor = self._id(stream, 3), self._id(stream, 4)
        self.org.delete(SOBJECTS[stream], gone, survivor)
        return gone, survivor

    def _id(self, stream: str, place: int) -> str:
        return sorted(self.org.records[SOBJECTS[stream]])[place]


class TestSalesforceSource(SourceConformance):
    vendor = SalesforceVendor

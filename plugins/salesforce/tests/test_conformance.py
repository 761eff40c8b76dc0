"""The connector keeps the host's promises: the conformance kit against the sandbox's Salesforce."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from starlette.applications import Starlette

from cs_sync.testing import SourceConformance, VendorFake, make_asgi_answer
from cs_sync_salesforce.source import SalesforceSource
from cs_sync_sandbox.keys import SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET
from cs_sync_sandbox.salesforce import Org, list_routes

pytestmark = pytest.mark.slow("syncs Salesforce for each promise")

SETTINGS = {
    "base_url": "https://sandbox.example/salesforce",
    "client_id": SALESFORCE_CLIENT_ID,
    "client_secret": SALESFORCE_CLIENT_SECRET,
}
SOBJECTS = {"owners": "User", "accounts": "Account", "contacts": "Contact"}


def refusal(status: int, words: str) -> httpx.Response:
    code = {401: "INVALID_SESSION_ID", 403: "INSUFFICIENT_ACCESS"}.get(status, "UNKNOWN_EXCEPTION")
    return httpx.Response(status, json=[{"message": words, "errorCode": code}])


def open_org(now: Callable[[], datetime], count: int) -> tuple[Org, Any]:
    """An org with so many records of each kind, and how it answers."""
    org = Org(now)
    for number in range(count):
        for stream in SOBJECTS:
            add(org, stream, number, timedelta(days=20 - number))
    for account in sorted(org.records["Account"])[:5]:
        renewal = {"AccountId": account, "Type": "Renewal", "CloseDate": "2027-03-01"}
        org.insert("Opportunity", renewal, timedelta(days=3))
    return org, make_asgi_answer(Starlette(routes=list(list_routes(org))))


def add(org: Org, stream: str, number: int, ago: timedelta = timedelta(0)) -> str:
    name = f"N {number}"
    values: Mapping[str, Mapping[str, Any]] = {
        "owners": {"Email": f"o{number}@us.example", "IsActive": True, "UserType": "Standard"},
        "accounts": {"Website": f"https://www.c{number}.example/", "Industry": "Energy"},
        "contacts": {"Email": f"p{number}@c{number}.example", "Title": "Queen"},
    }
    record = org.insert(SOBJECTS[stream], {"Name": name, **values[stream]}, ago)
    return str(record["Id"])


class SalesforceVendor(VendorFake):
    """An org of which every query gives a few records at a time."""

    connector = SalesforceSource
    free_text = ("Name", "Title", "Industry")
    vital: ClassVar = ("Id", "SystemModstamp", "done")

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.org, self._answers = open_org(now, 10)

    def settings(self) -> Mapping[str, Any]:
        return SETTINGS

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.org.page_size = self.page_size
        answer: httpx.Response = self._answers(request)
        return answer

    def expire_tokens(self) -> bool:
        self.org.tokens.clear()
        return True

    def refusal(self, status: int, words: str) -> httpx.Response:
        return refusal(status, words)

    def add(self, stream: str) -> str:
        return add(self.org, stream, len(self.org.records[SOBJECTS[stream]]))

    def edit(self, stream: str) -> str:
        return str(
            self.org.update(SOBJECTS[stream], self._id(stream, 1), {"Name": "Renamed"})["Id"]
        )

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

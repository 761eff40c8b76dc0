"""`python -m benchmarks.sdk`: CPU seconds that the vendors' SDKs take to decode 10,000 objects."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import stripe
from hubspot.crm import objects

from benchmarks.sync.vendors.hubspot import HubSpot
from benchmarks.sync.vendors.stripe import customer, subscription
from cs_sync.http import VendorHttp
from cs_sync_stripe.api import VERSION
from cs_sync_stripe.transport import _HostHttpClient

ROUNDS = 5
PAGES, PAGE_SIZE = 100, 100
BASE = "https://vendor.example"


def main() -> None:
    """Print a table: each way of reading the same pages, the quietest round of each."""
    print("| | CPU s per 10,000 objects |\n| --- | ---: |")
    for name, make in {"customers": customer, "subscriptions": subscription}.items():
        rows = [make(place, 1_767_225_600) for place in range(PAGE_SIZE)]
        page = orjson.dumps({"object": "list", "has_more": False, "url": "/v1/x", "data": rows})
        size = len(page) // PAGE_SIZE
        for way, read in _stripe_ways(page).items():
            print(f"| Stripe, {name} of {size} bytes: {way} | {_measure(read):.2f} |")
    portal = HubSpot(PAGE_SIZE, 1_767_225_600)
    page = portal.answer("/objects/contacts", {"limit": [str(PAGE_SIZE)]}, b"") or b""
    size = len(page) // PAGE_SIZE
    for way, read in _hubspot_ways(page).items():
        print(f"| HubSpot, contacts of {size} bytes: {way} | {_measure(read):.2f} |")


def _stripe_ways(page: bytes) -> dict[str, Callable[[], Any]]:
    http = _serve(page)
    client = stripe.StripeClient(
        "rk_bench",
        stripe_version=VERSION,
        base_addresses={"api": BASE},
        max_network_retries=0,
        http_client=_HostHttpClient(http),
    )
    return {
        "cs-sync": lambda: http.get("/v1/x"),
        "the SDK's `raw_request` on it": lambda: client.raw_request("get", "/v1/x"),
        "its typed objects": lambda: client.deserialize(
            client.raw_request("get", "/v1/x"), api_mode="V1"
        ),
    }


def _hubspot_ways(page: bytes) -> dict[str, Callable[[], Any]]:
    http = _serve(page)
    client = objects.ApiClient(objects.Configuration())

    class Response:
        data = page

    kind = "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging"
    return {
        "cs-sync": lambda: http.get("/crm/x"),
        "the client's models on top": lambda: client.deserialize(Response, kind),
    }


def _serve(page: bytes) -> VendorHttp:
    """Return the host's client, answered from memory."""
    headers = {"content-type": "application/json"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=page, headers=headers))
    return VendorHttp("bench", client=httpx.Client(transport=transport)).at(BASE)


def _measure(read: Callable[[], Any]) -> float:
    stripe.enable_telemetry = False
    return min(_measure_round(read) for _ in range(ROUNDS))


def _measure_round(read: Callable[[], Any]) -> float:
    began = time.process_time()
    for _ in range(PAGES):
        read()
    return time.process_time() - began


if __name__ == "__main__":
    main()

"""Two processes on one credential, each with a budget of its own: they find their shares."""

from collections import deque
from collections.abc import Callable

import httpx
import pytest

from cs_sync import ResponseNames
from cs_sync.contracts.http import Limit
from cs_sync.http import ManualClock, VendorHttp

ALLOWED, SECONDS = 10, 1.0
REQUESTS = 150
"""Of each process."""

NAMES = ResponseNames(rolling=("x-acme-max", "x-acme-remaining", "x-acme-milliseconds"))
Headers = Callable[[int], dict[str, str]]


def nothing(_left: int) -> dict[str, str]:
    return {}


def rolling(left: int) -> dict[str, str]:
    """What some vendors say: how many the window holds, for everybody together."""
    return {
        "X-Acme-Max": str(ALLOWED),
        "X-Acme-Remaining": str(left),
        "X-Acme-Milliseconds": str(int(SECONDS * 1000)),
    }


class Vendor(httpx.BaseTransport):
    """Allows so many requests a second to a credential, whichever process sends them."""

    def __init__(self, clock: ManualClock, headers: Headers) -> None:
        self.clock, self.headers = clock, headers
        self.times: deque[float] = deque()
        self.done: list[str] = []
        self.refused = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        now = self.clock.now().timestamp()
        while self.times and self.times[0] <= now - SECONDS:
            self.times.popleft()
        left = ALLOWED - len(self.times)
        if left <= 0:
            self.refused += 1
            return httpx.Response(429, headers=self.headers(0))
        self.times.append(now)
        self.done.append(request.url.path)
        return httpx.Response(200, json={}, headers=self.headers(left - 1))


@pytest.mark.parametrize(("headers", "share"), [(nothing, 0.2), (rolling, 0.05)])
def test_two_processes_converge_and_lose_nothing(headers: Headers, share: float) -> None:
    """`share`: how many requests may meet a 429, which is waited for and sent again."""
    clock = ManualClock()
    vendor = Vendor(clock, headers)
    clients = [
        VendorHttp(
            "acme",
            [Limit(ALLOWED, SECONDS)],
            now=clock.now,
            sleep=clock.sleep,
            rng=lambda: 0.5,
            client=httpx.Client(transport=vendor),
        ).at("https://api.example.com", names=NAMES)
        for _ in range(2)
    ]
    began = clock.now()
    for number in range(REQUESTS):
        for name, vendor_http in enumerate(clients):
            vendor_http.get(f"/{name}/{number}")
    assert sorted(vendor.done) == sorted(f"/{n}/{m}" for n in range(2) for m in range(REQUESTS))
    assert vendor.refused <= share * len(vendor.done)
    ideal = 2 * REQUESTS / ALLOWED * SECONDS
    assert (clock.now() - began).total_seconds() <= 2 * ideal

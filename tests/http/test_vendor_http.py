"""What a connector gets from the door: bodies, retries, typed errors."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import respx

from cs_sync.contracts.errors import (
    AnswerUnknown,
    CredentialRefused,
    PermissionMissing,
    RequestRefused,
    Throttled,
    Unreachable,
    VendorError,
)
from cs_sync.contracts.events import Event
from cs_sync.contracts.http import Http
from cs_sync.http import ManualClock, VendorHttp

BASE = "https://api.example.com"
KEY = "sk_test_canary1234567890"


class Bench:
    """A door with a manual clock, and the events that it told."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.events: list[Event] = []
        self.root = VendorHttp(
            "stripe",
            emit=self.events.append,
            now=self.clock.now,
            sleep=self.clock.sleep,
            rng=lambda: 1.0,
        )
        self.door: Http = self.root.at(BASE, headers={"Authorization": f"Bearer {KEY}"})


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_get_gives_the_decoded_body_and_sends_key_and_params(
    bench: Bench, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.get(f"{BASE}/v1/things", params={"limit": "3"}).respond(json={"data": [1]})
    assert bench.door.get("/v1/things", {"limit": 3}) == {"data": [1]}
    request = route.calls.last.request
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["accept"] == "application/json"


@pytest.mark.parametrize(
    "first",
    [
        httpx.Response(408),
        httpx.Response(500, json={"error": "x"}),
        httpx.Response(502, html="<h1>Bad gateway</h1>"),
        httpx.Response(503),
        httpx.Response(504),
        httpx.Response(200, content=b'{"data": [1, 2'),
        httpx.Response(200, html="<h1>Maintenance</h1>"),
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("hung up"),
    ],
)
def test_reads_are_tried_again(bench: Bench, respx_mock: respx.MockRouter, first: Any) -> None:
    route = respx_mock.get(f"{BASE}/a")
    route.side_effect = [first, httpx.Response(200, json=7)]
    assert bench.door.get("a") == 7
    assert route.call_count == 2
    assert [event.name for event in bench.events] == ["retrying"]
    assert bench.clock.slept == [0.5]


def test_a_read_gives_up_after_six_tries(bench: Bench, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get(f"{BASE}/a").respond(503, headers={"Request-Id": "req_9"})
    with pytest.raises(Unreachable) as caught:
        bench.door.get("a")
    assert route.call_count == 6
    assert bench.clock.slept == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert caught.value.status == 503
    assert caught.value.request_id == "req_9"
    assert "[request req_9]" in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(500), AnswerUnknown),
        (httpx.Response(200, content=b"{"), AnswerUnknown),
        (httpx.ReadTimeout("slow"), AnswerUnknown),
        (httpx.RemoteProtocolError("hung up"), AnswerUnknown),
        (httpx.Response(401), CredentialRefused),
        (httpx.Response(403), PermissionMissing),
        (httpx.Response(409), RequestRefused),
    ],
)
def test_writes_are_sent_once(
    bench: Bench, respx_mock: respx.MockRouter, answer: Any, error: type[VendorError]
) -> None:
    route = respx_mock.post(f"{BASE}/a")
    route.side_effect = [answer]
    with pytest.raises(error):
        bench.door.post("a", {"x": 1})
    assert route.call_count == 1


@pytest.mark.parametrize(
    "first", [httpx.ConnectError("refused"), httpx.Response(429, headers={"Retry-After": "2"})]
)
def test_writes_that_did_not_happen_are_sent_again(
    bench: Bench, respx_mock: respx.MockRouter, first: Any
) -> None:
    route = respx_mock.post(f"{BASE}/a")
    route.side_effect = [first, httpx.Response(200, json={"id": 1})]
    assert bench.door.post("a", {"x": 1}) == {"id": 1}


def test_a_429_waits_as_long_as_the_vendor_says(bench: Bench, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get(f"{BASE}/a")
    route.side_effect = [
        httpx.Response(429, headers={"Retry-After": "17"}),
        httpx.Response(200, json=1),
    ]
    with bench.root.counting("things") as count:
        assert bench.door.get("a") == 1
    assert (count.requests, round(count.waited_seconds)) == (2, 17)
    assert [(e.name, e.source, e.stream) for e in bench.events] == [
        ("retrying", "stripe", "things"),
        ("waiting", "stripe", "things"),
    ]


def test_a_429_for_longer_than_a_run_stops(bench: Bench, respx_mock: respx.MockRouter) -> None:
    respx_mock.get(f"{BASE}/a").respond(429, headers={"Retry-After": "3600"})
    with pytest.raises(Throttled) as caught:
        bench.door.get("a")
    assert caught.value.until == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=1)

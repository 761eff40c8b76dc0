"""What a connector gets from the client: bodies, retries, typed errors."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
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
from cs_sync.contracts.http import Http, Limit, ResponseNames
from cs_sync.http import ManualClock, VendorHttp

BASE = "https://api.example.com"
KEY = "sk_test_canary1234567890"


class Bench:
    """A client with a manual clock, and its events."""

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
        self.vendor_http: Http = self.root.at(BASE, headers={"Authorization": f"Bearer {KEY}"})


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_get_gives_the_decoded_body_and_sends_key_and_params(
    bench: Bench, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.get(f"{BASE}/v1/things", params={"limit": "3"}).respond(json={"data": [1]})
    assert bench.vendor_http.get("/v1/things", {"limit": 3}) == {"data": [1]}
    request = route.calls.last.request
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["accept"] == "application/json"


def test_a_page_is_let_go_of_without_the_garbage_collector() -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json={"data": [1]}))
    vendor_http = VendorHttp("stripe", client=httpx.Client(transport=transport)).at(BASE)
    enabled = gc.isenabled()
    gc.disable()
    try:
        page = weakref.ref(vendor_http.send("GET", "/v1/things"))
        assert page() is None
    finally:
        if enabled:
            gc.enable()


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
    assert bench.vendor_http.get("a") == 7
    assert route.call_count == 2
    assert [event.name for event in bench.events] == ["retrying"]
    assert bench.clock.slept == [0.5]


def test_a_read_gives_up_after_six_tries(bench: Bench, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get(f"{BASE}/a").respond(503, headers={"Request-Id": "req_9"})
    with pytest.raises(Unreachable) as caught:
        bench.vendor_http.get("a")
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
        bench.vendor_http.post("a", {"x": 1})
    assert route.call_count == 1


@pytest.mark.parametrize(
    "first", [httpx.ConnectError("refused"), httpx.Response(429, headers={"Retry-After": "2"})]
)
def test_writes_that_did_not_happen_are_sent_again(
    bench: Bench, respx_mock: respx.MockRouter, first: Any
) -> None:
    route = respx_mock.post(f"{BASE}/a")
    route.side_effect = [first, httpx.Response(200, json={"id": 1})]
    assert bench.vendor_http.post("a", {"x": 1}) == {"id": 1}


def test_a_429_waits_as_long_as_the_vendor_says(bench: Bench, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get(f"{BASE}/a")
    route.side_effect = [
        httpx.Response(429, headers={"Retry-After": "17"}),
        httpx.Response(200, json=1),
    ]
    with bench.root.count_requests("things") as count:
        assert bench.vendor_http.get("a") == 1
    assert (count.requests, round(count.waited_seconds)) == (2, 17)
    assert [(e.name, e.source, e.stream) for e in bench.events] == [
        ("retrying", "stripe", "things"),
        ("waiting", "stripe", "things"),
    ]


def test_a_429_for_longer_than_a_run_stops(bench: Bench, respx_mock: respx.MockRouter) -> None:
    respx_mock.get(f"{BASE}/a").respond(429, headers={"Retry-After": "3600"})
    with pytest.raises(Throttled) as caught:
        bench.vendor_http.get("a")
    assert caught.value.until == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=1)


def test_published_limits_are_never_run_into(respx_mock: respx.MockRouter) -> None:
    """A vendor that counts: 3 requests in 10 s, and 429 for every one beyond."""
    clock = ManualClock()
    seen: list[datetime] = []

    def vendor(request: httpx.Request) -> httpx.Response:
        clock.sleep(0.3)
        seen.append(clock.now())
        recent = [at for at in seen if at > clock.now() - timedelta(seconds=10)]
        return httpx.Response(429 if len(recent) > 3 else 200, json=len(recent))

    respx_mock.get(f"{BASE}/a").mock(side_effect=vendor)
    http = VendorHttp("acme", [Limit(3, 10.0)], now=clock.now, sleep=clock.sleep)
    answers = [http.at(BASE).get("a") for _ in range(12)]
    assert max(answers) == 3
    assert http.requests == 12


def test_a_429_without_a_word_backs_off(respx_mock: respx.MockRouter) -> None:
    clock = ManualClock()
    http = VendorHttp("acme", [Limit(9, 1.0)], now=clock.now, sleep=clock.sleep, rng=lambda: 1.0)
    route = respx_mock.get(f"{BASE}/a")
    route.side_effect = [httpx.Response(429), httpx.Response(429), httpx.Response(200, json=1)]
    assert http.at(BASE).get("a") == 1
    assert clock.slept == pytest.approx([0.5, 1.0], abs=1e-3)


def test_an_endless_429_ends(bench: Bench, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get(f"{BASE}/a").respond(429, json={"message": "Slow down"})
    with pytest.raises(Throttled, match="Slow down"):
        bench.vendor_http.get("a")
    assert route.call_count == 20


def test_a_used_up_day_that_the_connector_names_stops_at_once(
    bench: Bench, respx_mock: respx.MockRouter
) -> None:
    def classify(_response: httpx.Response, body: Any) -> Throttled | None:
        return Throttled("the day is used up") if body["quota"] == "day" else None

    route = respx_mock.get(f"{BASE}/a").respond(429, json={"quota": "day"})
    with pytest.raises(Throttled, match="the day is used up"):
        bench.root.at(BASE, classify=classify).get("a")
    assert route.call_count == 1


def test_a_quota_closed_for_long_names_the_request(
    bench: Bench, respx_mock: respx.MockRouter
) -> None:
    headers = {"Retry-After": "90000", "X-Acme-Trace": "c-1"}
    respx_mock.get(f"{BASE}/a").respond(429, headers=headers)
    names = ResponseNames(request_id=("x-acme-trace",))
    with pytest.raises(Throttled, match=r"\[request c-1\]") as caught:
        bench.root.at(BASE, names=names).get("a")
    assert caught.value.request_id == "c-1"


def test_a_quota_that_opens_too_late_is_not_waited_for(respx_mock: respx.MockRouter) -> None:
    clock = ManualClock()
    http = VendorHttp("acme", [Limit(1, 3600.0)], now=clock.now, sleep=clock.sleep)
    route = respx_mock.get(f"{BASE}/a").respond(json=1)
    vendor_http = http.at(BASE)
    vendor_http.get("a")
    with pytest.raises(Throttled) as caught:
        vendor_http.get("a")
    assert route.call_count == 1
    assert caught.value.until is not None
    assert caught.value.until - clock.now() == pytest.approx(
        timedelta(hours=1), abs=timedelta(seconds=1)
    )
    assert clock.slept == []


def test_a_pause_that_the_vendor_asks_for_with_a_503(
    bench: Bench, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.get(f"{BASE}/a")
    route.side_effect = [
        httpx.Response(503, headers={"Retry-After": "Thu, 01 Jan 2026 00:00:20 GMT"}),
        httpx.Response(200, json=1),
    ]
    assert bench.vendor_http.get("a") == 1
    assert bench.clock.slept == [20.0]
    assert bench.root.waited_seconds == 20.0


def test_trying_ends_after_a_quarter_of_an_hour(bench: Bench, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get(f"{BASE}/a").respond(503, headers={"Retry-After": "400"})
    with pytest.raises(Unreachable):
        bench.vendor_http.get("a")
    assert route.call_count == 3


def test_a_bad_certificate_is_not_tried_again(bench: Bench, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get(f"{BASE}/a")
    route.side_effect = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")
    with pytest.raises(Unreachable, match="certificates"):
        bench.vendor_http.get("a")
    assert route.call_count == 1


def test_a_keyed_write_is_as_good_as_a_read(bench: Bench, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.post(f"{BASE}/a")
    route.side_effect = [httpx.ReadTimeout("slow"), httpx.Response(201, json={"id": 2})]
    assert bench.vendor_http.post("a", {"x": 1}, idempotent=True) == {"id": 2}
    assert route.calls.last.request.content == b'{"x":1}'


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"Request-Id": "req_1"}, {}, "req_1"),
        ({"X-Acme-Trace": "c-2"}, {}, "c-2"),
        ({"X-Request-Id": "x-3"}, {}, "x-3"),
        ({}, {"traceId": "c-4"}, "c-4"),
        ({"Request-Id": "proxy"}, {"traceId": "c-4"}, "proxy"),
        ({}, {"type": "error.list", "request_id": "r-5"}, "r-5"),
        ({}, [], None),
    ],
)
def test_errors_carry_the_vendors_request_id(
    bench: Bench, respx_mock: respx.MockRouter, headers: Any, body: Any, expected: str | None
) -> None:
    respx_mock.get(f"{BASE}/a").respond(404, json=body, headers=headers)
    names = ResponseNames(request_id=("x-acme-trace", "traceId"))
    with pytest.raises(RequestRefused) as caught:
        bench.root.at(BASE, names=names).get("a")
    assert caught.value.request_id == expected
    assert caught.value.body == body


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"type": "x", "message": "The  reason"}},
        {"status": "error", "message": "The reason"},
        {"type": "validation_error", "code": "c", "detail": "The reason", "attr": None},
        {"error": "RecordInvalid", "description": "The reason", "details": {}},
        {"type": "error.list", "errors": [{"code": "c", "message": "The reason"}]},
    ],
)
def test_errors_say_what_the_vendor_said(
    bench: Bench, respx_mock: respx.MockRouter, body: Any
) -> None:
    respx_mock.get(f"{BASE}/a").respond(422, json=body)
    with pytest.raises(RequestRefused, match="422 Unprocessable Entity: The reason"):
        bench.vendor_http.get("a")


@pytest.mark.parametrize(
    ("status", "error", "remedy"),
    [
        (401, CredentialRefused, "Put a valid key into [connectors.stripe]."),
        (403, PermissionMissing, "Give the key of [connectors.stripe] the missing scope."),
        (501, RequestRefused, "Run `cs-sync check` to see what stripe wants."),
    ],
)
def test_empty_refusals_have_their_type_and_remedy(
    bench: Bench,
    respx_mock: respx.MockRouter,
    status: int,
    error: type[VendorError],
    remedy: str,
) -> None:
    respx_mock.get(f"{BASE}/a").respond(status)
    with pytest.raises(error) as caught:
        bench.vendor_http.get("a")
    assert (caught.value.remedy, caught.value.status) == (remedy, status)


def test_the_connector_reads_answers_first(respx_mock: respx.MockRouter) -> None:
    def classify(response: httpx.Response, body: Any) -> VendorError | None:
        if isinstance(body, dict) and body.get("error"):
            return Unreachable(f"the vendor says {body['error']}", status=response.status_code)
        return None

    clock = ManualClock()
    vendor_http = VendorHttp("acme", now=clock.now, sleep=clock.sleep).at(BASE, classify=classify)
    route = respx_mock.get(f"{BASE}/a")
    route.side_effect = [
        httpx.Response(200, json={"error": "busy"}),
        httpx.Response(400, json={"error": "busy"}),
        httpx.Response(200, json={"ok": True}),
    ]
    assert vendor_http.get("a") == {"ok": True}
    respx_mock.post(f"{BASE}/a").respond(400, json={"error": "busy"})
    with pytest.raises(Unreachable, match="busy"):
        vendor_http.post("a")


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (httpx.Response(204), None),
        (httpx.Response(202), None),
        (httpx.Response(200, json=None), None),
        (httpx.Response(207, json=[1]), [1]),
    ],
)
def test_bodies_of_writes(
    bench: Bench, respx_mock: respx.MockRouter, response: httpx.Response, expected: Any
) -> None:
    route = respx_mock.post(f"{BASE}/a").mock(return_value=response)
    assert bench.vendor_http.post("a") == expected
    assert "content-type" not in route.calls.last.request.headers


def test_send_gives_the_whole_response(bench: Bench, respx_mock: respx.MockRouter) -> None:
    respx_mock.delete(f"{BASE}/a").respond(200, text="gone", headers={"X-Version": "7"})
    response = bench.vendor_http.send("DELETE", "a")
    assert (response.text, response.headers["x-version"]) == ("gone", "7")


def test_send_tries_a_read_again_whose_json_is_cut(
    bench: Bench, respx_mock: respx.MockRouter
) -> None:
    cut = httpx.Response(200, content=b'{"a"', headers={"Content-Type": "application/json"})
    respx_mock.get(f"{BASE}/a").side_effect = [cut, httpx.Response(200, json={"a": 1})]
    assert bench.vendor_http.send("GET", "a").json() == {"a": 1}


def test_counts_are_kept_per_thread(bench: Bench, respx_mock: respx.MockRouter) -> None:
    respx_mock.get(f"{BASE}/a").respond(json=1)

    def stream(number: int) -> int:
        with bench.root.count_requests(f"stream {number}") as count:
            for _ in range(number):
                bench.vendor_http.get("a")
        return count.requests

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(stream, range(1, 6))) == [1, 2, 3, 4, 5]
    assert bench.root.requests == 15


def test_counts_nest_and_belong_to_one_credential(
    bench: Bench, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get(f"{BASE}/a").respond(json=1)
    other = VendorHttp("other")
    with (
        bench.root.count_requests() as outer,
        bench.root.count_requests() as inner,
        other.count_requests() as none,
    ):
        bench.vendor_http.get("a")
    assert (outer.requests, inner.requests, none.requests) == (1, 1, 0)


def test_a_sleep_that_does_nothing_is_believed(respx_mock: respx.MockRouter) -> None:
    """With the real clock: connectors' tests need not wait, nor bring a clock."""
    route = respx_mock.get(f"{BASE}/a")
    route.side_effect = [
        httpx.Response(429, headers={"Retry-After": "600"}),
        *[httpx.Response(200, json=1)] * 5,
    ]
    http = VendorHttp("acme", [Limit(1, 60.0)], sleep=lambda _seconds: None)
    assert [http.at(BASE).get("a") for _ in range(5)] == [1] * 5
    assert http.waited_seconds > 599, "one wait, as no time passed in it"


def test_a_web_page_is_no_sentence(bench: Bench, respx_mock: respx.MockRouter) -> None:
    respx_mock.get(f"{BASE}/a").respond(404, html="<html><h1>Nope</h1></html>")
    with pytest.raises(RequestRefused) as caught:
        bench.vendor_http.get("a")
    assert caught.value.message.endswith("/a: 404 Not Found")
    assert caught.value.body == "<html><h1>Nope</h1></html>"


@pytest.mark.parametrize(
    ("given", "answer", "connect"), [(None, 60.0, 10.0), (3.0, 3.0, 3.0), (90.0, 90.0, 10.0)]
)
def test_a_door_waits_for_an_answer_as_long_as_it_is_told(
    bench: Bench,
    respx_mock: respx.MockRouter,
    given: float | None,
    answer: float,
    connect: float,
) -> None:
    route = respx_mock.get(f"{BASE}/a").respond(200, json=7)
    bench.vendor_http.at(BASE, timeout=given).get("a")
    waits = route.calls.last.request.extensions["timeout"]
    assert waits == {"connect": connect, "read": answer, "write": answer, "pool": answer}

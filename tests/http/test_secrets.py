"""A canary key is sent in every way, echoed in every way, and must come out of none."""

import base64
import logging
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx

from cs_sync.contracts.errors import ConfigError, CsSyncError, RequestRefused, VendorError
from cs_sync.contracts.events import Event
from cs_sync.http import ManualClock, VendorHttp
from cs_sync.http.redaction import Redactor
from cs_sync.http.response_masking import MASK

BASE = "https://api.example.com"
CANARY = "canary-7f3e91c2/+x"

DOORS: dict[str, Callable[[VendorHttp], VendorHttp]] = {
    "bearer": lambda http: http.at(BASE, headers={"Authorization": f"Bearer {CANARY}"}),
    "x-api-key": lambda http: http.at(BASE, headers={"X-Api-Key": CANARY}),
    "basic": lambda http: http.at(BASE, auth=httpx.BasicAuth("me@acme.test/token", CANARY)),
    "basic-user": lambda http: http.at(BASE, auth=httpx.BasicAuth(CANARY, "")),
}
BASIC = base64.b64encode(f"me@acme.test/token:{CANARY}".encode()).decode()
ECHO = {
    "message": f"bad key {CANARY}",
    "detail": [{"deep": {CANARY: f"Bearer {CANARY}"}}],
    "sent": f"Basic {BASIC}",
    "request_id": f"req-{CANARY}",
}
ANSWERS: dict[str, Any] = {
    **{
        str(status): httpx.Response(status, json=ECHO, headers={"X-Echo": CANARY})
        for status in (400, 401, 403, 404, 408, 409, 422, 500, 503)
    },
    "429": httpx.Response(429, json=ECHO, headers={"Retry-After": "9999"}),
    "429 short": httpx.Response(429, json=ECHO, headers={"Retry-After": "1"}),
    "html": httpx.Response(502, html=f"<p>{CANARY}</p>"),
    "truncated": httpx.Response(200, content=f'{{"key": "{CANARY}"'.encode()),
    "redirect": httpx.Response(302, headers={"Location": f"https://evil.test/?k={CANARY}"}),
    "refused": httpx.ConnectError(f"refused {CANARY}"),
    "timeout": httpx.ReadTimeout(f"slow {CANARY}"),
    "illegal": httpx.LocalProtocolError(f"Illegal header value b'Bearer {CANARY}'"),
}


def everything(error: BaseException) -> str:
    parts = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
    return "\n".join(parts)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("way", DOORS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_no_error_and_no_event_shows_the_key(
    respx_mock: respx.MockRouter, method: str, way: str, answer: str
) -> None:
    events: list[Event] = []
    clock = ManualClock()
    root = VendorHttp("acme", emit=events.append, now=clock.now, sleep=clock.sleep)
    client = DOORS[way](root)
    respx_mock.route().mock(side_effect=lambda request: _once(ANSWERS[answer]))
    with pytest.raises(CsSyncError) as caught:
        client.get("a") if method == "GET" else client.post("a", {"x": 1})
    shown = everything(caught.value) + repr(events) + repr(client) + repr(root)
    assert CANARY not in shown
    assert BASIC not in shown
    assert "canary" not in shown


def _once(answer: Any) -> httpx.Response:
    if isinstance(answer, Exception):
        raise answer
    response: httpx.Response = answer
    return httpx.Response(response.status_code, headers=response.headers, content=response.content)


def test_a_connectors_own_error_is_cleaned_too(respx_mock: respx.MockRouter) -> None:
    respx_mock.get(f"{BASE}/a").respond(400, json=ECHO)

    def classify(response: httpx.Response, body: Any) -> VendorError:
        return RequestRefused(f"no: {body['message']}", f"use another than {CANARY}", body=body)

    client = VendorHttp("acme").at(BASE, headers={"X-Api-Key": CANARY}, classify=classify)
    with pytest.raises(RequestRefused, match="no: bad key") as caught:
        client.get("a")
    assert CANARY not in everything(caught.value)


def test_a_header_of_any_name_is_a_secret_when_every_request_carries_it(
    respx_mock: respx.MockRouter,
) -> None:
    respx_mock.get(f"{BASE}/a").respond(400, json={"error": f"gate {CANARY} of 2026-03-01 shut"})
    headers = {"X-Gate": CANARY, "Api-Version": "2026-03-01"}
    with pytest.raises(RequestRefused, match="of 2026-03-01 shut") as caught:
        VendorHttp("acme").at(BASE, headers=headers).get("a")
    assert CANARY not in everything(caught.value)


def test_the_vendors_words_stay_readable(respx_mock: respx.MockRouter) -> None:
    respx_mock.get(f"{BASE}/a").respond(400, json={"error": {"message": f"No {CANARY} here"}})
    client = VendorHttp("acme").at(BASE, headers={"X-Api-Key": CANARY})
    with pytest.raises(RequestRefused) as caught:
        client.get("a", {"email": "ann@acme.test"})
    assert str(caught.value).startswith(
        f"acme: GET {BASE}/a: 400 Bad Request: No {MASK} here\n  → "
    )
    assert caught.value.body == {"error": {"message": f"No {MASK} here"}}


def test_a_token_form_is_remembered(respx_mock: respx.MockRouter) -> None:
    respx_mock.post(f"{BASE}/oauth").respond(401, json={"error": f"bad {CANARY}"})
    client = VendorHttp("acme").at(BASE)
    with pytest.raises(VendorError) as caught:
        client.send(
            "POST",
            "oauth",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            content=str(httpx.QueryParams({"client_id": "me", "client_secret": CANARY})),
        )
    assert CANARY not in everything(caught.value)


def test_json_that_asks_for_a_token_is_remembered(respx_mock: respx.MockRouter) -> None:
    respx_mock.post(f"{BASE}/oauth").respond(401, json={"error": f"bad {CANARY}"})
    grant = {"grant_type": "client_credentials", "client_id": "me", "client_secret": CANARY}
    with pytest.raises(VendorError) as caught:
        VendorHttp("acme").at(BASE).post("oauth", json=grant)
    assert CANARY not in everything(caught.value)


def test_signatures_are_not_remembered_one_by_one() -> None:
    redactor = Redactor()
    for number in range(3):
        headers = {"Webhook-Signature": f"v1,proof-{number}", "X-Api-Key": CANARY}
        redactor.learn_request(httpx.Request("POST", BASE, headers=headers))
    assert redactor.redact_text(f"v1,proof-1 {CANARY}") == f"v1,proof-1 {MASK}"
    assert redactor.redact_value({"signature": "v1,proof-1"}) == {"signature": MASK}


def test_a_key_that_cannot_be_sent_is_not_shown() -> None:
    client = VendorHttp("acme").at(BASE, headers={"Authorization": "Bearer sk_live_żółw123"})
    with pytest.raises(ConfigError, match="cannot be sent") as caught:
        client.get("a")
    assert "sk_live" not in everything(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "sk_live_abcDEF123",
        "rk_test_abcDEF123",
        "whsec_abcDEF123",
        "pat-eu1-1234-abcd",
        "phx_abcDEF123",
        "phc_abcDEF123",
        "Authorization: Bearer abcDEF123",
        "authorization: basic YWJjREVGMTIz",
        "https://x.test/?hapikey=abcDEF123&limit=1",
        "https://x.test/?limit=1&access_token=abcDEF123",
        "https://user:abcDEF123@x.test/",
        "eyJhbGciOi.eyJhYmNERUYxMjM.abcDEF123",
    ],
)
def test_what_looks_like_a_key_is_masked(text: str) -> None:
    masked = Redactor().redact_text(f"it said {text}, sorry")
    assert "abcDEF123" not in masked
    assert "1234-abcd" not in masked
    assert "YWJjREVG" not in masked
    assert MASK in masked
    assert masked.startswith("it said ")
    assert masked.endswith("sorry")


def test_named_secrets_deep_ends_and_long_texts_of_bodies() -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = [deep]
    body = {"access_token": "abc", "author": "Ann", "n": 3, "none": None, "deep": deep}
    clean = Redactor().redact_value({**body, "long": "y" * 5000})
    assert clean["access_token"] == MASK
    assert (clean["author"], clean["n"], clean["none"]) == ("Ann", 3, None)
    assert len(clean["long"]) == 2000
    assert "…" in repr(clean["deep"])


def test_the_log_of_the_library_shows_no_query(
    respx_mock: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    respx_mock.get(f"{BASE}/a").respond(json=1)
    with caplog.at_level(logging.INFO, "httpx"):
        VendorHttp("acme").at(BASE).get("a", {"hapikey": CANARY, "email": "ann@acme.test"})
    assert f"GET {BASE}/a " in caplog.text
    assert "canary" not in caplog.text
    assert "ann" not in caplog.text

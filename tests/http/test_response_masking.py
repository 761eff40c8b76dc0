"""A vendor repeats our key among its records: connectors get the records without it."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from cs_sync.contracts.events import Event
from cs_sync.http import VendorHttp
from cs_sync.http.response_masking import MASK

BASE = "https://api.example.com"
CANARY = 'canary-7f3e91c2/+"x'
LOGIN = base64.b64encode(f"ann@acme.test/token:{CANARY}".encode()).decode()


def spelled(secret: str) -> str:
    """Every character as JSON may escape it, in digits of either size."""
    codes = [f"\\u{ord(letter):04x}" for letter in secret]
    return "".join(
        code if place % 2 else code.upper().replace("U", "u") for place, code in enumerate(codes)
    )


BODIES: dict[str, str] = {
    "plain": json.dumps({"name": f"It is {CANARY}."}),
    "slashes": json.dumps({"name": f"It is {CANARY}."}).replace("/", "\\/"),
    "escaped": f'{{"name": "It is {spelled(CANARY)}."}}',
    "quoted": json.dumps({"name": f"It is {quote(CANARY, safe='')}."}),
    "login": json.dumps({"name": f"It is {LOGIN}."}),
}


class Vendor:
    """Answers everything with one body, and keeps the client's events."""

    def __init__(self) -> None:
        self.answer = httpx.Response(200)
        self.events: list[Event] = []
        client = httpx.Client(transport=httpx.MockTransport(lambda _request: self._again()))
        self.vendor_http = VendorHttp(
            "acme", client=client, emit=self.events.append, secrets=[CANARY, "short"]
        ).at(BASE, headers={"Authorization": f"Basic {LOGIN}", "X-Account": "acct-of-acme"})

    def says(self, content: str | bytes, kind: str = "application/json") -> None:
        self.answer = httpx.Response(200, content=content, headers={"Content-Type": kind})

    def warnings(self) -> list[str]:
        return [str(e.detail["message"]) for e in self.events if e.name == "warning"]

    def _again(self) -> httpx.Response:
        heads, content = self.answer.headers, self.answer.content
        return httpx.Response(self.answer.status_code, headers=heads, content=content)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    with made.vendor_http:
        yield made


WAYS: dict[str, Callable[[VendorHttp], list[Any]]] = {
    "get": lambda vendor_http: [vendor_http.get("a")],
    "post": lambda vendor_http: [vendor_http.post("a", {"asks": "nothing"})],
    "send": lambda vendor_http: _seen(vendor_http.send("GET", "a")),
}


def _seen(response: httpx.Response) -> list[Any]:
    """All the ways in which an SDK may read a response."""
    read = [response.extensions["json"], response.json(), json.loads(response.text)]
    return [*read, json.loads(response.content)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("body", BODIES)
def test_no_way_of_asking_gives_the_key(vendor: Vendor, way: str, body: str) -> None:
    vendor.says(BODIES[body])
    assert all(seen == {"name": f"It is {MASK}."} for seen in WAYS[way](vendor.vendor_http))
    assert len(vendor.warnings()) == 1


def test_names_depths_and_texts_alone(vendor: Vendor) -> None:
    vendor.says(json.dumps([{CANARY: [[f"{CANARY}{CANARY}", 1, None]]}, CANARY, 2.5, "other"]))
    assert vendor.vendor_http.get("a") == [{MASK: [[MASK * 2, 1, None]]}, MASK, 2.5, "other"]
    vendor.says(json.dumps(CANARY))
    assert vendor.vendor_http.get("a") == MASK


@pytest.mark.parametrize("depth", [200, 900])
def test_the_key_is_found_however_deep_it_lies(vendor: Vendor, depth: int) -> None:
    vendor.says("[" * depth + f'"{spelled(CANARY)}"' + "]" * depth)
    actual = vendor.vendor_http.get("a")
    for _ in range(depth):
        (actual,) = actual
    assert actual == MASK


def test_a_file_has_no_key_either(vendor: Vendor) -> None:
    secret = "canary-in-a-table"
    with VendorHttp("acme", client=vendor.vendor_http._client, secrets=[secret]) as vendor_http:
        vendor.says(f"id,name\n1,{secret}\n", "text/csv")
        table = vendor_http.at(BASE).send("GET", "a")
    assert table.content.decode() == f"id,name\n1,{MASK}\n"


def test_it_is_told_once(vendor: Vendor) -> None:
    vendor.says(BODIES["plain"])
    for _ in range(3):
        vendor.vendor_http.get("a")
    (warning,) = vendor.warnings()
    assert "acme repeats the key that we send it" in warning
    assert "canary" not in warning


@pytest.mark.parametrize(
    "name",
    ["short", "ann@acme.test", "ann@acme.test/token", "acct-of-acme", "two\nlines", "5\u20ac \\/"],
)
def test_what_is_no_proof_of_who_we_are_is_left_as_it_is(vendor: Vendor, name: str) -> None:
    """A short secret may be a word; an address and an account's number are data of records."""
    body = json.dumps({"name": name})
    vendor.says(body)
    response = vendor.vendor_http.send("GET", "a")
    assert response.extensions["json"] == {"name": name}
    assert response.content == body.encode()
    assert vendor.warnings() == []


def test_a_token_that_was_learnt_on_the_way_is_masked(vendor: Vendor) -> None:
    vendor_http = vendor.vendor_http.at(
        BASE, headers={"Authorization": "Bearer granted-an-hour-ago"}
    )
    vendor.says("{}")
    vendor_http.get("a")
    vendor.says('{"sent": "Bearer granted-an-hour-ago"}')
    assert vendor_http.get("a") == {"sent": f"Bearer {MASK}"}


def test_a_token_may_be_granted_again(vendor: Vendor) -> None:
    """Some vendors give the same token for as long as it lives: masked, nobody could use it."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    asked = str(httpx.QueryParams({"refresh_token": CANARY}))
    vendor.says(json.dumps({"access_token": "new-token", "refresh_token": CANARY}))
    granted = vendor.vendor_http.send("POST", "token", headers=form, content=asked)
    assert granted.extensions["json"]["refresh_token"] == CANARY
    assert vendor.warnings() == []

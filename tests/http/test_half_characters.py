"""Texts that a vendor cut in the middle of a character, and numbers that JSON does not know."""

from collections.abc import Iterator

import httpx
import pytest

from cs_sync.contracts.errors import Unreachable
from cs_sync.http import VendorHttp

CUT = rb'{"items": [{"id": 1, "name": "half \ud83d"}, {"id": 2, "name": "whole \ud83d\ude00"}]}'

ODD = b'{"n": [NaN, -Infinity, 1e999, %s, 1.5, 7], "name": "fine"}' % (b"9" * 5000)


@pytest.fixture
def vendor_http() -> Iterator[VendorHttp]:
    def answer(request: httpx.Request) -> httpx.Response:
        content = {"/cut": CUT, "/odd": ODD, "/none": b'{"score": nan}'}[request.url.path]
        return httpx.Response(200, headers={"content-type": "application/json"}, content=content)

    client = httpx.Client(transport=httpx.MockTransport(answer))
    with VendorHttp("vendor", client=client, sleep=lambda _seconds: None) as made:
        yield made.at("https://vendor.example")


def test_half_a_character_becomes_a_question_mark(vendor_http: VendorHttp) -> None:
    names = [item["name"] for item in vendor_http.get("/cut")["items"]]
    assert names == ["half ?", "whole \N{GRINNING FACE}"]


def test_sdks_that_read_the_response_themselves_get_it_too(vendor_http: VendorHttp) -> None:
    assert vendor_http.send("GET", "/cut").json()["items"][0] == {"id": 1, "name": "half ?"}


def test_what_is_no_json_at_all_is_still_refused(vendor_http: VendorHttp) -> None:
    with pytest.raises(Unreachable, match="not whole JSON"):
        vendor_http.get("/none")


def test_numbers_that_json_does_not_know_are_texts(vendor_http: VendorHttp) -> None:
    """So that a field of numbers refuses them, and the records beside them are read."""
    actual = vendor_http.get("/odd")
    assert actual["name"] == "fine"
    assert actual["n"] == ["NaN", "-Infinity", "1e999", "9" * 5000, 1.5, 7]

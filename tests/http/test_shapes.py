"""A good status is not enough: an answer has to contain what was asked for."""

from collections.abc import Iterator

import httpx
import pytest
import respx

from cs_sync.contracts.errors import AnswerUnknown, Unreachable
from cs_sync.contracts.http import Shape
from cs_sync.http import ManualClock, VendorHttp
from cs_sync.http.retry import MAX_ATTEMPTS
from cs_sync.http.shapes import describe_mismatch

BASE = "https://api.example.com"
SHAPES = (
    Shape(r"/users$", {"users": list, "next": str | None}),
    Shape(r"/users/\w+$", {"user": {"id": str}}),
    Shape(r"/kinds$", list),
    Shape(r"/create$", {"id": str}, method="POST"),
)
OTHER = ["{}", "null", "[]", '"fine"', "7", '{"message": "soon"}', '{"error": {"message": "no"}}']


@pytest.fixture
def client() -> Iterator[VendorHttp]:
    clock = ManualClock()
    with VendorHttp("acme", now=clock.now, sleep=clock.sleep) as http:
        yield http.at(BASE, shapes=SHAPES)


@pytest.mark.parametrize("body", OTHER)
@pytest.mark.parametrize("path", ["/v1/users", "/v1/users/u1"])
def test_json_that_is_no_answer_is_asked_again_and_then_an_error(
    client: VendorHttp, respx_mock: respx.MockRouter, path: str, body: str
) -> None:
    route = respx_mock.get(BASE + path).respond(content=body, content_type="application/json")
    with pytest.raises(Unreachable, match="200 with a body that") as caught:
        client.get(path)
    assert "base_url in [connectors.acme]" in caught.value.remedy
    assert route.call_count == MAX_ATTEMPTS


@pytest.mark.parametrize(
    "body",
    [
        {"people": [{"id": 1}], "next": None},
        {"users": [{"id": 1}], "paging": {"after": "x"}},
        {"result": {"page": 1, "people": [{"id": 1}]}},
    ],
)
def test_records_by_another_name_are_the_connectors_mistake_and_not_asked_for_again(
    client: VendorHttp, respx_mock: respx.MockRouter, body: object
) -> None:
    route = respx_mock.get(f"{BASE}/users").respond(json=body)
    with pytest.raises(Unreachable, match=r"200 with a body that has no '(users|next)'") as caught:
        client.get("/users")
    assert caught.value.remedy.startswith("Correct the connector")
    assert route.call_count == 1


def test_a_list_of_errors_is_no_list_of_records(
    client: VendorHttp, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.get(f"{BASE}/users").respond(json={"errors": [{"message": "soon"}]})
    with pytest.raises(Unreachable, match="soon"):
        client.get("/users")
    assert route.call_count == MAX_ATTEMPTS


def test_what_the_vendor_says_instead_is_in_the_message(
    client: VendorHttp, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get(f"{BASE}/users").respond(json={"message": "We will be back at noon"})
    with pytest.raises(
        Unreachable, match="has no 'users' \\(but message\\): We will be back at noon"
    ):
        client.get("/users")


def test_a_good_answer_after_a_bad_one_is_taken(
    client: VendorHttp, respx_mock: respx.MockRouter
) -> None:
    good: dict[str, object] = {"users": [], "next": None, "more": "than was asked"}
    respx_mock.get(f"{BASE}/users").mock(
        side_effect=[httpx.Response(200, json={}), httpx.Response(200, json=good)]
    )
    assert client.get("/users") == good


def test_a_write_without_a_usable_answer_may_have_happened(
    client: VendorHttp, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(f"{BASE}/create").respond(json={"message": "thanks"})
    with pytest.raises(AnswerUnknown):
        client.post("/create", {})
    assert route.call_count == 1


def test_an_sdk_rides_within_the_same_shapes(
    client: VendorHttp, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get(f"{BASE}/users").respond(html="<h1>Hello</h1>")
    with pytest.raises(Unreachable):
        client.send("GET", f"{BASE}/users")


def test_a_refusal_is_told_by_its_status(client: VendorHttp, respx_mock: respx.MockRouter) -> None:
    respx_mock.get(f"{BASE}/users").respond(503, json={"message": "busy"})
    with pytest.raises(Unreachable, match="503 Service Unavailable: busy"):
        client.get("/users")


@pytest.mark.parametrize(
    ("document", "wrong"),
    [
        ({"users": [], "next": None}, ""),
        ({"users": [], "next": "2"}, ""),
        ({"users": []}, "has no 'next' (but users)"),
        ({"users": {}, "next": None}, "has a 'users' that is not a list"),
        ({"users": [], "next": 2}, "has a 'next' that is not a text or null"),
        ([], "is not an object"),
    ],
)
def test_what_is_wrong_is_said_in_words(document: object, wrong: str) -> None:
    assert describe_mismatch(document, SHAPES[0].body) == wrong

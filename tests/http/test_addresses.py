"""Where the client sends requests, and where it refuses to take a key."""

import httpx
import pytest
import respx

from cs_sync.contracts.errors import ConfigError, RequestRefused
from cs_sync.http import VendorHttp
from cs_sync.http.urls import replace_query

BASE = "https://api.example.com"


@pytest.mark.parametrize(
    "base",
    [
        "https://api.example.com",
        "http://127.0.0.1:8900",
        "http://localhost:1",
        "http://[::1]:80",
        "http://127.9.9.9",
        "http://127.0.0.2:8900",
    ],
)
def test_good_addresses(base: str) -> None:
    assert base.split("//")[1].split(":")[0][:3] in repr(VendorHttp("acme").at(base))


@pytest.mark.parametrize(
    "base",
    [
        "http://api.example.com",
        "http://127.0.0.1.evil.test",
        "http://localhost.evil.test",
        "http://10.0.0.1",
        "http://128.0.0.1",
        "http://0.0.0.0",
        "http://[::2]",
        "ftp://api.example.com",
        "api.example.com",
        "https://",
        "https://user:word@api.example.com",
        "https://api.example.com:nine",
        "",
    ],
)
def test_bad_addresses_name_the_setting(base: str) -> None:
    with pytest.raises(ConfigError, match="acme") as caught:
        VendorHttp("acme").at(base)
    assert "[connectors.acme]" in caught.value.remedy
    assert "word" not in str(caught.value)


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        (BASE, "/v1/a", f"{BASE}/v1/a"),
        (BASE, "v1/a", f"{BASE}/v1/a"),
        (f"{BASE}/", "/v1/a", f"{BASE}/v1/a"),
        (f"{BASE}/sub/", "/v1/a", f"{BASE}/sub/v1/a"),
        (BASE, f"{BASE}/v1/a?page=2", f"{BASE}/v1/a?page=2"),
        (BASE, "/v1/a?page=2", f"{BASE}/v1/a?page=2"),
        (BASE, "/v1/a%2Fb", f"{BASE}/v1/a%2Fb"),
    ],
)
def test_paths_are_put_onto_the_base(
    respx_mock: respx.MockRouter, base: str, path: str, url: str
) -> None:
    route = respx_mock.route().respond(json=1)
    VendorHttp("acme").at(base).get(path)
    assert str(route.calls.last.request.url) == url


def test_params_join_the_query_of_the_path(respx_mock: respx.MockRouter) -> None:
    route = respx_mock.route().respond(json=1)
    VendorHttp("acme").at(BASE).get("/a?page=2", [("x", "1"), ("x", "2")])
    assert str(route.calls.last.request.url) == f"{BASE}/a?page=2&x=1&x=2"


@pytest.mark.parametrize("value", ["a b+c&d=e%20#?/", "é", '[]{}|^`"<>\\', "", "~*.-_", "\x00\n"])
def test_a_query_is_what_httpx_makes_of_it(value: str) -> None:
    url = httpx.URL("https://user@api.example.com:8443/v1/a%20b?a=1#end")
    params = {"a": value, value: "x"}
    replaced, expected = replace_query(url, params), url.copy_merge_params(params)
    assert (replaced, replaced.raw_path) == (expected, expected.raw_path)
    assert replaced.params["a"] == value
    assert str(url) == "https://user@api.example.com:8443/v1/a%20b?a=1#end"


@pytest.mark.parametrize("url", ["https://evil.test/a", f"{BASE}:444/a", "//evil.test/a"])
def test_a_key_does_not_go_to_another_host(respx_mock: respx.MockRouter, url: str) -> None:
    client = VendorHttp("acme").at(BASE, headers={"X-Api-Key": "canary"})
    with pytest.raises(ConfigError):
        client.get(url)
    assert not respx_mock.calls


def test_an_sdk_brings_its_own_address_and_key(respx_mock: respx.MockRouter) -> None:
    route = respx_mock.post("https://files.example.com/v1/f").respond(json={"id": 1})
    response = (
        VendorHttp("acme")
        .at(BASE)
        .send("post", "https://files.example.com/v1/f", headers={"AUTHORIZATION": "Bearer x"})
    )
    assert response.json() == {"id": 1}
    assert route.calls.last.request.headers["authorization"] == "Bearer x"


def test_an_sdk_may_not_leave_tls_either() -> None:
    with pytest.raises(ConfigError, match="not safe"):
        VendorHttp("acme").at(BASE).send("GET", "http://files.example.com/v1/f")


def test_headers_of_one_request_go_before_those_of_the_client(respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get(f"{BASE}/a").respond(json=1)
    client = VendorHttp("acme").at(BASE, headers={"X-Version": "1"})
    client.send("GET", "a", headers={"x-version": "2"})
    assert route.calls.last.request.headers.get_list("x-version") == ["2"]


def test_reads_follow_a_redirect_on_the_same_host(respx_mock: respx.MockRouter) -> None:
    respx_mock.get(f"{BASE}/old").respond(301, headers={"Location": "/new?x=1"})
    new = respx_mock.get(f"{BASE}/new", params={"x": "1"}).respond(json=5)
    http = VendorHttp("acme")
    assert http.at(BASE, headers={"X-Api-Key": "canary"}).get("old") == 5
    assert new.calls.last.request.headers["x-api-key"] == "canary"
    assert http.requests == 2


@pytest.mark.parametrize(
    "target", ["https://evil.test/a", "http://api.example.com/a", f"{BASE}:444/a", "https://["]
)
def test_no_redirect_to_another_host(respx_mock: respx.MockRouter, target: str) -> None:
    respx_mock.get(f"{BASE}/a").respond(302, headers={"Location": target})
    client = VendorHttp("acme").at(BASE, headers={"X-Api-Key": "canary"})
    with pytest.raises(RequestRefused, match="302") as caught:
        client.get("a")
    assert "base_url" in caught.value.remedy
    assert len(respx_mock.calls) == 1


def test_writes_and_loops_are_not_redirected(respx_mock: respx.MockRouter) -> None:
    respx_mock.route().respond(307, headers={"Location": "/a"})
    client = VendorHttp("acme").at(BASE)
    with pytest.raises(RequestRefused):
        client.post("a", {})
    assert len(respx_mock.calls) == 1
    with pytest.raises(RequestRefused):
        client.get("a")
    assert len(respx_mock.calls) == 1 + 6


def test_a_path_without_an_address() -> None:
    with pytest.raises(ConfigError, match="no host"):
        VendorHttp("acme").get("/a")

"""Authentication: what each kind sends, and tokens that end, are refused or change."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import httpx
import orjson
import pytest

from cs_sync.contracts.errors import ConfigError, CredentialRefused
from cs_sync.contracts.source import WorkspaceInfo
from cs_sync.rest import OAuthToken
from tests.rest.described import ALL, Vendor, describe, list_ids

KEY = "-".join(("not", "a", "key"))
SECRET = "-".join(("not", "a", "secret"))
SETTINGS = {
    "base_url": {"default": "https://api.acme.example"},
    "key": {"kind": "secret", "optional": True},
    "client_id": {"optional": True},
    "client_secret": {"kind": "secret", "optional": True},
    "refresh_token": {"kind": "secret", "optional": True},
}


def send(vendor: Vendor, auth: dict[str, Any], **settings: str) -> list[str]:
    tables = describe({}, settings=SETTINGS, auth=auth)
    [stream] = vendor.open(tables, **settings).streams()
    return list_ids(list(stream.read(ALL)))


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"kind": "bearer", "token": "{key}"}, "authorization", f"Bearer {KEY}"),
        ({"kind": "bearer", "token": "{key}", "scheme": "Token"}, "authorization", f"Token {KEY}"),
        (
            {"kind": "basic", "username": "{key}", "password": "X"},
            "authorization",
            httpx.BasicAuth(KEY, "X")._auth_header,
        ),
        ({"kind": "header", "headers": {"X-Api-Key": "{key}"}}, "x-api-key", KEY),
    ],
)
def test_headers(auth: dict[str, Any], header: str, value: str) -> None:
    vendor = Vendor(lambda _request: [])
    send(vendor, auth, key=KEY)
    assert vendor.requests[0].headers[header] == value


def test_a_key_in_the_query_is_sent_and_never_stored_or_said() -> None:
    """The next page's URL repeats it, and an error names the path alone."""

    def answer(request: httpx.Request) -> httpx.Response:
        if "page" in request.url.params:
            return httpx.Response(400, json={"message": f"what is {request.url}?"})
        url = request.url.copy_set_param("page", 2)
        return httpx.Response(200, json=[{"id": 1}], headers={"link": f'<{url}>; rel="next"'})

    vendor = Vendor(answer)
    auth = {"kind": "query", "param": "api_key", "key": "{key}"}
    tables = describe({"pages": {"kind": "link"}}, settings=SETTINGS, auth=auth)
    [stream] = vendor.open(tables, key=KEY).streams()
    reading = stream.read(ALL)
    first = next(reading)
    with pytest.raises(Exception, match="400") as raised:
        next(reading)
    assert [request.url.params.get_list("api_key") for request in vendor.requests] == [[KEY], [KEY]]
    assert KEY not in repr(first.resume)
    assert KEY not in str(raised.value)


def grant(vendor: Vendor, tokens: Iterator[dict[str, Any]], good: set[str]) -> None:
    """Give tokens, and answer to the good ones alone."""

    def answer(request: httpx.Request) -> Any:
        if request.url.path == "/oauth/token":
            return next(tokens)
        token = request.headers["authorization"].removeprefix("Bearer ")
        return [{"id": 1}] if token in good else httpx.Response(401, json={"message": "who?"})

    vendor.answers = answer


OAUTH = {"kind": "client_credentials", "token_url": "/oauth/token", "params": {"scope": "read"}}


def test_client_credentials_ask_for_a_token_once_and_again_when_it_is_refused() -> None:
    vendor = Vendor(lambda _request: None)
    given = iter([
        {"access_token": "granted-1", "expires_in": 3600},
        {"access_token": "granted-2", "expires_in": 3600},
    ])  # fmt: skip
    grant(vendor, given, {"granted-2"})
    assert send(vendor, OAUTH, client_id="cs", client_secret=SECRET) == ["1"]
    paths = [request.url.path for request in vendor.requests]
    assert paths == ["/oauth/token", "/things", "/oauth/token", "/things"]
    assert dict(parse_qsl(vendor.requests[0].content.decode())) == {
        "grant_type": "client_credentials", "client_id": "cs", "client_secret": SECRET,
        "scope": "read",
    }  # fmt: skip


def test_a_refresh_token_that_is_exchanged_is_used_in_its_new_form() -> None:
    vendor = Vendor(lambda _request: None)
    given = iter([
        {"access_token": "granted-1", "refresh_token": "refresh-2"}, {"access_token": "granted-2"},
    ])  # fmt: skip
    grant(vendor, given, {"granted-2"})
    auth = {"kind": "refresh_token", "token_url": "/oauth/token", "as_json": True}
    settings = {"client_id": "cs", "client_secret": SECRET, "refresh_token": "refresh-1"}
    assert send(vendor, auth, **settings) == ["1"]
    sent = [orjson.loads(r.content) for r in vendor.requests if r.url.path == "/oauth/token"]
    assert [body["refresh_token"] for body in sent] == ["refresh-1", "refresh-2"]


def test_an_exchanged_refresh_token_survives_the_process() -> None:
    """The vendor lets each be used once; the second process begins with the third one."""
    kept = {"refresh_token": "refresh-1"}
    good = {"refresh-1": "refresh-2", "refresh-2": "refresh-3", "refresh-3": "refresh-4"}

    def answer(request: httpx.Request) -> Any:
        if request.url.path != "/oauth/token":
            fresh = request.headers["authorization"] == f"Bearer for-{kept['refresh_token']}"
            return [{"id": 1}] if fresh else httpx.Response(401, json={})
        used = orjson.loads(request.content)["refresh_token"]
        following = good.pop(used)  # a token that was used before is a KeyError
        return {"access_token": f"for-{following}", "refresh_token": following, "expires_in": 60}

    def write(token: str) -> None:
        kept["refresh_token"] = token

    auth = {
        "kind": "refresh_token", "token_url": "/oauth/token", "as_json": True, "exchanges": True,
    }  # fmt: skip
    workspace = WorkspaceInfo(section="acme", secret_writers={"refresh_token": write})
    for expected in ("refresh-2", "refresh-3"):
        settings = {"client_id": "cs", "client_secret": SECRET, "workspace": workspace, **kept}
        tables = describe({}, settings=SETTINGS, auth=auth)
        [stream] = Vendor(answer).open(tables, **settings).streams()
        assert list_ids(list(stream.read(ALL))) == ["1"]
        assert kept == {"refresh_token": expected}
    assert "refresh-3" not in repr(workspace)


def test_tokens_that_are_exchanged_need_a_place_that_can_be_written() -> None:
    auth = {"kind": "refresh_token", "token_url": "/oauth/token", "exchanges": True}
    settings = {"client_id": "cs", "client_secret": SECRET, "refresh_token": "refresh-1"}
    vendor = Vendor(lambda _request: [])
    with pytest.raises(ConfigError, match="exchanges its refresh token") as refused:
        send(vendor, auth, **settings)
    assert refused.value.remedy == 'keep it in a file: refresh_token = "file:PATH"'
    assert vendor.requests == []


def test_a_refused_client_names_what_to_check() -> None:
    vendor = Vendor(lambda _request: httpx.Response(400, json={"error": "invalid_client"}))
    with pytest.raises(CredentialRefused, match="Check client_id, client_secret of its section"):
        send(vendor, OAUTH, client_id="cs", client_secret=SECRET)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "invalid_grant"}, r"\(400\): invalid_grant$"),
        ({"error": "invalid_grant", "error_description": "no\nuser"}, r": invalid_grant: no user$"),
        ({"error": "odd", "error_description": f"{SECRET} ends"}, r": odd: ••• ends$"),
        ({"error": {"code": 5}}, r"\(400\)$"),
        (["odd"], r"\(400\)$"),
        (None, r"\(400\)$"),
    ],
)
def test_a_refused_client_is_told_why_in_the_vendors_words(body: Any, words: str) -> None:
    answer = httpx.Response(400, text="<html>") if body is None else httpx.Response(400, json=body)
    with pytest.raises(CredentialRefused) as refused:
        send(Vendor(lambda _request: answer), OAUTH, client_id="cs", client_secret=SECRET)
    assert re.search(words, refused.value.message)
    assert SECRET not in repr(refused.value)


def test_a_token_is_renewed_shortly_before_it_ends() -> None:
    seconds = [0.0]
    given = iter(["one", "two"])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": next(given), "expires_in": 600})
        return httpx.Response(200, text=request.headers["authorization"])

    auth = OAuthToken("https://acme.example/token", {}, clock=lambda: seconds[0])
    with httpx.Client(transport=httpx.MockTransport(answer), auth=auth) as client:
        for at, token in ((0.0, "one"), (479.0, "one"), (481.0, "two")):
            seconds[0] = at
            assert client.get("https://acme.example/").text == f"Bearer {token}"

"""The credential: tokens that end, are revoked, are refused, and never shown."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx

from cs_sync import CredentialRefused, PermissionMissing, Unreachable, Window
from cs_sync_zendesk.auth import make_auth
from cs_sync_zendesk.config import ZendeskConfig
from cs_sync_zendesk.source import ZendeskSource

UNTIL = datetime(2026, 11, 20, tzinfo=UTC)
BASE = "https://acme.zendesk.com"
SECRET = "-".join(("not", "a", "real", "secret"))
CONFIG = ZendeskConfig.model_validate(
    {"base_url": BASE, "client_id": "cs_sync", "client_secret": SECRET}
)


def granted(number: int, lasts: int = 7200) -> httpx.Response:
    return httpx.Response(201, json={"access_token": f"granted-{number}", "expires_in": lasts})


def sent_tokens(route: respx.Route) -> list[str]:
    return [call.request.headers["authorization"] for call in route.calls]


def test_a_revoked_token_is_renewed_once(router: respx.MockRouter) -> None:
    router.post("/oauth/tokens").mock(side_effect=[granted(1), granted(2)])
    page = router.get("/x").mock(side_effect=[httpx.Response(401), httpx.Response(200, json={})])
    with httpx.Client(base_url=BASE, auth=make_auth(CONFIG)) as client:
        assert client.get("/x").status_code == 200
    assert sent_tokens(page) == ["Bearer granted-1", "Bearer granted-2"]


def test_a_second_401_is_an_answer(vendor: respx.MockRouter, source: ZendeskSource) -> None:
    body = {"error": "invalid_token", "description": "The access token is expired"}
    vendor.get("/api/v2/users/me").respond(401, json=body)
    (finding,) = source.check()
    assert (finding.ok, finding.subject) == (False, "credential")
    assert "invalid_token: The access token is expired" in finding.message


def test_a_refused_client_says_where_to_look(
    router: respx.MockRouter, source: ZendeskSource
) -> None:
    refusal = {"error": "invalid_client", "error_description": f"wrong secret {SECRET}"}
    router.post("/oauth/tokens").respond(401, json=refusal)
    (finding,) = source.check()
    assert not finding.ok
    assert "OAuth client" in finding.remedy
    assert SECRET not in f"{finding}"


def test_a_token_endpoint_in_trouble_is_asked_again(
    router: respx.MockRouter, source: ZendeskSource
) -> None:
    answers = [httpx.Response(503), httpx.Response(200, text="<html>"), granted(1)]
    token = router.post("/oauth/tokens").mock(side_effect=answers)
    router.get("/api/v2/users/me").respond(200, json={"user": {"role": "admin"}})
    router.get("/api/v2/incremental/tickets/sample").respond(200, json={"tickets": []})
    assert [finding.ok for finding in source.check()] == [True, True]
    assert token.call_count == 3


def test_a_token_endpoint_that_stays_in_trouble_is_unreachable(
    router: respx.MockRouter, pages: Any
) -> None:
    router.post("/oauth/tokens").respond(503)
    with pytest.raises(Unreachable, match="no token came back"):
        pages("tickets", Window(None, UNTIL))


def test_an_agent_is_told_that_exports_take_an_admin(
    vendor: respx.MockRouter, source: ZendeskSource
) -> None:
    vendor.get("/api/v2/users/me").respond(200, json={"user": {"id": 7, "role": "agent"}})
    vendor.get("/api/v2/incremental/tickets/sample").respond(
        403, json={"error": {"title": "Forbidden", "message": "You do not have access"}}
    )
    role, exports = source.check()
    assert (role.ok, exports.ok) == (False, False)
    assert "agent" in role.message
    assert "admin" in role.remedy
    assert "Forbidden: You do not have access" in exports.message


def test_api_tokens_still_work(
    router: respx.MockRouter, make_source: Callable[..., ZendeskSource]
) -> None:
    me = router.get("/api/v2/users/me").respond(200, json={"user": {"role": "admin"}})
    router.get("/api/v2/incremental/tickets/sample").respond(200, json={"tickets": []})
    findings = list(make_source(email="kim@acme.example", api_token=SECRET).check())
    assert all(finding.ok for finding in findings)
    expected = httpx.BasicAuth("kim@acme.example/token", SECRET)._auth_header
    assert me.calls.last.request.headers["authorization"] == expected


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"client_id": "cs_sync"},
        {"email": "kim@acme.example"},
        {"client_id": "cs_sync", "client_secret": SECRET, "api_token": SECRET},
    ],
)
def test_half_a_credential_or_two_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="client_id and client_secret") as caught:
        ZendeskConfig.model_validate({"base_url": BASE, **given})
    assert SECRET not in str(caught.value)


def test_secrets_show_nowhere(vendor: respx.MockRouter, source: ZendeskSource, pages: Any) -> None:
    vendor.get("/api/v2/incremental/tickets/cursor").respond(
        403, json={"error": "Forbidden", "description": "granted-token-1 may not"}
    )
    with pytest.raises(PermissionMissing) as caught:
        pages("tickets", Window(None, UNTIL))
    config, auth = CONFIG, make_auth(CONFIG)
    texts = (str(caught.value), repr(caught.value), str(caught.value.body), repr(config),
             repr(auth), repr(source))  # fmt: skip
    for text in texts:
        assert SECRET not in text
        assert "granted-token-1" not in text


def test_a_refused_client_is_an_error_of_its_stream(router: respx.MockRouter, pages: Any) -> None:
    router.post("/oauth/tokens").respond(400, json={"error": "invalid_client"})
    with pytest.raises(CredentialRefused):
        pages("users", Window(None, UNTIL))

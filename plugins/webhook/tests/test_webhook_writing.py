"""Operations as messages, and what every answer of the receiver means."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import httpx
import orjson
import pytest
import respx

from cs_sync import (
    Ack,
    CredentialRefused,
    FieldSpec,
    Op,
    PermissionMissing,
    Reject,
    ReportMessage,
    RequestRefused,
    SupportsReport,
    Throttled,
    Unreachable,
    VendorError,
)
from cs_sync.http import ManualClock
from cs_sync_webhook.destination import WebhookDestination
from cs_sync_webhook.message import build_message

URL = "https://hooks.example.com/customer-health"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SCORE = Op(
    "account",
    "acme",
    {"cs_health_score": 38.5, "cs_health_band": "red", "cs_updated_at": NOON},
    remote_id="acme",
    before={"cs_health_score": 62.0, "cs_updated_at": "2026-11-14T12:00:00Z"},
)
CALL = Op(
    "follow_up",
    "5f0c",
    {"title": "Call Ana", "body": "", "due_at": NOON, "priority": "high", "kind": "call"},
    account_remote_id="acme",
)

Open = Callable[..., WebhookDestination]


@pytest.fixture
def hook() -> Iterator[respx.Route]:
    """The receiver: every request must be expected, none leaves this machine."""
    with respx.mock(assert_all_called=False) as router:
        yield router.post(URL)


def body(request: httpx.Request) -> dict[str, Any]:
    actual: dict[str, Any] = orjson.loads(request.content)
    return actual


def test_a_changed_account_is_one_message(
    webhook: WebhookDestination, hook: respx.Route, clock: ManualClock
) -> None:
    hook.respond(204)
    assert list(webhook.write([SCORE])) == [Ack("acme", "acme")]
    [request] = [call.request for call in hook.calls]
    assert request.headers["content-type"] == "application/json"
    sent = body(request)
    assert sent["id"] == request.headers["webhook-id"]
    assert sent == {
        "id": sent["id"],
        "key": "acme",
        "object": "account",
        "account": "acme",
        "about": {},
        "fields": {
            "cs_health_score": 38.5,
            "cs_health_band": "red",
            "cs_updated_at": "2026-11-21T12:00:00Z",
        },
        "before": {"cs_health_score": 62.0, "cs_updated_at": "2026-11-14T12:00:00Z"},
        "at": clock.now().isoformat().replace("+00:00", "Z"),
    }


def test_a_follow_up_is_named_by_its_key(webhook: WebhookDestination, hook: respx.Route) -> None:
    hook.respond(202, text="thanks")
    assert list(webhook.write([CALL])) == [Ack("5f0c", "5f0c")]
    sent = body(hook.calls.last.request)
    assert (sent["id"], sent["key"], sent["account"]) == ("5f0c", "5f0c", "acme")
    assert (sent["object"], sent["fields"]["due_at"]) == ("follow_up", "2026-11-21T12:00:00Z")
    assert sent["before"] == {}


def test_a_change_keeps_its_name_when_it_is_said_again_later() -> None:
    later = replace(SCORE, fields={**SCORE.fields, "cs_updated_at": NOON + timedelta(days=1)})
    first, again = build_message(SCORE, NOON), build_message(later, NOON + timedelta(days=1))
    assert first.id == again.id
    assert first.body != again.body


def test_each_change_has_a_name_of_its_own() -> None:
    """Also when a score reaches the same value again: what was there before tells them apart."""
    fallen_again = replace(
        SCORE, before={"cs_health_score": 62.0, "cs_updated_at": "2026-11-18T12:00:00Z"}
    )
    lower = replace(SCORE, fields={**SCORE.fields, "cs_health_score": 30.0})
    other = replace(SCORE, key="beta", remote_id="beta")
    first = replace(SCORE, before={})
    closed = replace(CALL, remote_id="5f0c", fields={"status": "closed"})
    revised = replace(CALL, remote_id="5f0c", fields={"title": "Save"}, before={"title": "Call"})
    later = replace(CALL, remote_id="5f0c", fields={"due_at": NOON + timedelta(days=1)})
    ops = (SCORE, fallen_again, lower, other, first, CALL, closed, revised, later)
    assert len({build_message(op, NOON).id for op in ops}) == len(ops)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Ack("5f0c", "5f0c")),
        (299, Ack("5f0c", "5f0c")),
        (409, Ack("5f0c", "5f0c", existed=True)),
    ],
)
def test_answers_that_mean_done(
    webhook: WebhookDestination, hook: respx.Route, status: int, expected: Ack
) -> None:
    hook.respond(status, html="<p>ok</p>")
    assert list(webhook.write([CALL])) == [expected]
    assert hook.call_count == 1


@pytest.mark.parametrize("status", [400, 404, 405, 413, 422])
def test_a_refused_message_is_told_and_the_next_one_sent(
    webhook: WebhookDestination, hook: respx.Route, status: int
) -> None:
    refusal = httpx.Response(status, json={"message": "no channel for acme"})
    hook.side_effect = [refusal, httpx.Response(200)]
    [reject, ack] = webhook.write([SCORE, CALL])
    assert isinstance(reject, Reject)
    assert (reject.key, reject.code, reject.lasting) == ("acme", f"HTTP_{status}", False)
    assert "no channel for acme" in reject.reason
    assert ack == Ack("5f0c", "5f0c")


def test_a_receiver_that_is_gone_is_left_in_peace(
    webhook: WebhookDestination, hook: respx.Route
) -> None:
    hook.respond(410, json={"error": "moved out"})
    answers = [*webhook.write([SCORE, CALL]), *webhook.write([CALL])]
    assert [(type(a), a.key) for a in answers] == [
        (Reject, "acme"),
        (Reject, "5f0c"),
        (Reject, "5f0c"),
    ]
    assert all(isinstance(a, Reject) and not a.lasting and "moved out" in a.reason for a in answers)
    assert hook.call_count == 1


@pytest.mark.parametrize(
    ("status", "error", "remedy"),
    [
        (401, CredentialRefused, "compare signing_secret and headers"),
        (403, PermissionMissing, "let the receiver accept"),
        (307, RequestRefused, "set url of its section to it"),
        (501, RequestRefused, ""),
    ],
)
def test_what_every_message_would_meet_ends_the_push(
    webhook: WebhookDestination,
    hook: respx.Route,
    status: int,
    error: type[VendorError],
    remedy: str,
) -> None:
    hook.respond(status, headers={"Location": "https://elsewhere.example.com/"})
    with pytest.raises(error) as caught:
        list(webhook.write([SCORE, CALL]))
    assert remedy in caught.value.remedy
    assert hook.call_count == 1


@pytest.mark.parametrize(
    "first",
    [
        httpx.Response(500),
        httpx.Response(503),
        httpx.Response(429, headers={"Retry-After": "7"}),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("hung up"),
    ],
)
def test_a_lost_answer_is_asked_for_again_with_the_same_message(
    webhook: WebhookDestination, hook: respx.Route, first: Any
) -> None:
    hook.side_effect = [first, httpx.Response(200)]
    assert list(webhook.write([SCORE])) == [Ack("acme", "acme")]
    before, after = (call.request for call in hook.calls)
    assert before.content == after.content
    assert before.headers["webhook-id"] == after.headers["webhook-id"]


def test_without_an_answer_the_push_ends(webhook: WebhookDestination, hook: respx.Route) -> None:
    hook.respond(503)
    with pytest.raises(Unreachable):
        list(webhook.write([SCORE, CALL]))
    assert hook.call_count == 6


def test_a_quota_that_opens_tomorrow_ends_the_push(
    webhook: WebhookDestination, hook: respx.Route
) -> None:
    hook.respond(429, headers={"Retry-After": "86400"})
    with pytest.raises(Throttled):
        list(webhook.write([SCORE]))
    assert hook.call_count == 1


def test_a_good_answer_with_a_broken_body_is_an_answer(
    webhook: WebhookDestination, hook: respx.Route
) -> None:
    hook.respond(200, headers={"Content-Type": "application/json"}, text="ok")
    assert list(webhook.write([CALL])) == [Ack("5f0c", "5f0c")]


def test_headers_and_timeout_are_sent_and_their_values_stay_secret(
    open_webhook: Open, hook: respx.Route
) -> None:
    webhook = open_webhook(headers={"Authorization": "Bearer canary-key"}, timeout=3)
    hook.respond(422, json={"message": "you sent Bearer canary-key"})
    [reject] = webhook.write([CALL])
    request = hook.calls.last.request
    assert request.headers["authorization"] == "Bearer canary-key"
    assert request.extensions["timeout"]["read"] == 3
    assert isinstance(reject, Reject)
    assert "canary" not in reject.reason


def test_what_is_not_known_is_not_sent(webhook: WebhookDestination, hook: respx.Route) -> None:
    hook.respond(200)
    nothing = replace(SCORE, fields={"cs_health_score": None})
    half = replace(CALL, fields={"title": "Call Ana", "due_at": None})
    answers = list(webhook.write([nothing, half]))
    assert answers == [Ack("acme", "acme", existed=True), Ack("5f0c", "5f0c")]
    assert [body(call.request)["fields"] for call in hook.calls] == [{"title": "Call Ana"}]


def test_preparing_asks_nothing_and_says_where_it_will_post(
    open_webhook: Open, hook: respx.Route
) -> None:
    webhook = open_webhook(url=f"{URL}?team=canary")
    [finding] = webhook.prepare([FieldSpec("cs_health_score", "Score", "number", "0 to 100.")])
    assert finding.ok
    assert finding.message.endswith(f"posted to {URL}")
    assert list(webhook.find(["5f0c"])) == []
    assert hook.call_count == 0


REPORT = ReportMessage("acme", "5,200 EUR at risk", ("One.", "Two."), "r.html", "<p>ä</p>", NOON)


def test_a_report_is_one_signed_message_with_its_summary_and_its_page(
    webhook: WebhookDestination, hook: respx.Route
) -> None:
    hook.respond(204)
    assert isinstance(webhook, SupportsReport)
    webhook.send_report(REPORT)
    webhook.send_report(REPORT)
    first, again = (call.request for call in hook.calls)
    sent = body(first)
    assert sent.pop("id") == first.headers["webhook-id"] == again.headers["webhook-id"]
    assert sent == {
        "object": "report",
        "workspace": "acme",
        "subject": "5,200 EUR at risk",
        "summary": ["One.", "Two."],
        "file": {"name": "r.html", "type": "text/html", "content": "<p>ä</p>"},
        "at": "2026-11-21T12:00:00Z",
    }
    webhook.send_report(replace(REPORT, page="<p>other</p>"))
    assert hook.calls.last.request.headers["webhook-id"] != first.headers["webhook-id"]


@pytest.mark.parametrize("status", [409, 200])
def test_a_report_that_is_known_or_answered_in_words_is_sent(
    webhook: WebhookDestination, hook: respx.Route, status: int
) -> None:
    hook.respond(status, text="thank you")
    webhook.send_report(REPORT)
    assert hook.call_count == 1


def test_a_refused_report_is_an_error(webhook: WebhookDestination, hook: respx.Route) -> None:
    hook.respond(413, json={"message": "too large"})
    with pytest.raises(RequestRefused, match="too large"):
        webhook.send_report(REPORT)


def test_messages_of_one_account_keep_their_order_while_accounts_go_side_by_side(
    webhook: WebhookDestination, hook: respx.Route
) -> None:
    """All accounts wait for their answers together, each with its first message."""
    names = [f"account-{number}" for number in range(8)]
    together = Barrier(len(names), timeout=120)

    def answer(request: httpx.Request) -> httpx.Response:
        together.wait()
        return httpx.Response(204)

    hook.side_effect = answer
    ops = [
        Op("follow_up", f"{name}:{number}", {"title": "Call"}, account_remote_id=name)
        for number in range(3)
        for name in names
    ]
    assert {answer.key for answer in webhook.write(ops)} == {op.key for op in ops}
    sent = [body(call.request)["key"] for call in hook.calls]
    for name in names:
        own = [key for key in sent if key.startswith(f"{name}:")]
        assert own == [f"{name}:{number}" for number in range(3)]


def test_messages_keep_the_pace_that_the_receiver_has(
    open_webhook: Open, hook: respx.Route, clock: ManualClock
) -> None:
    hook.respond(204)
    began = clock.now()
    paced = open_webhook(max_per_second=2, concurrency=1)
    list(paced.write([replace(CALL, key=f"k{number}") for number in range(7)]))
    assert clock.now() - began >= timedelta(seconds=3)

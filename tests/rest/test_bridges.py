"""What connectors share that read through other programs: mapping, missing keys, secrets."""

from typing import Any

import pytest

from cs_sync.config.problems import iterate_secret_fields
from cs_sync.contracts.events import Event
from cs_sync.http import VendorHttp
from cs_sync.rest import BridgeConfig, BridgeStream
from cs_sync.rest.expressions import list_root_keys
from cs_sync_schemas import Subscription, SubscriptionItem


@pytest.mark.parametrize(
    ("expression", "keys"),
    [
        ("a.b.c", {"a"}),
        ("a[?b==`1`].c | [0]", {"a"}),
        ("join(', ', tags)", {"tags"}),
        ("a || b.c", {"a", "b"}),
        ("{x: a, y: b.c}", {"a", "b"}),
        ("sort_by(items, &at)[0].id", {"items"}),
        ("a.*.b", {"a"}),
        ("length(a[0:2])", {"a"}),
        ("a == 'x' && !b", {"a", "b"}),
        ("@", set()),
    ],
)
def test_an_expression_begins_with_these_keys_of_the_object(
    expression: str, keys: set[str]
) -> None:
    assert list_root_keys(expression) == keys


def make_rule(**rule: Any) -> BridgeStream:
    return BridgeStream.model_validate({"record": "subscription", **rule})


AT = "2026-01-01T00:00:00Z"
ITEMS = {
    "record": "subscription_item",
    "each": "lines",
    "parent": "subscription_source_id",
    "snapshot": True,
    "fields": {"source_id": "id", "subscription_source_id": "_item.id", "valid_from": "at"},
}
FIELDS = {
    "source_id": "id",
    "account_source_id": "customer.id",
    "status": "state",
    "started_at": "at",
    "currency": {"value": "eur"},
}


def test_what_is_mapped_and_missing_is_named_with_its_field() -> None:
    rule = make_rule(
        fields={**FIELDS, "cancel_reason": {"text": "{why}: {words}"}},
        also={"items": ITEMS},
        deleted="gone",
    )
    assert list(rule.list_unknown_keys(["id", "status", "customer", "why", "lines", "at"])) == [
        "fields.status: there is no state; did you mean status?",
        "fields.cancel_reason: there is no words; valid names: at, customer, id, lines, status,"
        " why",
        "deleted: there is no gone; valid names: at, customer, id, lines, status, why",
    ]


def test_parts_of_an_object_belong_to_it_and_deletions_are_ids() -> None:
    rule = make_rule(fields=FIELDS, also={"items": ITEMS}, deleted="gone")
    stream = rule.make_stream("orders", lambda _window: iter(()))
    assert stream.children == {SubscriptionItem: "subscription_source_id"}
    assert stream.snapshot == (SubscriptionItem,)
    kept = {
        "id": 1,
        "customer": {"id": 5},
        "state": "active",
        "at": AT,
        "lines": [{"id": 8, "at": AT}, {"id": 9, "at": AT}],
    }
    page = rule.map_items([kept, {"id": 2, "gone": True}, "x"], {"at": 3}, last=True)
    assert [row["source_id"] for row in page.records[SubscriptionItem]] == ["8", "9"]
    assert page.deleted == {Subscription: ["2"]}
    assert [each.code for each in page.rejected] == ["malformed"]
    assert (page.resume, page.ends_window) == ({"at": 3}, True)


def test_secrets_at_any_depth_are_looked_at_one_by_one() -> None:
    table = {"secrets": {"key": "env:KEY", "client": {"token": "abc"}}}
    assert list(iterate_secret_fields(BridgeConfig, table, "shop")) == [
        ("shop.secrets.key", "env:KEY"),
        ("shop.secrets.client.token", "abc"),
    ]


def test_what_another_program_says_is_masked() -> None:
    events: list[Event] = []
    with VendorHttp("shop", emit=events.append, secrets=["correct-horse"]) as http:
        assert http.redact("with correct-horse") == "with •••"
        for _ in range(2):
            http.warn("refused: correct-horse")
    assert [event.detail["message"] for event in events] == ["refused: •••"]

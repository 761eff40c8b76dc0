"""Typed conversions: the right value to the cent and the second, or a rejection with its reason."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from cs_sync.contracts.mapping import MappingError
from cs_sync.rest.fields import RecordRule


def make(record: str, item: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return dict(RecordRule.model_validate({"record": record, "fields": fields}).make_row(item))


def make_cost(amount: Any, currency: Any, /, **rule: Any) -> Any:
    item = {"id": 1, "amount": amount, "currency": currency}
    constant = {name: {"value": "x"} for name in ("month", "purpose", "line")}
    currency_rule = {"path": "currency"}
    row = make("cost", item, source_id="id", currency=currency_rule,
               amount={"path": "amount", **rule}, **constant)  # fmt: skip
    return row["amount"]


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        (19.99, "EUR", 1999),
        ("19.99", "eur", 1999),
        (0.1 + 0.2 - 0.3 + 0.29, "EUR", None),  # 0.29000000000000004: somebody's sum, no amount
        (8.7, "USD", 870),  # 8.7 * 100 is 869.9999999999999
        (1500, "JPY", 1500),
        (1.234, "KWD", 1234),
        ("1.5", "JPY", None),
        (1, "XXX", None),
        (True, "EUR", None),
        ("a lot", "EUR", None),
    ],
)
def test_major_units_by_the_exponent_of_the_currency(
    amount: Any, currency: str, minor: int | None
) -> None:
    rule = {"as": "major", "currency": "currency"}
    if minor is None:
        with pytest.raises(MappingError, match=r"^amount: "):
            make_cost(amount, currency, **rule)
    else:
        assert make_cost(amount, currency, **rule) == minor


@pytest.mark.parametrize(("amount", "minor"), [(1999, 1999), ("1999", 1999), (1999.0, 1999)])
def test_minor_units_stay_what_they_are(amount: Any, minor: int) -> None:
    assert make_cost(amount, "EUR", **{"as": "minor"}) == minor
    with pytest.raises(MappingError, match=r"'?1999\.5'? is not a whole number of minor units"):
        make_cost(1999.5, "EUR", **{"as": "minor"})


def test_a_price_may_be_a_fraction_of_a_minor_unit() -> None:
    fields = {
        "source_id": "id", "subscription_source_id": "s", "valid_from": "at",
        "unit_amount": {"path": "price", "as": "major", "currency": "'EUR'"},
    }  # fmt: skip
    item = {"id": 1, "s": 2, "at": "2026-11-01T00:00:00Z", "price": "0.00125"}
    assert make("subscription_item", item, **fields)["unit_amount"] == Decimal("0.125")


NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("2026-11-01T12:00:00Z", {}),
        ("2026-11-01T13:00:00+01:00", {}),
        ("2026-11-01T13:00:00", {"zone": "Europe/Warsaw"}),
        ("2026-11-01 12:00", {"zone": "UTC"}),
        (NOON.timestamp(), {"as": "epoch_s"}),
        (str(int(NOON.timestamp())), {"as": "epoch_s"}),
        (int(NOON.timestamp() * 1000), {"as": "epoch_ms"}),
    ],
)
def test_times_in_every_form(value: Any, rule: dict[str, Any]) -> None:
    row = make("source_account", {"id": 1, "t": value}, source_id="id",
               created_at={"path": "t", **rule})  # fmt: skip
    assert row["created_at"] == NOON
    assert row["created_at"].tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "rule", "message"),
    [
        ("2026-11-01T12:00:00", {}, "created_at: '2026-11-01T12:00:00' is naive"),
        (1793534400, {}, "a number is epoch_s or epoch_ms"),
        ("yesterday", {}, "not an ISO 8601 time"),
        (1e30, {"as": "epoch_s"}, "not a time since 1970"),
        (1792532133319, {"as": "epoch_s"}, "not a time since 1970; in milliseconds it is epoch_ms"),
        (1792532133, {"as": "epoch_ms"}, "is in 1970–72; in seconds it is epoch_s"),
        ("NaN", {"as": "epoch_ms"}, "not a number"),
    ],
)
def test_a_time_that_is_none_is_named(value: Any, rule: dict[str, Any], message: str) -> None:
    with pytest.raises(MappingError, match=message):
        make("source_account", {"id": 1, "t": value}, source_id="id",
             created_at={"path": "t", **rule})  # fmt: skip


def test_enums_are_translated_and_strangers_refused_or_other() -> None:
    known = {"path": "s", "map": {"2": "open", "true": "closed"}}

    def find(value: Any, **rule: Any) -> Any:
        row = make("source_account", {"id": 1, "s": value}, source_id="id", name={**known, **rule})
        return row.get("name")

    assert (find(2), find("2"), find(True), find(None)) == ("open", "open", "closed", None)
    assert find(9, other="open") == "open"
    with pytest.raises(MappingError, match=r"name: 9 is not in its map \(2, true\); add it, or"):
        find(9)


def test_texts_constants_and_nulls() -> None:
    item = {"id": 7, "first": "Ana", "last": None, "custom": {"plan": "pro", "seats": None}}
    row = make("source_account", item, source_id="id", name={"text": "{first} {last}"},
               email={"text": "{first}@acme.example"}, is_test={"value": True},
               attributes="custom", domain={"path": "site", "as": "host"})  # fmt: skip
    assert row == {
        "source_id": "7", "email": "Ana@acme.example", "is_test": True,
        "attributes": {"plan": "pro"},
    }  # fmt: skip


@pytest.mark.parametrize("id", [1e300, True, [], 9223372036854775809.5])
def test_an_id_that_json_has_rounded_is_none(id: Any) -> None:
    with pytest.raises(MappingError, match="is not an id"):
        make("source_account", {"id": id}, source_id="id")


def test_what_is_missing_is_named_with_where_it_was_looked_for() -> None:
    with pytest.raises(MappingError, match=r"source_account without source_id \(uuid\)"):
        make("source_account", {"id": 1}, source_id="uuid")
    with pytest.raises(MappingError, match="source_account without name"):
        make("source_account", {"id": 1}, source_id="id", name={"path": "name", "required": True})


@pytest.mark.parametrize(
    ("convert", "value", "made"),
    [
        ("host", "https://www.Acme.example:8080/x", "www.acme.example"),
        ("host", "acme.example", "acme.example"),
        ("lower", "ANA", "ana"),
        ("text", 7, "7"),
        ("list", "one", ["one"]),
        ("list", ["one", None], ["one"]),
        ("flag", "Yes", True),
        ("flag", 0, False),
        ("day", "2026-11-01T23:00:00Z", date(2026, 11, 1)),
        ("number", "1.10", Decimal("1.10")),
        ("id", 42, "42"),
    ],
)
def test_plain_conversions(convert: str, value: Any, made: Any) -> None:
    row = make("source_account", {"id": 1, "v": value}, source_id="id",
               name={"path": "v", "as": convert})  # fmt: skip
    assert row["name"] == made

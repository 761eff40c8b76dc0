"""What becomes of Stripe's objects: amounts, discounts, ends, and what cannot be mapped."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from cs_sync import Rejection
from cs_sync_schemas import (
    Discount,
    Invoice,
    InvoiceLine,
    Record,
    SourceAccount,
    Subscription,
    SubscriptionItem,
)
from cs_sync_stripe.mapping.customers import map_customer
from cs_sync_stripe.mapping.discounts import map_ended_discount
from cs_sync_stripe.mapping.fields import Mapped, map_or_reject
from cs_sync_stripe.mapping.invoices import map_invoice
from cs_sync_stripe.mapping.refunds import map_refund
from cs_sync_stripe.mapping.subscriptions import map_subscription

Json = dict[str, Any]
START = datetime(2026, 1, 1, tzinfo=UTC)


class Books:
    """A look-up without network."""

    def __init__(self, prices: Iterable[Json] = (), coupons: Iterable[Json] = ()) -> None:
        self.prices = {price["id"]: price for price in prices}
        self.coupons = {coupon["id"]: coupon for coupon in coupons}

    def price(self, id: str, *, currencies: bool = False) -> Json | None:
        return self.prices.get(id)

    def coupon(self, id: str, *, currencies: bool = False) -> Json | None:
        return self.coupons.get(id)


def only(made: Iterable[Mapped], record: type[Record]) -> Json:
    (row,) = [dict(m[1]) for m in made if not isinstance(m, Rejection) and m[0] is record]
    return row


def the_rejection(made: Iterable[Mapped]) -> Rejection:
    (actual,) = [m for m in made if isinstance(m, Rejection)]
    return actual


def test_a_subscription_with_its_item(objects: Any) -> None:
    made = list(map_subscription(objects.subscription(), Books()))
    kept = only(made, Subscription)
    assert kept["account_source_id"] == "cus_1"
    assert (kept["status"], kept["started_at"]) == ("active", START)
    assert kept["url"] == "https://dashboard.stripe.com/subscriptions/sub_1"
    item = only(made, SubscriptionItem)
    assert (item["unit_amount"], item["quantity"]) == (Decimal(4900), Decimal(12))
    assert (item["interval"], item["interval_count"], item["usage_type"]) == (
        "month", 1, "licensed",
    )  # fmt: skip
    assert (item["product"], item["price"]) == ("prod_pro", "price_pro")
    assert (item["valid_from"], item["valid_to"]) == (START, None)


def test_fractions_of_a_minor_unit_and_of_a_seat_are_kept(objects: Any) -> None:
    price = objects.price(unit_amount=None, unit_amount_decimal="0.000123")
    raw = objects.subscription(items=[objects.item(price=price, quantity_decimal="1.5")])
    item = only(map_subscription(raw, Books()), SubscriptionItem)
    assert (item["unit_amount"], item["quantity"]) == (Decimal("0.000123"), Decimal("1.5"))


def test_a_currency_without_decimals_is_not_scaled(objects: Any) -> None:
    price = objects.price(currency="jpy", unit_amount=1500, unit_amount_decimal="1500")
    raw = objects.subscription(currency="jpy", items=[objects.item(price=price)])
    made = list(map_subscription(raw, Books()))
    assert only(made, SubscriptionItem)["unit_amount"] == Decimal(1500)
    assert only(made, Subscription)["currency"] == "jpy"


def test_metered_items_have_no_quantity_of_their_own(objects: Any) -> None:
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "metered"}
    entry = objects.item(price=objects.price(recurring=recurring))
    del entry["quantity"]
    item = only(map_subscription(objects.subscription(items=[entry]), Books()), SubscriptionItem)
    assert item["usage_type"] == "metered"
    assert "quantity" not in item


def test_tiers_come_from_the_list_of_prices(objects: Any) -> None:
    bare = objects.price(billing_scheme="tiered", tiers_mode="graduated", unit_amount=None,
                         unit_amount_decimal=None)  # fmt: skip
    tiers = [
        {"up_to": 10, "unit_amount": 500, "unit_amount_decimal": "500", "flat_amount": None},
        {"up_to": None, "unit_amount": None, "unit_amount_decimal": "2.5", "flat_amount": 900},
    ]
    raw = objects.subscription(items=[objects.item(price=bare)])
    made = list(map_subscription(raw, Books(prices=[{**bare, "tiers": tiers}])))
    item = only(made, SubscriptionItem)
    assert item["unit_amount"] is None
    assert item["tiers"] == {
        "mode": "graduated",
        "tiers": [
            {"up_to": 10, "unit_amount": 500, "flat_amount": None},
            {"up_to": None, "unit_amount": "2.5", "flat_amount": 900},
        ],
    }


def test_packages_and_tax_inside_the_price(objects: Any) -> None:
    price = objects.price(transform_quantity={"divide_by": 5, "round": "up"})
    rates = [
        {"inclusive": True, "percentage": 19.0},
        {"inclusive": False, "percentage": 7.0},
    ]
    raw = objects.subscription(items=[objects.item(price=price)], default_tax_rates=rates)
    item = only(map_subscription(raw, Books()), SubscriptionItem)
    assert (item["divide_by"], item["divide_round"]) == (5, "up")
    assert item["inclusive_tax_percent"] == Decimal(19)


def test_a_price_of_several_currencies_is_read_in_the_one_that_is_charged(objects: Any) -> None:
    full = objects.price(
        currency_options={"usd": {"unit_amount": 5400, "unit_amount_decimal": "5400"}}
    )
    raw = objects.subscription(currency="usd")
    made = list(map_subscription(raw, Books(prices=[full])))
    assert only(made, SubscriptionItem)["unit_amount"] == Decimal(5400)


def test_an_item_whose_amount_is_unknown_is_rejected_and_the_rest_stays(objects: Any) -> None:
    made = list(map_subscription(objects.subscription(currency="usd"), Books([objects.price()])))
    rejected = the_rejection(made)
    assert (rejected.record, rejected.source_id) == (SubscriptionItem, "si_1")
    assert rejected.code == "price_currency"
    assert "USD" in rejected.reason
    assert only(made, Subscription)["source_id"] == "sub_1"


def test_an_item_begins_when_it_was_added(objects: Any) -> None:
    later = objects.START + 40 * 86_400
    raw = objects.subscription(items=[objects.item(created=later)])
    item = only(map_subscription(raw, Books()), SubscriptionItem)
    assert item["valid_from"] == datetime(2026, 2, 10, tzinfo=UTC)


def test_an_item_of_a_back_dated_subscription_begins_with_it(objects: Any) -> None:
    created = objects.START + 20 * 86_400
    raw = objects.subscription(created=created, items=[objects.item(created=created + 1)])
    assert only(map_subscription(raw, Books()), SubscriptionItem)["valid_from"] == START


def test_an_ended_subscription_ends_its_items(objects: Any) -> None:
    raw = objects.subscription(
        status="canceled", ended_at=objects.START + 86_400, canceled_at=objects.START,
        cancellation_details={
            "reason": "cancellation_requested", "feedback": "too_expensive", "comment": "Bye",
        },
    )  # fmt: skip
    made = list(map_subscription(raw, Books()))
    end = datetime(2026, 1, 2, tzinfo=UTC)
    assert only(made, SubscriptionItem)["valid_to"] == end
    kept = only(made, Subscription)
    assert (kept["ended_at"], kept["cancel_reason"]) == (end, "too_expensive")


def test_cancelling_at_the_period_end_is_a_scheduled_end(objects: Any) -> None:
    items = [
        objects.item("si_1", current_period_end=objects.START + 86_400),
        objects.item("si_2", current_period_end=objects.START + 3 * 86_400),
    ]
    raw = objects.subscription(cancel_at_period_end=True, items=items)
    kept = only(map_subscription(raw, Books()), Subscription)
    assert kept["cancel_at"] == datetime(2026, 1, 4, tzinfo=UTC)


def test_paused_collection(objects: Any) -> None:
    raw = objects.subscription(
        pause_collection={"behavior": "keep_as_draft", "resumes_at": objects.START}
    )
    kept = only(map_subscription(raw, Books()), Subscription)
    assert (kept["collection_paused"], kept["resumes_at"]) == ("keep_as_draft", START)


@pytest.mark.parametrize("shape", ["source", "expanded", "inline"])
def test_discounts_of_every_shape_read_alike(objects: Any, shape: str) -> None:
    coupon = objects.coupon(applies_to={"products": ["prod_pro"]})
    actual = objects.discount(coupon=coupon if shape == "expanded" else coupon["id"])
    if shape == "inline":
        actual = {**objects.discount(), "coupon": objects.coupon()}
        del actual["source"]
    raw = objects.subscription(discounts=[actual])
    row = only(map_subscription(raw, Books(coupons=[coupon])), Discount)
    assert (row["percent_off"], row["amount_off"]) == (Decimal(20), None)
    assert (row["duration"], row["products"]) == ("forever", ["prod_pro"])
    assert row["subscription_source_id"] == "sub_1"
    assert (row["starts_at"], row["ends_at"]) == (START, None)


def test_a_discount_of_one_item_names_the_item(objects: Any) -> None:
    raw = objects.subscription(items=[objects.item(discounts=[objects.discount()])])
    row = only(map_subscription(raw, Books(coupons=[objects.coupon()])), Discount)
    assert row["subscription_item_source_id"] == "si_1"
    assert row["subscription_source_id"] == "sub_1"


def test_an_amount_off_is_read_in_the_currency_that_is_charged(objects: Any) -> None:
    coupon = objects.coupon(
        percent_off=None, amount_off=1000, currency="eur",
        currency_options={"usd": {"amount_off": 1100}},
    )  # fmt: skip
    price = objects.price(currency="usd")
    raw = objects.subscription(
        currency="usd", items=[objects.item(price=price)], discounts=[objects.discount()]
    )
    row = only(map_subscription(raw, Books(coupons=[coupon])), Discount)
    assert (row["amount_off"], row["currency"]) == (1100, "usd")


def test_the_discount_of_a_deleted_coupon_goes_on_where_it_is_shown(objects: Any) -> None:
    shown = objects.subscription(discounts=[objects.discount(coupon=objects.coupon())])
    assert only(map_subscription(shown, Books()), Discount)["percent_off"] == Decimal(20)
    hidden = objects.subscription(discounts=[objects.discount()])
    assert the_rejection(map_subscription(hidden, Books())).code == "coupon_missing"


def test_a_discount_that_was_taken_away_ends_when_the_event_says(objects: Any) -> None:
    old = {**objects.discount(), "coupon": objects.coupon()}
    del old["source"]
    event = objects.event("customer.discount.deleted", old, created=objects.START + 86_400)
    row = only(map_ended_discount(event, Books()), Discount)
    assert row["ends_at"] == datetime(2026, 1, 2, tzinfo=UTC)
    assert row["subscription_source_id"] == "sub_1"
    of_customer = {**event, "data": {"object": {**old, "subscription": None}}}
    row = only(map_ended_discount(of_customer, Books()), Discount)
    assert row["account_source_id"] == "cus_1"


def test_a_customer_is_an_account_without_a_domain(objects: Any) -> None:
    raw = objects.customer(discount=objects.discount(subscription=None))
    made = list(map_customer(raw, Books(coupons=[objects.coupon()]), "account_id"))
    row = only(made, SourceAccount)
    assert (row["external_key"], row["attributes"]) == ("42", {"plan": "pro"})
    assert row["email"] == "billing@acme.example"
    assert "domain" not in row
    assert only(made, Discount)["account_source_id"] == "cus_1"


def test_an_invoice_and_what_its_line_repeats_with(objects: Any) -> None:
    cuts = [{"amount": 11000, "discount": "di_1"}, {"amount": 760, "discount": "di_2"}]
    yearly = objects.price(
        recurring={"interval": "year", "interval_count": 2, "usage_type": "metered"}
    )
    raw = objects.invoice(lines=[objects.line(discount_amounts=cuts)])
    made = list(map_invoice(raw, Books(prices=[yearly])))
    bill = only(made, Invoice)
    assert (bill["subscription_source_id"], bill["total"]) == ("sub_1", 47040)
    assert bill["issued_at"] == datetime(2026, 1, 1, 1, tzinfo=UTC)
    line = only(made, InvoiceLine)
    assert (line["amount"], line["discount_amount"]) == (58800, 11760)
    assert line["discounts"] == [{"id": "di_1", "amount": 11000}, {"id": "di_2", "amount": 760}]
    assert (line["subscription_source_id"], line["subscription_item_source_id"]) == (
        "sub_1", "si_1",
    )  # fmt: skip
    assert (line["price"], line["unit_amount"]) == ("price_pro", Decimal(4900))
    assert (line["interval"], line["interval_count"], line["usage_type"]) == ("year", 2, "metered")
    assert not line["is_proration"]


def test_an_invoice_goes_on_telling_the_terms_of_discounts_that_are_over(objects: Any) -> None:
    """What is gone has no end any more, but its coupon still says for how many months it was."""
    coupon = objects.coupon(duration="repeating", duration_in_months=3)
    over = {**objects.discount(), "deleted": True}
    del over["end"]
    of_item = objects.discount("di_2", coupon="GONE", subscription_item="si_1")
    cuts = [{"amount": 11000, "discount": "di_1"}, {"amount": 760, "discount": of_item}]
    entry = objects.line(discount_amounts=cuts, discounts=[of_item])
    raw = objects.invoice(lines=[entry], discounts=[over])
    line = only(
        list(map_invoice(raw, Books(prices=[objects.price()], coupons=[coupon]))), InvoiceLine
    )
    first, second = line["discounts"]
    assert first == {
        "id": "di_1", "amount": 11000, "duration": "repeating", "months": 3, "percent_off": "20.0",
        "amount_off": None, "products": None, "item": None,
        "starts_at": "2026-01-01T00:00:00+00:00", "ends_at": None,
    }  # fmt: skip
    assert second == {"id": "di_2", "amount": 760}, "its coupon was deleted"


def test_a_proration_from_an_invoice_item(objects: Any) -> None:
    parent = {
        "type": "invoice_item_details",
        "invoice_item_details": {
            "invoice_item": "ii_1", "proration": True, "subscription": "sub_1",
        },
    }  # fmt: skip
    raw = objects.invoice(lines=[objects.line(parent=parent, amount=-2450)])
    line = only(map_invoice(raw, Books([objects.price()])), InvoiceLine)
    assert (line["is_proration"], line["amount"]) == (True, -2450)
    assert (line["subscription_source_id"], line["subscription_item_source_id"]) == ("sub_1", None)


GERMAN = {"amount": 19, "tax_behavior": "inclusive"}
CITY = {"amount": 3, "tax_behavior": "inclusive"}
ON_TOP = {"amount": 7, "tax_behavior": "exclusive"}


@pytest.mark.parametrize(
    ("shown", "automatic", "inside"),
    [
        ({"taxes": [GERMAN]}, "complete", 19),
        ({"taxes": [GERMAN, CITY, ON_TOP]}, None, 22),
        ({"taxes": []}, "complete", 0),
        ({"taxes": []}, "requires_location_inputs", None),
        ({"tax_amounts": [{"amount": 19, "inclusive": True}]}, None, 19),
        ({"tax_amounts": [{"amount": 19, "inclusive": False}]}, None, 0),
        ({}, None, 0),
    ],
)
def test_tax_inside_an_amount_is_what_the_line_says(
    objects: Any, shown: Json, automatic: str | None, inside: int | None
) -> None:
    tax = {"automatic_tax": {"enabled": automatic is not None, "status": automatic}}
    raw = objects.invoice(lines=[objects.line(**shown)], **tax)
    line = only(map_invoice(raw, Books([objects.price()])), InvoiceLine)
    assert line["inclusive_tax_amount"] == inside


def test_a_one_off_invoice_belongs_to_no_subscription(objects: Any) -> None:
    raw = objects.invoice(parent=None, lines=[objects.line(parent=None, pricing=None)])
    made = list(map_invoice(raw, Books()))
    assert only(made, Invoice)["subscription_source_id"] is None
    line = only(made, InvoiceLine)
    assert (line["price"], line["interval"], line["unit_amount"]) == (None, None, None)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (None, "missing_id"),
        ("sub_1", "missing_id"),
        ({"object": "subscription"}, "missing_id"),
        ({"id": "sub_9", "object": "subscription"}, "missing_field"),
        ({"id": "sub_9", "currency": "eur", "customer": None}, "missing_field"),
        ({"id": "sub_9", "currency": "eur", "customer": "cus_1", "status": "active",
          "start_date": "yesterday"}, "malformed"),
        ({"id": "sub_9", "currency": "eur", "customer": "cus_1", "status": "active",
          "start_date": 1_767_225_600, "items": []}, "malformed"),
    ],
)  # fmt: skip
def test_half_an_object_is_rejected_whole(raw: Any, code: str) -> None:
    mapper = partial(map_subscription, lookup=Books())
    (actual,) = map_or_reject(Subscription, raw, mapper)
    assert isinstance(actual, Rejection)
    assert (actual.code, actual.raw) == (code, raw)


def test_hostile_text_goes_through_untouched(objects: Any) -> None:
    name = "<script>alert('x')</script>\u202e; DROP TABLE account; --"
    row = only(map_customer(objects.customer(name=name), Books(), "account_id"), SourceAccount)
    assert row["name"] == name


def test_a_refund_names_its_customer() -> None:
    raw = {
        "id": "re_1", "object": "refund", "amount": 4900, "currency": "eur", "charge": "ch_1",
        "customer": "cus_1", "created": 1_767_225_600, "status": "succeeded",
        "reason": "requested_by_customer",
    }  # fmt: skip
    ((_, row),) = [m for m in map_refund(raw) if not isinstance(m, Rejection)]
    assert (row["account_source_id"], row["amount"], row["refunded_at"]) == ("cus_1", 4900, START)

"""Stripe's lists of customers and subscriptions, each object encoded once."""

from bisect import bisect_left
from dataclasses import dataclass, field
from operator import neg
from typing import Any

import orjson

Query = dict[str, list[str]]
YEARS = 3
ITEMS = (1, 1, 1, 2)
"""Items of every first, second, … subscription."""


@dataclass(slots=True)
class Shelf:
    """One kind of object, newest first, as Stripe lists them."""

    kind: str
    prefix: str
    url: str
    created: list[int]
    rows: list[bytes]

    def page(self, query: Query) -> bytes:
        """The page that a list request asks for; `created` filters and `starting_after` count."""
        start, end = 0, len(self.rows)
        if before := _number(query, "created[lt]"):
            start = self._first_before(before)
        if since := _number(query, "created[gte]"):
            end = self._first_before(since)
        if after := query.get("starting_after"):
            start = self.place(after[0]) + 1
        stop = min(start + int(query.get("limit", ["10"])[0]), end)
        return listed(self.url, self.rows[start:stop], more=stop < end)

    def _first_before(self, at: int) -> int:
        return bisect_left(self.created, 1 - at, key=neg)

    def place(self, id: str) -> int:
        """Where an object stands."""
        return int(id.removeprefix(self.prefix))


def _number(query: Query, name: str) -> int | None:
    value = query.get(name)
    return int(value[0]) if value else None


def listed(url: str, rows: list[bytes], *, more: bool) -> bytes:
    """A list object around rows that are already encoded."""
    head = b'{"object":"list","url":"%b","has_more":%b,"data":['
    return head % (url.encode(), b"true" if more else b"false") + b",".join(rows) + b"]}"


@dataclass(slots=True)
class Stripe:
    """An account with as many customers as subscriptions, made over three years up to `now`."""

    size: int
    now: int
    events: list[tuple[int, str, bytes]] = field(default_factory=list)
    customers: Shelf = field(init=False)
    subscriptions: Shelf = field(init=False)

    def __post_init__(self) -> None:
        step = YEARS * 365 * 86400 / self.size
        created = [int(self.now - 3600 - step * place) for place in range(self.size)]
        customers = [_encoded(customer(place, at)) for place, at in enumerate(created)]
        subscriptions = [_encoded(subscription(place, at)) for place, at in enumerate(created)]
        self.customers = Shelf("customer", "cus_", "/v1/customers", created, customers)
        self.subscriptions = Shelf(
            "subscription", "sub_", "/v1/subscriptions", created, subscriptions
        )

    def change(self, share: float, at: int) -> int:
        """Change every so many-th customer and subscription; how many objects that were."""
        places = range(0, self.size, max(1, round(1 / share)))
        for place in places:
            born = self.customers.created[place]
            self.customers.rows[place] = _encoded(customer(place, born, " renamed"))
            self.subscriptions.rows[place] = _encoded(subscription(place, born, 7))
            self._tell("customer.updated", f"cus_{place:08d}", "customer", "name", at)
            self._tell(
                "customer.subscription.updated",
                f"sub_{place:08d}",
                "subscription",
                "quantity",
                at,
            )
        return 2 * len(places)

    def _tell(self, kind: str, id: str, name: str, attribute: str, at: int) -> None:
        event = {
            "id": f"evt_{len(self.events):08d}",
            "object": "event",
            "type": kind,
            "created": at,
            "data": {
                "object": {"id": id, "object": name},
                "previous_attributes": {attribute: None},
            },
        }
        self.events.append((at, kind, _encoded(event)))

    def answer(self, path: str, query: Query) -> bytes | None:
        """The body of an answer; None where there is nothing."""
        for shelf in (self.customers, self.subscriptions):
            if path == shelf.url:
                return shelf.page(query)
            if path.startswith(f"{shelf.url}/"):
                return shelf.rows[shelf.place(path.rsplit("/", 1)[1])]
        if path == "/v1/events":
            return self._event_page(query)
        return listed(path, [], more=False)

    def _event_page(self, query: Query) -> bytes:
        wanted = {value[0] for name, value in query.items() if name.startswith("types[")}
        since, before = _number(query, "created[gte]") or 0, _number(query, "created[lt]")
        matches = [
            (place, body)
            for place, (at, kind, body) in reversed(list(enumerate(self.events)))
            if kind in wanted and at >= since and (before is None or at < before)
        ]
        if after := query.get("starting_after"):
            matches = [entry for entry in matches if entry[0] < int(after[0].removeprefix("evt_"))]
        rows = [body for _, body in matches[:100]]
        return listed("/v1/events", rows, more=len(matches) > len(rows))


def customer(place: int, created: int, suffix: str = "") -> dict[str, Any]:
    """A customer, about 1 KB."""
    return {
        "id": f"cus_{place:08d}", "object": "customer",
        "address": {
            "city": "Utrecht", "country": "NL", "line1": f"Canal street {place}", "line2": None,
            "postal_code": f"{place % 9000 + 1000} AB", "state": None,
        },
        "balance": 0, "business_name": None, "created": created, "currency": "eur",
        "default_source": None, "delinquent": False, "description": None, "discount": None,
        "email": f"billing@customer-{place}.example", "individual_name": None,
        "invoice_prefix": f"{place:08X}",
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": f"pm_{place:024d}",
            "footer": None, "rendering_options": None,
        },
        "livemode": True, "metadata": {"account_id": f"acc-{place}", "plan_owner": "sales"},
        "name": f"Customer {place}{suffix}", "next_invoice_sequence": place % 40 + 1,
        "phone": None, "preferred_locales": ["nl-NL"], "shipping": None, "tax_exempt": "none",
        "test_clock": None,
    }  # fmt: skip


def subscription(place: int, created: int, quantity: int = 3) -> dict[str, Any]:
    """A subscription with its items, 2.5 to 4 KB."""
    id = f"sub_{place:08d}"
    number = ITEMS[place % len(ITEMS)]
    items = [_item(place, line, created, quantity) for line in range(number)]
    return {
        "id": id, "object": "subscription", "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": True, "liability": {"type": "self"}},
        "billing_cycle_anchor": created, "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_thresholds": None, "cancel_at": None, "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically", "created": created, "currency": "eur",
        "customer": f"cus_{place:08d}", "customer_account": None, "days_until_due": None,
        "default_payment_method": f"pm_{place:024d}", "default_source": None,
        "default_tax_rates": [], "description": None, "discounts": [], "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {
            "object": "list", "data": items, "has_more": False,
            "url": f"/v1/subscription_items?subscription={id}",
        },
        "latest_invoice": f"in_{place:024d}", "livemode": True,
        "metadata": {"seats_agreed": str(quantity)},
        "next_pending_invoice_item_invoice": None, "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None, "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None, "pending_setup_intent": None,
        "pending_update": None, "schedule": None, "start_date": created, "status": "active",
        "test_clock": None, "transfer_data": None, "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    }  # fmt: skip


def _item(place: int, line: int, created: int, quantity: int) -> dict[str, Any]:
    amount = 1900 + 500 * line
    return {
        "id": f"si_{place:08d}{line}", "object": "subscription_item", "billing_thresholds": None,
        "created": created, "current_period_end": created + 2678400,
        "current_period_start": created, "discounts": [], "metadata": {},
        "price": {
            "id": f"price_{line}", "object": "price", "active": True,
            "billing_scheme": "per_unit", "created": created, "currency": "eur",
            "custom_unit_amount": None, "livemode": True, "lookup_key": None, "metadata": {},
            "nickname": "Team, monthly", "product": f"prod_{line}",
            "recurring": {
                "interval": "month", "interval_count": 1, "meter": None,
                "trial_period_days": None, "usage_type": "licensed",
            },
            "tax_behavior": "exclusive", "tiers_mode": None, "transform_quantity": None,
            "type": "recurring", "unit_amount": amount, "unit_amount_decimal": str(amount),
        },
        "quantity": quantity, "subscription": f"sub_{place:08d}", "tax_rates": [],
    }  # fmt: skip


def _encoded(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value)

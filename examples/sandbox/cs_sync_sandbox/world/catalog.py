"""What Acme sells: plans by seat, a tiered and a metered add-on, connector packs, coupons."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from cs_sync_sandbox.world.records import Coupon, Price, Product, Tier

PLANS = ("starter", "team", "business")
PACKS = (
    "sap", "oracle", "xero", "datev", "sage", "netsuite", "odoo", "exact", "visma", "lexware",
    "fortnox", "holded",
)  # fmt: skip
SEAT = {"starter": {"eur": 1900, "usd": 2100}, "team": {"eur": 3900, "usd": 4300},
        "business": {"eur": 7900, "usd": 8700}}  # fmt: skip
OLD_TEAM = "price_team_month_eur_2023"


def plan_price(plan: str, interval: str, currency: str) -> str:
    """Return the id of a plan's price."""
    return f"price_{plan}_{interval}_{currency}"


def list_products(created_at: datetime) -> tuple[Product, ...]:
    """Return every product."""
    names: list[tuple[str, str, str | None]] = [
        (plan, f"Acme {plan.title()}", "seat") for plan in PLANS
    ]
    names += [("contacts", "Extra contacts", "contact pack"), ("api", "API calls", None)]
    names += [("workshop", "Onboarding workshop", None)]
    names += [(f"pack_{pack}", f"{pack.upper()} connector", None) for pack in PACKS]
    return tuple(Product(f"prod_{key}", name, unit, created_at) for key, name, unit in names)


def list_prices(created_at: datetime) -> tuple[Price, ...]:
    """Return every price; a year costs ten months."""
    made = []
    for currency in ("eur", "usd"):
        for plan in PLANS:
            month = Decimal(SEAT[plan][currency])
            for interval, cost in (("month", month), ("year", month * 10)):
                made.append(_make_recurring(plan, currency, interval, cost, created_at))
        made += _list_extras(currency, created_at)
    old = Price(
        OLD_TEAM, "prod_team", "eur", Decimal(2900), "month", created_at, active=False
    )  # fmt: skip
    packs = [_make_recurring(f"pack_{p}", "eur", "month", Decimal(900), created_at) for p in PACKS]
    return (*made, old, *packs)


def _list_extras(currency: str, at: datetime) -> list[Price]:
    """Return the tiered, the metered and the one-off price of a currency."""
    tiers = (Tier(10, 500), Tier(50, 400), Tier(None, 300))
    contacts, api = f"price_contacts_month_{currency}", f"price_api_month_{currency}"
    workshop, call = f"price_workshop_{currency}", Decimal("0.2")
    return [
        Price(contacts, "prod_contacts", currency, None, "month", at, tiers=tiers),
        Price(api, "prod_api", currency, call, "month", at, metered=True),
        Price(workshop, "prod_workshop", currency, Decimal(49000), None, at),
    ]


def list_coupons(created_at: datetime) -> tuple[Coupon, ...]:
    """List every coupon.

    Forever, repeating, once; percent and amount; one for one product.
    """
    return (
        Coupon("LAUNCH20", "Launch", "repeating", created_at, Decimal(20), months=6),
        Coupon("NONPROFIT30", "Non-profit", "forever", created_at, Decimal(30)),
        Coupon("WELCOME50", "Welcome", "once", created_at, Decimal(50)),
        Coupon(
            "STAY15", "Please stay", "repeating", created_at,
            amount_off=1500, currency="eur", months=3,
        ),
        Coupon(
            "TEAM25", "Team deal", "forever", created_at, Decimal(25), product_ids=("prod_team",)
        ),
    )  # fmt: skip


def calculate_amount(price: Price, quantity: int) -> int:
    """Return the cost of `quantity` for one interval, in minor units.

    A volume-tiered price charges every unit at the rate of the tier the quantity falls into
    (https://docs.stripe.com/subscriptions/pricing-models/tiered-pricing).
    """
    if price.tiers:
        tier = next(t for t in price.tiers if t.up_to is None or quantity <= t.up_to)
        return tier.unit_amount * quantity
    assert price.unit_amount is not None, price.id  # noqa: S101 - the catalogue is ours
    return round_half_up(price.unit_amount * quantity)


def round_half_up(value: Decimal) -> int:
    """Round half up to a whole minor unit."""
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


def _make_recurring(
    product: str, currency: str, interval: str, cost: Decimal, created_at: datetime
) -> Price:
    step: Literal["month", "year"] = "year" if interval == "year" else "month"
    return Price(
        plan_price(product, interval, currency),
        f"prod_{product}",
        currency,
        cost,
        step,
        created_at,
    )

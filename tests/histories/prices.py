"""What is sold: products at several intervals, and what each comes to per month."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

Json = dict[str, Any]

PER_MONTH = {"week": Fraction(52, 12), "month": Fraction(1), "year": Fraction(1, 12)}
INTERVALS = (("month", 1), ("month", 2), ("month", 3), ("year", 1), ("week", 2))
PRODUCTS = {"basic": 1900, "team": 5000, "pro": 9900, "addon": 700}
"""Minor units for a month; longer intervals cost a round sum that is a little less."""


@dataclass(frozen=True)
class Price:
    """A price of one product: so many minor units per unit and interval."""

    product: str
    amount: int
    interval: str
    count: int
    edition: str = ""

    @property
    def id(self) -> str:
        return f"price_{self.product}_{self.count}{self.interval}{self.edition}"

    @property
    def monthly(self) -> Fraction:
        """Minor units per unit and month."""
        return self.amount * per_month(self.interval, self.count)

    def increased(self, percent: int, edition: str) -> "Price":
        """The dearer price that follows it."""
        amount = self.amount * (100 + percent) // 100
        return Price(self.product, amount, self.interval, self.count, f"{self.edition}_{edition}")

    def shown(self) -> Json:
        """As Stripe shows it."""
        recurring = {"interval": self.interval, "interval_count": self.count}
        return {
            "id": self.id, "object": "price", "active": True, "billing_scheme": "per_unit",
            "currency": "eur", "product": f"prod_{self.product}", "type": "recurring",
            "recurring": {**recurring, "usage_type": "licensed"}, "tiers_mode": None,
            "transform_quantity": None, "unit_amount": self.amount,
            "unit_amount_decimal": str(self.amount),
        }  # fmt: skip


def price_of(product: str, interval: str, count: int) -> Price:
    """The list price of a product at an interval."""
    months = count / PER_MONTH[interval]
    return Price(product, int(PRODUCTS[product] * months * Fraction(9, 10)), interval, count)


def per_month(interval: str, count: int) -> Fraction:
    """How often an interval comes round in a month."""
    return PER_MONTH[interval] / count


def later(anchor: datetime, interval: str, count: int) -> datetime:
    """So many intervals after an instant; a month without that day ends on its last."""
    if interval == "week":
        return anchor + timedelta(weeks=count)
    months = anchor.month - 1 + count * (12 if interval == "year" else 1)
    year, month = anchor.year + months // 12, months % 12 + 1
    day = min(anchor.day, monthrange(year, month)[1])
    return anchor.replace(year=year, month=month, day=day)

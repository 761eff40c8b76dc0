"""What Stripe shows and tells: its objects, its events, and the ids that it gives."""

from collections.abc import Callable
from datetime import datetime, timedelta

from tests.histories import shown
from tests.histories.agreed import Coupon, Discount, Item, Subscription
from tests.histories.prices import Json, Price
from tests.histories.vendor import HistoryBooks
from tests.known_failures.benches import unix

REMEMBERED = timedelta(days=30)
UPDATED = "customer.subscription.updated"


class Records:
    """The objects and events of a simulated Stripe, at the time that a clock tells."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.books = HistoryBooks(lambda: clock() - REMEMBERED)
        self._made = 0

    def publish(self, sub: Subscription, kind: str = UPDATED) -> None:
        """Show a subscription as it is now, and tell of what changed."""
        made, known = shown.subscription(sub), self.books.objects["subscriptions"].get(sub.id)
        self.books.put("subscriptions", **made)
        previous = {key: known[key] for key in made if known[key] != made[key]} if known else {}
        if kind != UPDATED or previous:
            self.tell(kind, made, previous)

    def tell(self, kind: str, subject: Json, previous: Json | None = None) -> None:
        """Add an event."""
        content = {"object": subject}
        if previous:
            content["previous_attributes"] = previous
        number = len(self.books.events)
        event = {"id": f"evt_{number:06}", "object": "event", "type": kind, "data": content}
        self.books.events.insert(0, {**event, "created": unix(self.clock())})

    def describe_anew(self, discount: Discount, sub: Subscription) -> None:
        """Invoices describe the discounts that they name as these are now."""
        new = shown.discount(discount, sub)
        for invoice in self.books.objects["invoices"].values():
            for place in (invoice, *invoice["lines"]["data"]):
                place["discounts"] = [
                    new if d["id"] == new["id"] else d for d in place["discounts"]
                ]

    def create_item(self, price: Price, quantity: int) -> Item:
        """Make an item at a price that is listed with it."""
        return Item(self.create_id("si"), self.list_price(price), quantity, self.clock())

    def list_price(self, price: Price) -> Price:
        """List a price and its product."""
        self.books.put("prices", **price.shown())
        product = {"id": f"prod_{price.product}", "object": "product", "name": price.product}
        if product["id"] not in self.books.objects["products"]:
            self.books.put("products", **product, created=unix(self.clock()), active=True)
        return price

    def create_discount(self, coupon: Coupon, item: str | None = None) -> Discount:
        """Make a discount of a coupon."""
        self.books.put("coupons", **shown.coupon(coupon))
        return Discount(self.create_id("di"), coupon, self.clock(), item)

    def create_id(self, prefix: str) -> str:
        """Make an id that nothing else has."""
        self._made += 1
        return f"{prefix}_{self._made:05}"

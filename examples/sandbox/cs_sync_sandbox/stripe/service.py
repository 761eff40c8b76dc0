"""Stripe's routes: key, scope and rate are checked, then lists, objects and nested lists answer."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from functools import cached_property

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cs_sync_sandbox.answers import Json, make_json_response, request_number
from cs_sync_sandbox.keys import STRIPE_KEY, STRIPE_NARROW_KEY
from cs_sync_sandbox.limits import RollingWindow
from cs_sync_sandbox.site import Site
from cs_sync_sandbox.stripe import billing, objects
from cs_sync_sandbox.stripe.books import Books, index_books
from cs_sync_sandbox.stripe.errors import StripeError, make_missing_error
from cs_sync_sandbox.stripe.events import KEPT, list_events
from cs_sync_sandbox.stripe.lists import Listing, make_listings
from cs_sync_sandbox.stripe.query import HIDDEN, expand_paths, make_page, parse_parameters

PER_SECOND = 25  # a sandbox account; a live one has 100 (https://docs.stripe.com/rate-limits)
NARROW_SCOPES = frozenset({"customer", "subscription", "plan", "product", "coupon", "event"})


class Stripe:
    """The vendor: its books, its rate window and an answer for each path."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.window = RollingWindow(PER_SECOND, 1.0)

    @cached_property
    def books(self) -> Books:
        """The world indexed, at the first question."""
        return index_books(self.site.world)

    @cached_property
    def lists(self) -> dict[str, Listing]:
        """Every list by name."""
        return make_listings(self.books, list_events(self.books))

    def answer(self, scope: str, request: Request, work: Callable[[], Json]) -> Response:
        """Check the request, do the work and answer in Stripe's manner."""
        number = f"req_{request_number():014d}"
        headers = {
            "Request-Id": number,
            "Stripe-Version": request.headers.get("stripe-version", objects.VERSION),
        }
        try:
            self._admit(scope, request)
            return make_json_response(work(), headers=headers)
        except StripeError as error:
            return make_json_response(error.body(), error.status, {**headers, **error.headers})

    async def account(self, request: Request) -> Response:
        """GET /v1/account."""
        return self.answer("account", request, lambda: dict(objects.ACCOUNT))

    async def list_page(self, request: Request) -> Response:
        """GET /v1/{list}: filtered, newest first, by cursor."""
        name = request.path_params["name"]
        listing = self.lists.get(name)
        return self.answer(
            listing.scope if listing else name, request, lambda: self._list(name, request)
        )

    async def retrieve(self, request: Request) -> Response:
        """GET /v1/{list}/{id}."""
        name, id_ = request.path_params["name"], request.path_params["id"]
        listing = self.lists.get(name)
        return self.answer(
            listing.scope if listing else name, request, lambda: self._one(name, id_, request)
        )

    async def items(self, request: Request) -> Response:
        """GET /v1/subscription_items?subscription=."""
        return self.answer("subscription", request, lambda: self._items(request))

    async def lines(self, request: Request) -> Response:
        """GET /v1/invoices/{id}/lines."""
        return self.answer("invoice", request, lambda: self._lines(request))

    def _admit(self, scope: str, request: Request) -> None:
        key = _read_key(request)
        if not key:
            raise StripeError(401, "You did not provide an API key.")
        if key not in {STRIPE_KEY, STRIPE_NARROW_KEY}:
            raise StripeError(401, f"Invalid API Key provided: {key[:8]}****{key[-4:]}")
        if self.site.limits and self.window.take(key, self.site.now()) is not None:
            raise StripeError(
                429, "Request rate limit exceeded.", "rate_limit",
                headers={"Stripe-Rate-Limited-Reason": "global-rate"},
            )  # fmt: skip
        if key == STRIPE_NARROW_KEY and scope not in NARROW_SCOPES:
            raise StripeError(
                403,
                f"The provided key '{key[:8]}****' does not have the required permissions for "
                f"this endpoint on account '{objects.ACCOUNT['id']}'. Having the "
                f"'rak_{scope}_read' permission would allow this request to continue.",
            )

    def _now(self) -> int:
        return objects.stamp(self.site.now())

    def _list(self, name: str, request: Request) -> Json:
        listing = self.lists.get(name)
        if listing is None:
            raise _make_unknown_error(request)
        params = parse_parameters(request.query_params, listing.allowed())
        selected = listing.select(params)
        if name == "events":
            since = objects.stamp(self.site.now() - KEPT)
            selected = [row for row in selected if row["created"] >= since]
        rows, more = make_page(selected, params, listing.kind)
        data = [listing.render(row["id"], self._now()) for row in rows]
        return self._paged(data, f"/v1/{name}", params, more=more)

    def _one(self, name: str, id_: str, request: Request) -> Json:
        listing = self.lists.get(name)
        if listing is None:
            raise _make_unknown_error(request)
        params = parse_parameters(request.query_params, ())
        try:
            body = listing.render(id_, self._now())
        except KeyError:
            raise make_missing_error(listing.kind, id_) from None
        return expand_paths(body, params.get("expand", ()), self._resolve, listed=False)

    def _items(self, request: Request) -> Json:
        params = parse_parameters(request.query_params, ("subscription",))
        if "subscription" not in params:
            raise StripeError(
                400, "Missing required param: subscription.", "parameter_missing", "subscription"
            )
        id_ = params["subscription"][0]
        record = self.books.subscriptions.get(id_)
        if record is None:
            raise make_missing_error("subscription", id_, "subscription")
        rows, more = make_page(
            objects.list_items(self.books, record, self._now()), params, "subscription_item"
        )
        return self._paged(rows, "/v1/subscription_items", params, more=more)

    def _lines(self, request: Request) -> Json:
        params = parse_parameters(request.query_params, ())
        id_ = request.path_params["id"]
        record = self.books.invoices.get(id_)
        if record is None:
            raise make_missing_error("invoice", id_)
        rows, more = make_page(billing.list_lines(self.books, record), params, "line_item")
        return self._paged(rows, f"/v1/invoices/{id_}/lines", params, more=more)

    def _paged(
        self, rows: list[Json], url: str, params: dict[str, list[str]], *, more: bool
    ) -> Json:
        body: Json = {"object": "list", "data": rows, "has_more": more, "url": url}
        return expand_paths(body, params.get("expand", ()), self._resolve, listed=True)

    def _resolve(self, field: str, id_: str) -> Json | None:
        """Resolve the object behind an expandable field.

        None where Stripe expands nothing.
        """
        if field == "discounts" and id_ in self.books.discounts:
            return objects.make_discount(self.books, self.books.discounts[id_])
        name = {"latest_invoice": "invoices"}.get(field, f"{field}s")
        listing = self.lists.get(name)
        body = listing.render(id_, self._now()) if listing else None
        if body is not None:
            for hidden in HIDDEN:
                body.pop(hidden, None)
        return body


def list_routes(site: Site) -> list[Route]:
    """Return Stripe's paths."""
    stripe = Stripe(site)
    at = "/stripe/v1"
    return [
        Route(f"{at}/account", stripe.account),
        Route(f"{at}/subscription_items", stripe.items),
        Route(f"{at}/invoices/{{id}}/lines", stripe.lines),
        Route(f"{at}/{{name}}", stripe.list_page),
        Route(f"{at}/{{name}}/{{id}}", stripe.retrieve),
    ]


def _make_unknown_error(request: Request) -> StripeError:
    path = request.url.path.removeprefix("/stripe")
    return StripeError(404, f"Unrecognized request URL ({request.method}: {path}).")


def _read_key(request: Request) -> str:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        return b64decode(value).decode().partition(":")[0]
    return value if kind.lower() == "bearer" else ""

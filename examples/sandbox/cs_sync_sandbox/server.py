"""The sandbox's web application: five vendors, the switches for tests, one clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache, cached_property

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Receive, Scope, Send

from cs_sync_sandbox import hubspot, posthog, salesforce, stripe, zendesk
from cs_sync_sandbox.edits import Edits
from cs_sync_sandbox.faults import Disturbed, Faults
from cs_sync_sandbox.site import Site, make_clock
from cs_sync_sandbox.world import World


def create_app(
    world: World,
    *,
    limits: bool = True,
    latency: float = 0.0,
    clock: Callable[[], datetime] | None = None,
) -> Starlette:
    """Return the application that answers as the vendors do.

    Args:
        world: what the vendors know.
        limits: whether published rate limits are enforced (429).
        latency: seconds each answer is held back.
        clock: aware UTC "now" of the vendors; by default the real time of day on `world.today`.
    """
    site = Site(world, clock or make_clock(world), limits)
    build_portal = cache(lambda: hubspot.build_portal(world, site.now))
    faults, edits = Faults(), Edits(build_portal)
    return Starlette(
        routes=[
            Vendor("/stripe/", lambda: stripe.list_routes(site)),
            Vendor("/hubspot/", lambda: _list_hubspot_routes(site, build_portal())),
            Vendor(
                "/salesforce/",
                lambda: salesforce.list_routes(salesforce.build_org(world, site.now)),
            ),
            Vendor("/zendesk/", lambda: zendesk.list_routes(site)),
            Vendor("/posthog/", lambda: posthog.list_routes(site)),
            Route("/_sandbox/faults", faults.post, methods=["POST"]),
            Route("/_sandbox/edit", edits.post, methods=["POST"]),
        ],
        middleware=[Middleware(Disturbed, faults=faults, latency=latency)],
    )


class Vendor(BaseRoute):
    """The paths of a vendor, whose records are made when one is first asked for."""

    def __init__(self, prefix: str, list_routes: Callable[[], Sequence[BaseRoute]]) -> None:
        self._prefix = prefix
        self._list_routes = list_routes

    @cached_property
    def _router(self) -> Router:
        return Router(self._list_routes())

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match whatever begins with the vendor's name."""
        is_own = scope["type"] == "http" and scope["path"].startswith(self._prefix)
        return (Match.FULL if is_own else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the vendor does."""
        await self._router(scope, receive, send)


def _list_hubspot_routes(site: Site, portal: hubspot.Portal) -> list[Route]:
    return [*hubspot.list_page_routes(portal), *hubspot.list_routes(site, portal)]

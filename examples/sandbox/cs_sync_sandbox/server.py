"""The sandbox's web application: five vendors, the switches for tests, one clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

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
    portal = hubspot.build_portal(world, site.now)
    faults, edits = Faults(), Edits(portal)
    return Starlette(
        routes=[
            *stripe.list_routes(site),
            *hubspot.list_page_routes(portal),
            *hubspot.list_routes(site, portal),
            *salesforce.list_routes(salesforce.build_org(world, site.now)),
            *zendesk.list_routes(site),
            *posthog.list_routes(site),
            Route("/_sandbox/faults", faults.post, methods=["POST"]),
            Route("/_sandbox/edit", edits.post, methods=["POST"]),
        ],
        middleware=[Middleware(Disturbed, faults=faults, latency=latency)],
    )

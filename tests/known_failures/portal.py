"""A HubSpot portal, empty at first: the sandbox's search, index, archive, merges and batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import httpx
from starlette.applications import Starlette

from cs_sync.testing import CrmFake, PushHarness, SyncHarness, VendorFake, make_asgi_answer
from cs_sync_hubspot.destination import HubSpotDestination
from cs_sync_hubspot.idempotent_objects import KEY
from cs_sync_hubspot.source import HubSpotSource
from cs_sync_sandbox.hubspot import Portal, list_routes
from cs_sync_sandbox.keys import HUBSPOT_TOKEN
from cs_sync_sandbox.site import Site
from cs_sync_sandbox.world import World, build_world

SETTINGS = {"access_token": HUBSPOT_TOKEN, "base_url": "https://portal.example/hubspot"}
COMPANIES = 6


@cache
def _world() -> World:
    return build_world(7, date(2026, 11, 20), 2)


def answers_of(portal: Portal, now: Callable[[], datetime]) -> Any:
    """How a portal answers; its limits are off."""
    return make_asgi_answer(Starlette(routes=list(list_routes(Site(_world(), now, False), portal))))


class PortalVendor(VendorFake):
    """Reads from `portal`; `more` goes into the configuration."""

    connector: ClassVar[type[Any]] = HubSpotSource
    more: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.portal = Portal(now, search_lag=timedelta(0))
        self._answers = answers_of(self.portal, now)

    def settings(self) -> Mapping[str, Any]:
        return {**SETTINGS, **self.more}

    def answer(self, request: httpx.Request) -> httpx.Response:
        answer: httpx.Response = self._answers(request)
        return answer

    def refusal(self, status: int, words: str) -> httpx.Response:
        category = {401: "INVALID_AUTHENTICATION", 403: "MISSING_SCOPES"}.get(status, "ERROR")
        return httpx.Response(status, json={"message": words, "category": category})


class PortalCrm(PortalVendor, CrmFake):
    """Writes to a portal with a few companies."""

    connector: ClassVar[type[Any]] = HubSpotDestination

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        for number in range(COMPANIES):
            self.portal.create("companies", {"name": f"Company {number}"})

    def accounts(self) -> Sequence[str]:
        return [record.id for record in self.portal.live("companies")]

    def fields(self, remote_id: str) -> Mapping[str, Any]:
        return self.portal.objects["companies"][remote_id].properties

    def follow_ups(self) -> Sequence[str]:
        return [str(task.properties[KEY]) for task in self.portal.live("tasks")]

    def complete(self, key: str) -> None:
        self.portal.update(self.portal.required("tasks", key, KEY), {"hs_task_status": "COMPLETED"})

    def completed(self, key: str) -> bool:
        task = self.portal.required("tasks", key, KEY)
        return task.properties["hs_task_status"] == "COMPLETED"


@contextmanager
def reading(folder: Path, **more: Any) -> Iterator[tuple[SyncHarness, Portal]]:
    """A bench that reads an empty portal; `more` goes into the configuration."""
    kind = type("Vendor", (PortalVendor,), {"more": more})
    bench = SyncHarness(kind, folder)
    try:
        assert isinstance(bench.vendor, PortalVendor)
        yield bench, bench.vendor.portal
    finally:
        bench.close()


@contextmanager
def writing(folder: Path) -> Iterator[tuple[PushHarness, Portal]]:
    """A bench that writes to a portal of a few companies."""
    bench = PushHarness(PortalCrm, folder)
    try:
        assert isinstance(bench.vendor, PortalCrm)
        yield bench, bench.vendor.portal
    finally:
        bench.close()

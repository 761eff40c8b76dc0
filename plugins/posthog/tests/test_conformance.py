"""The connector keeps the host's promises: the conformance kit against the sandbox's PostHog."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, uuid5

import httpx
import pytest
from starlette.applications import Starlette

from cs_sync.testing import SourceConformance, VendorFake, make_asgi_answer
from cs_sync_posthog.source import PostHogSource
from cs_sync_sandbox.keys import POSTHOG_KEY, POSTHOG_PROJECT_ID
from cs_sync_sandbox.posthog import list_routes
from cs_sync_sandbox.site import Site
from cs_sync_sandbox.world import World, build_world

pytestmark = pytest.mark.slow("syncs the sandbox for each promise")

YESTERDAY = date(2026, 11, 19)
Answers = Callable[[httpx.Request], httpx.Response]


@cache
def small_world() -> World:
    whole = build_world(7, date(2026, 11, 20), 12)
    answers = [a for a in whole.survey_answers if a.channel == "posthog"]
    usage = [
        row for row in whole.usage if row.day > YESTERDAY - timedelta(days=40) and row.features
    ]
    return replace(
        whole,
        companies=tuple(c for c in whole.companies if "posthog" in c.key_in)[:8],
        survey_answers=tuple(answers[-8:]),
        usage=tuple(row for row in usage[:: max(1, len(usage) // 12)]),
    )


class PostHogVendor(VendorFake):
    """The sandbox's project with a few rows a query; what was changed is a new world."""

    connector = PostHogSource
    free_text = ("name", "$survey_name")
    vital = ("id",)
    one_page: ClassVar[Mapping[str, str]] = {"groups": "the sandbox gives a hundred at once"}

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self._become(small_world())

    def settings(self) -> Mapping[str, Any]:
        return {
            "base_url": "https://sandbox.example/posthog",
            "api_key": POSTHOG_KEY,
            "project_id": POSTHOG_PROJECT_ID,
            "backfill_days": 60,
        }

    def refusal(self, status: int, words: str) -> httpx.Response:
        return httpx.Response(status, json={"type": "error", "code": "no", "detail": words})

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The same question about the same world has the same answer: it is worked out once."""
        content = request.content
        if request.url.path.endswith("/query/"):
            content = content.replace(b"LIMIT 50000", f"LIMIT {self.page_size}".encode())
        key = (request.headers.get("authorization", ""), str(request.url), content)
        if key not in self._known:
            headers = {k: v for k, v in request.headers.items() if k != "content-length"}
            asked = httpx.Request(request.method, request.url, headers=headers, content=content)
            self._known[key] = self._answers(asked)
        known = self._known[key]
        return httpx.Response(known.status_code, headers=known.headers, content=known.content)

    def add(self, stream: str) -> str | None:
        world = self.world
        number = len(world.companies) + len(world.survey_answers) + len(world.usage) + 900
        if stream == "groups":
            name = f"acct_{number:04d}"
            company = replace(world.companies[0], number=number, key=name, created_at=self.now())
            self._become(replace(world, companies=(*world.companies, company)))
            return name
        if stream == "surveys":
            answer = replace(world.survey_answers[-1], number=number, answered_at=self.now())
            self._become(replace(world, survey_answers=(*world.survey_answers, answer)))
            return str(uuid5(NAMESPACE_URL, f"submission-{number}"))
        return None

    def edit(self, stream: str) -> str | None:
        world = self.world
        if stream != "groups":
            return None
        first, *rest = world.companies
        self._become(replace(world, companies=(replace(first, name="Renamed"), *rest)))
        return first.key

    def delete(self, stream: str) -> str | None:
        world = self.world
        if stream != "groups":
            return None
        first, second, *rest = world.companies
        self._become(replace(world, companies=(first, *rest)))
        return second.key

    def _become(self, world: World) -> None:
        """Limits are off: the world of the start is shared, and has no clock of its own."""
        self.world = world
        first = world is small_world()
        self._answers = _first_answers() if first else _answers_of(world)
        self._known = _FIRST_KNOWN if first else {}


_FIRST_KNOWN: dict[tuple[str, str, bytes], httpx.Response] = {}


def _answers_of(world: World) -> Answers:
    site = Site(world, lambda: PostHogVendor.start, limits=False)
    return make_asgi_answer(Starlette(routes=list(list_routes(site))))


@cache
def _first_answers() -> Answers:
    return _answers_of(small_world())


class TestPostHog(SourceConformance):
    vendor = PostHogVendor

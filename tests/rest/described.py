"""A described connector that talks to a function instead of a vendor."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from cs_sync.contracts.source import Page, Window
from cs_sync.http import ManualClock, VendorHttp
from cs_sync.rest import RestSource, make_source

UNTIL = datetime(2026, 11, 20, 9, tzinfo=UTC)
ALL = Window(None, UNTIL)
Answers = Callable[[httpx.Request], Any]


def describe(stream: Mapping[str, Any], **tables: Any) -> dict[str, Any]:
    """A connector of one stream, `things`; accounts with id and name unless it says otherwise."""
    rule = {
        "record": "source_account",
        "path": "/things",
        "fields": {"source_id": "id", "name": "name"},
        **stream,
    }
    return {
        "name": "acme",
        "settings": {"base_url": {"default": "https://api.acme.example"}},
        "streams": {"things": rule},
        **tables,
    }


class Vendor:
    """Answers requests with JSON, or with whole responses, and remembers them."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.requests: list[httpx.Request] = []
        self.clock = ManualClock()

    def open(self, tables: Mapping[str, Any], **settings: Any) -> RestSource:
        """Return the described source, which asks this vendor."""
        made = make_source(tables, module=__name__)
        transport = httpx.MockTransport(self._answer)
        client = httpx.Client(transport=transport)
        http = VendorHttp("acme", now=self.clock.now, sleep=self.clock.sleep, client=client)
        return made(made.Config.model_validate(settings), http)

    def read(self, stream: Mapping[str, Any], window: Window = ALL, **tables: Any) -> list[Page]:
        """Return the pages of one stream."""
        [described] = self.open(describe(stream, **tables)).streams()
        return list(described.read(window))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers(request)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    @property
    def paths(self) -> list[str]:
        """What was asked for, with the query."""
        return [request.url.raw_path.decode() for request in self.requests]


def list_rows(pages: list[Page]) -> Iterator[dict[str, Any]]:
    """Yield all rows without what was received."""
    for page in pages:
        for rows in page.records.values():
            for row in rows:
                yield {name: value for name, value in row.items() if name != "raw"}


def list_ids(pages: list[Page]) -> list[str]:
    """Return the ids of all rows."""
    return [row["source_id"] for row in list_rows(pages)]

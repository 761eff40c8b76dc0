"""The destination of docs/plugins/destinations.md passes the kit."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import orjson
import pytest

from cs_sync.testing import CrmFake, DestinationConformance, PushHarness
from tests.test_hooks import find_example

KEY = "-".join(("board", "not", "a", "real", "key"))
_module: dict[str, Any] = {}
exec(find_example("cs_sync_destinations"), _module)


class Board(CrmFake):
    """A board with cards by key, and fields of five accounts."""

    connector = _module["BoardDestination"]

    def __init__(self, now: Callable[[], Any], folder: Path) -> None:
        super().__init__(now, folder)
        self.held: dict[str, dict[str, Any]] = {f"acct_{n}": {} for n in range(5)}
        self.cards: dict[str, bool] = {}

    def settings(self) -> Mapping[str, Any]:
        return {"token": KEY}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return self.refusal(401, "unknown key")
        _, kind, name = request.url.path.split("/", 2)
        name = unquote(name)
        if request.method == "GET":
            known = name in self.cards
            return self._receipt(name, existed=True) if known else self.refusal(404, "no card")
        sent = orjson.loads(request.content)
        if sent["account"] not in self.held:
            return self.refusal(422, "no such account")
        if kind == "accounts":
            self.held[name].update(sent["fields"])
            return self._receipt(name, existed=False)
        existed = name in self.cards
        self.cards.setdefault(name, False)
        return self._receipt(name, existed=existed)

    @staticmethod
    def _receipt(name: str, *, existed: bool) -> httpx.Response:
        return httpx.Response(200, json={"id": name, "existed": existed})

    def accounts(self) -> Sequence[str]:
        return list(self.held)

    def fields(self, remote_id: str) -> Mapping[str, Any]:
        return self.held[remote_id]

    def follow_ups(self) -> Sequence[str]:
        return list(self.cards)

    def complete(self, key: str) -> None:
        self.cards[key] = True

    def completed(self, key: str) -> bool:
        return self.cards[key]


@pytest.mark.slow("pushes with a fault at each request")
class TestBoard(DestinationConformance):
    crm = Board


def test_everything_is_written_and_found(tmp_path: Path) -> None:
    bench = PushHarness(Board, tmp_path)
    DestinationConformance().test_everything_wanted_is_written(bench)
    DestinationConformance().test_what_was_written_is_found(bench)
    bench.close()

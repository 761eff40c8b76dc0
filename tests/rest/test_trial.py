"""A trial of a described stream names the fields that it maps and never finds, and no others."""

from types import SimpleNamespace
from typing import Any, cast

from cs_sync.queries.stream_trial import Trial, try_stream
from cs_sync.runtime.workspace import Workspace
from tests.rest.described import UNTIL, Vendor, describe


def try_things(answer: Any, **stream: Any) -> Trial:
    source = Vendor(lambda _request: answer).open(describe(stream))
    opened = SimpleNamespace(source=source)
    workspace = SimpleNamespace(sources=lambda _names: [opened], clock=lambda: UNTIL)
    return try_stream(cast(Workspace, workspace), "acme", "things")


def test_what_is_mapped_and_never_found_is_named() -> None:
    """`website` is spelt otherwise, and `email` is null in one record of two."""
    things = [{"id": 1, "name": "A", "email": None}, {"id": 2, "name": "B", "email": "b@b.example"}]
    fields = {"source_id": "id", "name": "name", "domain": "website", "email": "email"}
    assert try_things(things, fields=fields).empty == {"source_account": ["domain"]}


def test_what_a_function_returns_counts_as_mapped() -> None:
    def make(item: Any, config: Any) -> dict[str, Any]:
        return {"source_id": str(item["id"]), "name": None, "domain": "a.example"}

    assert try_things([{"id": 1}], fields={}, map=make).empty == {"source_account": ["name"]}

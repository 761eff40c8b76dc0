"""A source as a user may write it: a resource by time of change, and one that is a whole list."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dlt
import requests


def read_shop(file: str, name: str, key: str) -> list[dict[str, Any]]:
    shop = json.loads(Path(file).read_text())
    if key != shop["key"]:
        answer = requests.Response()
        answer.status_code, answer.url = shop["refusal"], f"http://shop.example/{name}?key={key}"
        answer.raise_for_status()
    rows: list[dict[str, Any]] = shop["lists"][name]
    return rows


@dlt.source  # type: ignore[untyped-decorator]
def shop(file: str, key: str) -> Any:
    def read_accounts(
        changed: Any = dlt.sources.incremental("updated_at", initial_value="2001-01-01"),  # noqa: B008
    ) -> Iterator[list[dict[str, Any]]]:
        rows = read_shop(file, "accounts", key)
        yield [row for row in rows if row["updated_at"] >= changed.start_value]

    def read_owners() -> Iterator[dict[str, Any]]:
        for row in read_shop(file, "owners", key):
            yield {**row, "updated_at": datetime.fromisoformat(row["updated_at"])}

    return [
        dlt.resource(read_accounts, name="accounts"),
        dlt.resource(read_owners, name="owners"),
    ]


@dlt.resource(name="broken")  # type: ignore[untyped-decorator]
def break_down(key: str) -> Iterator[dict[str, Any]]:
    yield {"id": 1}
    raise ValueError(f"no luck with {key}")


def make_nothing() -> None:
    """Neither a source nor a resource."""

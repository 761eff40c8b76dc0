"""What a run says of itself to those who schedule it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cs_sync.runtime.run_result import RunSummary

AT = datetime(2026, 11, 20, tzinfo=UTC)


def stream(name: str, error: str | None) -> dict[str, Any]:
    return {"source": "files", "stream": name, "error": error}


@pytest.mark.parametrize(
    ("status", "streams", "message", "problems"),
    [
        ("ok", [stream("accounts", None)], "all is well", ""),
        (
            "partial",
            [stream("accounts", None), stream("tickets", "late"), stream("owners", "gone")],
            "",
            "files tickets: late\nfiles owners: gone",
        ),
        ("failed", [], "no score could be written", "no score could be written"),
    ],
)
def test_problems_are_those_of_the_streams_else_its_message(
    status: str, streams: list[dict[str, Any]], message: str, problems: str
) -> None:
    summary = RunSummary("r1", status, AT, AT, streams, message=message)
    assert summary.problems == problems

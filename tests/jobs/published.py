"""The small company after a whole run, without the seconds that its report takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from cs_sync.contracts.errors import ConfigError
from tests.jobs.road import CONFIG, Place, small_company

WRITING = """
    [connectors.webhook]
    url = "http://127.0.0.1:9/health"
    signing_secret = "whsec_bm90IGEgc2VjcmV0LCBub3QgYSBzZWNyZXQsIG5vdA=="
    [write_back]
    destination = "webhook"
    max_change = 1
    [follow_ups]
    assignee = "sam@ours.example"
    start = 2026-01-01
"""
"""Follow-ups are stored where there is somewhere to write them."""


def without_report(patch: pytest.MonkeyPatch) -> None:
    """The report takes seconds to draw, and shows nothing of this."""

    def refuse(*_: Any) -> None:
        raise ConfigError("no report here", "")

    patch.setattr("cs_sync.jobs.run.write_report", refuse)


def company_with_tasks(path: Path, database: str = "") -> Place:
    """The small company, whose follow-ups go to a webhook."""
    place = small_company(path)
    place.configure(CONFIG + WRITING + database)
    return place


def without_kpis(patch: pytest.MonkeyPatch) -> None:
    """Most of a small company's run is its KPIs."""
    for name in ("_query_newest_kpis", "_query_trends"):
        patch.setattr(f"cs_sync.queries.figures.{name}", lambda _workspace: [])


@contextmanager
def quiet_run(*, kpis: bool = True) -> Iterator[None]:
    """No report is drawn, and the webhook takes everything.

    Args:
        kpis: Compute and publish them, too.
    """
    with pytest.MonkeyPatch.context() as patch, respx.mock(assert_all_called=False) as vendor:
        without_report(patch)
        if not kpis:
            without_kpis(patch)
        vendor.route(port=9).mock(return_value=httpx.Response(204))
        yield

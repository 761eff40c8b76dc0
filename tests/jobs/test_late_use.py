"""Between two slow passes it is said how many days of use may still be incomplete."""

import pytest

from tests.jobs.road import Acme

TOLD = (
    "posthog: use and answers of the last 92 days may still be incomplete: what came more than 7"
    " days late is looked for once a week; `cs-sync sync --full --only posthog` looks now"
)


@pytest.mark.slow("syncs and runs whole commands")
def test_a_sync_and_the_check_tell_what_is_not_looked_for_yet(acme: Acme) -> None:
    """It is Friday, the second day of the calendar's week: what is 90 days late, and those two."""
    assert TOLD not in acme.run("check").messages
    assert TOLD in acme.run("sync").messages
    assert TOLD in acme.run("check").messages
    assert TOLD not in acme.run("sync", "--full", "--only", "posthog").messages
    assert TOLD not in acme.run("check").messages


@pytest.mark.slow("reports all of Acme")
def test_the_report_tells_it_as_well(acme: Acme) -> None:
    acme.run("sync")
    acme.run("report")
    page = (acme.path / "cs_sync_report.html").read_text(encoding="utf-8")
    assert "PostHog: the last 92 days may still be incomplete" in page

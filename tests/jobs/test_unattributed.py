"""What belongs to no account is told by a run, in the report, and listed by a command."""

import json
from pathlib import Path

import pytest

from tests.jobs.road import BOOKS, Place, small_company

TICKETS = "14,,,Who is this,export,open,2026-03-01T10:00,\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = small_company(tmp_path)
    made.write("data/tickets.csv", BOOKS["tickets.csv"] + TICKETS)
    return made


@pytest.mark.slow("syncs and runs whole commands")
def test_a_run_and_its_report_tell_the_share(place: Place) -> None:
    ran = place.run("run")
    assert (
        "! without an account: 1 of 4 tickets (25.0 %); list them with"
        " `cs-sync accounts --unattributed`" in ran.messages
    )
    page = (place.path / "cs_sync_report.html").read_text(encoding="utf-8")
    assert "files 14" in page
    assert "of MRR ties to invoices" not in page
    assert "from sources without invoices" in page


@pytest.mark.slow("syncs and runs whole commands")
def test_check_tells_the_share(place: Place) -> None:
    assert "without an account" not in place.run("check").messages
    assert place.run("sync").code == 0
    checked = place.run("check")
    assert checked.code == 0
    assert (
        "warning: without an account: 1 of 4 tickets (25.0 %); list them with" in checked.messages
    )


@pytest.mark.slow("syncs and runs whole commands")
def test_the_command_lists_them_and_tells_every_share(place: Place) -> None:
    assert place.run("sync").code == 0
    ran = place.run("--format", "json", "accounts", "--unattributed")
    (row,) = json.loads(ran.out)
    assert (row["kind"], row["source"], row["source_id"]) == ("tickets", "files", "14")
    assert "without an account: 1 of 4 tickets (25.0 %)" in ran.messages
    assert "without an account: 0 of 26 usage days (0.0 %)" in ran.messages
    assert "without an account: 0.00 EUR of 0.00 EUR" not in ran.messages


def test_one_list_at_a_time(place: Place) -> None:
    ran = place.run("accounts", "--unattributed", "--conflicts")
    assert ran.code == 2
    assert "--conflicts does not go with --unattributed" in ran.messages

"""Company-wide findings on stored data: one task for one person, or a word that it has nobody."""

from typing import Any

import pytest

from tests.follow_ups.books import HEAD, Books
from tests.follow_ups.days import CRM, START, push
from tests.jobs.road import CONFIG, Place
from tests.write_back.portal import Portal

pytestmark = pytest.mark.slow("runs and pushes in each test")

TO_THE_HEAD = f'\n    [follow_ups]\n    assignee = "{HEAD}"\n'
TITLES = {
    "exit_surveys": "Ask leaving customers why: 20.0% churn in a month",
    "cost_work": "Lower the cost of retention: LTV:CRC 1:1",
    "segment_shift": "Prioritise agency: 50% trial-to-paid conversion",
}


def company() -> Books:
    """Of twelve customers two left in November and two in February; 24 of 120 trials pay.

    A customer brings 75 a month after the cost of service, and costs 75 a month to keep.
    """
    books = Books()
    for number in range(8):
        books.customer(f"stay{number}", used=None)
    for number in range(2):
        gone: dict[str, Any] = {"used": None, "status": "canceled"}
        books.customer(f"nov{number}", **gone, ended_at="2025-11-15")
        books.customer(f"feb{number}", **gone, ended_at="2026-02-15")
    for month in ("2025-10-01", "2025-11-01", "2025-12-01"):
        for purpose, amount in (("retention", 75_000), ("service", 25_000)):
            books.add("costs", source_id=f"{month} {purpose}", month=month, purpose=purpose,
                      amount=amount, currency="EUR")  # fmt: skip
    return books


def trials(books: Books) -> None:
    """In October: 20 of 40 agencies and 4 of 80 banks pay within a month."""
    for industry, number, paying in (("agency", 40, 20), ("bank", 80, 4)):
        for item in range(number):
            name = f"{industry}{item}"
            dates: dict[str, Any] = {"trial_start": "2025-10-05", "trial_end": "2025-10-19"}
            pays = item < paying
            over: dict[str, Any] = {} if pays else {"status": "canceled", "ended_at": "2025-10-19"}
            books.customer(name, used=None, since="2025-10-05", **dates, **over,
                           account={"attr.industry": industry})  # fmt: skip


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory, portal: Portal) -> Place:
    made = Place(tmp_path_factory.mktemp("company"))
    books = company()
    books.keep(made)
    portal.companies.update({row["source_id"]: {} for row in books.files["accounts"]})
    return made


def test_each_finding_is_one_task_for_the_head_of_customer_success(
    place: Place, portal: Portal
) -> None:
    books = company()
    trials(books)
    books.keep(place)
    portal.companies.update({row["source_id"]: {} for row in books.files["accounts"]})
    place.configure(CONFIG + CRM + TO_THE_HEAD)
    assert place.run("sync").code == 0
    push(place)
    rows = place.select("SELECT * FROM follow_up WHERE account_id = ''")
    titles = {row["playbook"]: row["title"] for row in rows}
    assert titles["segment_shift"] == TITLES["segment_shift"]
    assert {row["assignee"] for row in rows} == {HEAD}
    assert "of everybody's 20%" in next(r for r in rows if r["playbook"] == "segment_shift")["body"]


def test_churn_and_cost_are_found_once_per_period(place: Place, portal: Portal) -> None:
    place.configure(CONFIG + CRM + TO_THE_HEAD)
    assert place.run("sync").code == 0
    text = push(place)
    rows = place.select("SELECT * FROM follow_up WHERE account_id = '' ORDER BY playbook")
    assert [(row["playbook"], row["title"]) for row in rows] == [
        (name, TITLES[name]) for name in ("cost_work", "exit_surveys")
    ]
    assert "2 of 10 customers left in the month from 2026-02-01" in rows[1]["body"]
    assert "nobody" not in text
    push(place, days=1)
    push(place, days=2)
    assert len(place.select("SELECT * FROM follow_up WHERE account_id = ''")) == 2
    assert sum(task["title"] in TITLES.values() for task in portal.tasks.values()) == 2


def test_findings_without_anybody_to_go_to_are_told_and_not_written(
    place: Place, portal: Portal
) -> None:
    place.configure(CONFIG + CRM)
    assert place.run("sync").code == 0
    text = push(place)
    assert "2 company-wide findings wait for somebody to go to:" in text
    assert all(f"- {TITLES[name]}" in text for name in ("cost_work", "exit_surveys"))
    assert "no account has the attribute" not in text
    assert '→ set [follow_ups] assignee = "name@example.com"' in text
    assert text.count("wait for somebody") == 1
    assert place.select("SELECT * FROM follow_up WHERE account_id = ''") == []
    for line in (("plan",), ("run", "--dry-run")):
        assert "2 company-wide findings wait for somebody" in place.run(*line).messages
    messages = place.run("check").messages
    assert (
        "company-wide findings (exit_surveys, cost_work, segment_shift) are unassigned" in messages
    )


def test_an_attribute_that_nobody_has_is_told(place: Place) -> None:
    place.configure(CONFIG + CRM + TO_THE_HEAD + '    [playbooks.segment_shift]\n    by = "size"\n')
    assert place.run("sync").code == 0
    for line in ("check", "plan"):
        text = place.run(line).messages
        assert "no account has the attribute 'size', by which playbook segment_shift" in text
        assert "or enabled = false" in text
    off = "    [playbooks.segment_shift]\n    enabled = false\n"
    place.configure(CONFIG + CRM + TO_THE_HEAD + off)
    assert "no account has the attribute" not in place.run("check").messages


def test_accounts_without_an_owner_leave_a_word(
    tmp_path_factory: pytest.TempPathFactory, portal: Portal
) -> None:
    made = Place(tmp_path_factory.mktemp("ownerless"))
    made.configure(CONFIG + CRM + START)
    books = Books()
    books.customer("call", account={"owner_source_id": ""})
    books.nps("call", 2, "2026-03-10T06:00")
    books.keep(made)
    portal.companies["call"] = {}
    assert made.run("sync").code == 0
    assert "1 follow-up is unassigned, as the accounts have no owner" in push(made)
    made.configure(CONFIG + CRM + TO_THE_HEAD)
    assert "is unassigned" not in push(made, days=1)

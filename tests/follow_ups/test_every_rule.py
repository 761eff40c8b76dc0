"""Every rule of action on stored data: files in, sync, push, and what a CSM finds to do."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cs_sync_schemas.times import read_microseconds
from cs_sync_webhook.destination import WebhookDestination
from tests.follow_ups.books import Books, day
from tests.follow_ups.days import CRM, push
from tests.jobs.road import CONFIG, NOW, Place
from tests.write_back.portal import Portal

EVERYBODY = "\n    [follow_ups]\n    daily_cap = 50\n    start = 2025-06-01\n"


def everybody() -> Books:
    """One account for each rule, and five others so that features are known to be popular."""
    books = Books()
    books.customer("call")
    books.nps("call", 2, "2026-03-10T06:00", "Too slow")
    books.customer("late")
    books.nps("late", 4, "2026-03-08T10:00")
    books.customer("passive")
    books.nps("passive", 7, "2026-03-09T10:00")
    books.customer("promoter")
    books.nps("promoter", 10, "2026-03-09T10:00")
    books.customer("drop")
    books.nps("drop", 10, "2026-01-09T10:00")
    books.nps("drop", 7, "2026-03-09T10:00")
    books.customer("rated")
    before = [(day(ago), 5) for ago in (50, 48, 46, 44, 42)]
    since = [(day(ago), score) for ago, score in ((20, 5), (15, 2), (12, 1), (10, 4), (5, 2))]
    for number, (given, score) in enumerate([*before, *since]):
        books.add("contacts", source_id=f"p{number}-rated", account="rated", name="Pat Rated",
                  email=f"p{number}@rated.example")  # fmt: skip
        books.add("survey_responses", source_id=f"c{number}", kind="csat",
                  contact=f"p{number}-rated",
                  score=score, scale_min=1, scale_max=5, answered_at=f"{given}T10:00")  # fmt: skip
    books.customer("topic")
    for number, at in ((512, "2026-02-20"), (518, "2026-02-27"), (523, "2026-03-03")):
        books.ticket(number, "topic", "integration", f"{at}T10:00")
    books.customer("less")
    books.item("less", "2026-03-09T15:00", 6_000)
    books.customer("leaver", canceled_at="2026-03-09", cancel_at="2026-04-01",
                   cancel_reason="missing_features")  # fmt: skip
    books.customer("stuck", since="2026-02-01")
    books.add("onboarding_steps", source_id="o1", account="stuck", checklist="start",
              step="Connect the CRM", due_at="2026-03-05")  # fmt: skip
    books.customer("idle", used=range(15, 25))
    books.customer("gone", used=range(36, 50))
    books.customer("never", used=None, since="2026-01-20")
    books.customer("gap", used=range(6))
    books.customer("red", used=range(50, 60), status="past_due")
    books.customer("advocate")
    for number in (1, 2):
        books.add("referrals", source_id=f"r{number}", account="advocate", referred=f"Co {number}",
                  referred_at=f"2026-02-0{number}")  # fmt: skip
    grower(books)
    features(books)
    return books


def grower(books: Books) -> None:
    """Ten seats, nine people, use on 20 days after 8 in the four weeks before."""
    books.customer("grower", used=range(20))
    books.files["subscription_items"][-1] |= {"quantity": 10, "unit_amount": 1_000}
    for ago in range(30, 38):
        books.add("usage_days", account="grower", contact="p-grower", day=day(ago), events=1)
    for number in range(8):
        books.add("contacts", source_id=f"g{number}", account="grower",
                  email=f"g{number}@grower.example", name=f"G {number}")  # fmt: skip
        books.add("usage_days", account="grower", contact=f"g{number}", day=day(2), events=1)


def features(books: Books) -> None:
    for name in ("call", "late", "promoter", "topic", "less"):
        books.add("feature_days", account=name, feature="reports", day=day(3), events=2, users=1)
    books.add("feature_days", account="gap", feature="export", day=day(3), events=2, users=1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Everybody, synced and pushed once; no test of this file changes it."""
    made = Place(tmp_path_factory.mktemp("rules"))
    made.configure(CONFIG + CRM + EVERYBODY)
    books = everybody()
    books.keep(made)
    ran = made.run("sync")
    assert ran.code == 0, ran
    names = [row["source_id"] for row in books.files["accounts"]]
    crm = Portal(companies={name: {} for name in names})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WebhookDestination, "write", lambda _self, ops: crm.write(ops))
        patch.setattr(WebhookDestination, "find", lambda _self, keys: crm.find(keys))
        push(made)
    assert len(crm.tasks) == len(made.select("SELECT * FROM follow_up WHERE lead IS NULL"))
    return made


def read_follow_ups_of(place: Place, account: str) -> dict[str, dict[str, Any]]:
    """Playbook → the follow-up of an account."""
    rows = place.select("SELECT * FROM follow_up WHERE account_id = ?", account)
    assert len({row["playbook"] for row in rows}) == len(rows)
    return {row["playbook"]: row for row in rows}


def due(row: dict[str, Any]) -> datetime:
    return read_microseconds(row["due_at"])


@pytest.mark.slow("syncs and runs whole commands")
def test_who_gets_what_and_nobody_anything_else(place: Place) -> None:
    rows = place.select("SELECT account_id, playbook FROM follow_up ORDER BY account_id, playbook")
    assert [(row["account_id"], row["playbook"]) for row in rows] == [
        ("advocate", "advocate_programme"),
        ("call", "detractor_call"),
        ("drop", "passive_value"),
        ("drop", "satisfaction_drop"),
        ("gap", "knowledge_gap"),
        ("gone", "likely_leaving"),
        ("grower", "likely_buyer"),
        ("idle", "unused_warning"),
        ("late", "detractor_call"),
        ("leaver", "cancellation_call"),
        ("less", "contraction_contact"),
        ("never", "likely_leaving"),
        ("passive", "passive_value"),
        ("promoter", "promoter_referral"),
        ("rated", "csat_drop"),
        ("red", "account_review"),
        ("red", "likely_leaving"),
        ("stuck", "onboarding_step"),
        ("topic", "topic_call"),
    ]


@pytest.mark.slow("syncs and runs whole commands")
def test_everything_goes_to_the_owner_by_e_mail(place: Place) -> None:
    assert place.select("SELECT DISTINCT assignee FROM follow_up") == [
        {"assignee": "kim@acme.example"}
    ]


@pytest.mark.slow("syncs and runs whole commands")
def test_a_detractor_is_called_within_24_hours_of_the_answer(place: Place) -> None:
    row = read_follow_ups_of(place, "call")["detractor_call"]
    assert due(row) == datetime(2026, 3, 11, 5, 0, tzinfo=UTC)  # 6 o'clock in Warsaw
    assert (row["priority"], row["kind"]) == ("high", "call")
    assert row["title"] == "Call Call: NPS 2 from Pat Call"
    assert "“Too slow”" in row["body"]
    assert "known since" not in row["body"]


def test_an_answer_that_came_late_is_a_call_of_the_next_day(place: Place) -> None:
    row = read_follow_ups_of(place, "late")["detractor_call"]
    assert due(row) == datetime(2026, 3, 11, 16, 0, tzinfo=UTC)  # 17 o'clock in Warsaw
    assert "Open since 8 Mar, found today." in row["body"]


def test_nothing_is_overdue_when_it_is_created(place: Place) -> None:
    assert [row for row in place.select("SELECT * FROM follow_up") if due(row) < NOW] == []


def test_every_task_names_somebody_and_what_to_say(place: Place) -> None:
    for row in place.select("SELECT * FROM follow_up"):
        assert row["body"].startswith("Speak to: Pat "), row["title"]
        assert row["contact_id"] == f"files:p-{row['account_id']}", row["title"]
        assert 2 <= len(json.loads(row["advice"])) <= 3, row["title"]
        assert len(row["title"]) < 60, row["title"]


def test_what_one_account_needs_is_one_task(place: Place) -> None:
    """Who fell from 10 to 7 is a passive, too; who went silent is red."""
    for account, lead, other in (
        ("drop", "satisfaction_drop", "passive_value"),
        ("red", "likely_leaving", "account_review"),
    ):
        rows = read_follow_ups_of(place, account)
        assert rows[other]["lead"] == rows[lead]["key"]
        task = json.loads(rows[lead]["task"])
        assert task["title"] == rows[lead]["title"]
        assert f"While you talk to them:\n- {rows[other]['why']}" in task["body"]


def test_a_passive_is_offered_a_feature_others_like_and_a_promoter_asked(place: Place) -> None:
    promoter = read_follow_ups_of(place, "promoter")["promoter_referral"]
    assert promoter["title"] == "Ask Promoter for a referral: NPS 10 from Pat Promoter"
    assert "- Ask whom they know who has the same problem." in promoter["body"]
    passive = read_follow_ups_of(place, "passive")["passive_value"]
    assert passive["title"] == "Help Passive get more: NPS 7 from Pat Passive"
    assert "tutorial" in passive["body"]


def test_satisfaction_that_falls_is_asked_about_before_it_is_too_late(place: Place) -> None:
    row = read_follow_ups_of(place, "drop")["satisfaction_drop"]
    assert row["title"] == "Call Drop: NPS down from 10 to 7"


def test_a_share_of_satisfied_answers_that_falls_is_asked_about(place: Place) -> None:
    row = read_follow_ups_of(place, "rated")["csat_drop"]
    assert row["title"] == "Call Rated: CSAT down from 100% to 40%"
    assert row["occasion"] == "files:c6"
    assert [fact["source_id"] for fact in json.loads(row["evidence"])] == ["c6", "c7", "c9"]


def test_three_tickets_of_one_topic_are_one_call_about_it(place: Place) -> None:
    row = read_follow_ups_of(place, "topic")["topic_call"]
    assert row["title"] == "Call Topic: 3 tickets about integration"
    assert [fact["source_id"] for fact in json.loads(row["evidence"])] == ["512", "518", "523"]


def test_a_contraction_is_contacted_at_once(place: Place) -> None:
    row = read_follow_ups_of(place, "less")["contraction_contact"]
    assert row["title"] == "Call Less: pays 40 EUR less a month"
    assert due(row) == datetime(2026, 3, 10, 14, 0, tzinfo=UTC)  # a day after 15 o'clock there


def test_a_cancellation_is_talked_about_before_it_comes(place: Place) -> None:
    row = read_follow_ups_of(place, "leaver")["cancellation_call"]
    assert row["title"] == "Call Leaver: cancels on 1 Apr, 100 EUR a month"
    assert "Reason given: missing features." in row["body"]


def test_help_goes_to_the_step_that_is_stuck_and_to_the_gap_that_is_known(place: Place) -> None:
    stuck = read_follow_ups_of(place, "stuck")["onboarding_step"]
    assert stuck["title"] == "Help Stuck with a step: “Connect the CRM”"
    assert "since 5 Mar." in stuck["body"]
    gap = read_follow_ups_of(place, "gap")["knowledge_gap"]
    assert gap["band"] == "yellow"
    assert "- not used: reports, which 83% of accounts use" in gap["body"]


def test_silence_is_warned_of_after_14_days_and_called_about_after_30(place: Place) -> None:
    assert "14+ days unused" in read_follow_ups_of(place, "idle")["unused_warning"]["title"]
    gone = read_follow_ups_of(place, "gone")["likely_leaving"]
    assert gone["title"] == "Save Gone: 30+ days unused, 100 EUR a month"
    assert (gone["priority"], gone["kind"]) == ("high", "call")
    never = read_follow_ups_of(place, "never")["likely_leaving"]
    assert "Never used since it was bought on 20 Jan." in never["body"]


def test_a_red_account_is_reviewed_with_all_its_reasons(place: Place) -> None:
    row = read_follow_ups_of(place, "red")["account_review"]
    assert (row["band"], row["priority"]) == ("red", "high")
    assert "- Subscription payment past due" in row["body"]
    assert "Health has been red since at least 10 Mar." in row["body"]


def test_who_grows_is_talked_to_and_who_recommends_is_invited(place: Place) -> None:
    grower = read_follow_ups_of(place, "grower")["likely_buyer"]
    assert grower["title"] == "Discuss expansion with Grower: 9 of 10 seats used"
    assert "Active on 20 of the last 28 days (previous 28: 8)" in grower["body"]
    advocate = read_follow_ups_of(place, "advocate")["advocate_programme"]
    assert "- Co 2 on 2 Feb\n- Co 1 on 1 Feb\n" in advocate["body"]


@pytest.mark.slow("syncs and runs whole commands")
def test_everything_can_be_switched_off(
    tmp_path_factory: pytest.TempPathFactory, portal: Portal
) -> None:
    made = Place(tmp_path_factory.mktemp("off"))
    names = {row["playbook"] for row in Place.json(quiet(made), "playbooks")}
    off = "".join(f"    [playbooks.{name}]\n    enabled = false\n" for name in sorted(names))
    made.configure(CONFIG + CRM + EVERYBODY + off)
    assert made.run("sync").code == 0
    portal.companies.update({row["source_id"]: {} for row in everybody().files["accounts"]})
    push(made)
    assert portal.tasks == {}


def quiet(made: Place) -> Place:
    made.configure(CONFIG + CRM)
    everybody().keep(made)
    return made


@pytest.mark.slow("syncs and runs whole commands")
def test_working_hours_move_what_is_due(
    tmp_path_factory: pytest.TempPathFactory, portal: Portal
) -> None:
    """24 hours after Monday 20:00 is too late on Tuesday; the next working moment is 9 o'clock."""
    made = Place(tmp_path_factory.mktemp("hours"))
    hours = 'start = 2026-01-01\n    business_hours = ["09:00", "17:00"]'
    made.configure(CONFIG + CRM + f"\n    [follow_ups]\n    {hours}\n")
    books = Books()
    books.customer("call")
    books.nps("call", 2, "2026-03-09T20:00")
    books.keep(made)
    assert made.run("sync").code == 0
    portal.companies["call"] = {}
    push(made)
    assert due(read_follow_ups_of(made, "call")["detractor_call"]) == datetime(
        2026, 3, 11, 8, 0, tzinfo=UTC
    )

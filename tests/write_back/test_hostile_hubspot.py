"""One thing that goes wrong at a time, on a portal with unique keys and on one that refuses them.

No task twice, no score lost, nothing of people's overwritten.
"""

from pathlib import Path

import httpx
import pytest

from cs_sync.contracts.errors import LeaseHeld
from cs_sync.store.leases import acquire_lease
from cs_sync.testing import faults
from cs_sync.testing.fault_transport import Exchange, Fault
from cs_sync.write_back.drift import describe_edits
from cs_sync_hubspot.idempotent_objects import KEY
from cs_sync_hubspot.tasks import STATUS
from tests.write_back.desk import (
    ACCOUNTS,
    Desk,
    HostileCrm,
    Round,
    at_request,
    everything_is_there_once,
    nothing_more_is_written,
    on,
)

CREATE, UPDATE = "tasks/batch/create", "companies/batch/update"


def test_the_run_says_which_guarantee_holds(desk: Desk) -> None:
    keys = [finding for finding in desk.findings if finding.subject.endswith(KEY)]
    assert [finding.subject for finding in keys] == [f"tasks.{KEY}", f"notes.{KEY}"]
    assert all(finding.ok for finding in keys)
    if desk.hubspot.unique:
        assert all("HubSpot refuses a second" in finding.message for finding in keys)
        assert not [finding.remedy for finding in keys if finding.remedy]
    else:
        assert all("refuses unique properties" in finding.message for finding in keys)
        assert all("keep the database" in finding.remedy for finding in keys)


def die(exchange: Exchange) -> httpx.Response:
    return exchange.die()


def die_after(exchange: Exchange) -> httpx.Response:
    exchange.answer()
    return exchange.die()


@pytest.mark.slow("pushes three times for each fault")
@pytest.mark.parametrize("path", [CREATE, UPDATE])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(die, id="between intent and call"),
        pytest.param(die_after, id="between call and receipt"),
        pytest.param(faults.lose_response(httpx.ReadTimeout, done=True), id="answer lost"),
        pytest.param(faults.truncate_response, id="half an answer"),
        pytest.param(faults.respond_status(502), id="bad gateway"),
    ],
)
@pytest.mark.parametrize("database", ["kept", "lost"])
def test_a_push_that_ends_in_the_middle_is_completed_at_once(
    desk: Desk, calls: list[str], fault: Fault, path: str, database: str
) -> None:
    """Not a second later, so that the search index shows nothing of it yet."""
    desk.work(on([path], fault))
    if database == "lost":
        desk.lose_database()
    desk.work()
    desk.work()
    everything_is_there_once(desk, calls)
    nothing_more_is_written(desk)


@pytest.mark.slow("pushes over the wire")
def test_killed_in_the_middle_of_several_batches(desk: Desk, tmp_path: Path) -> None:
    calls = [desk.call(ACCOUNTS[n % 4], n) for n in range(250)]
    batches: list[int] = []

    def third(exchange: Exchange) -> httpx.Response:
        batches.append(1)
        return die_after(exchange) if len(batches) == 2 else exchange.answer()

    assert desk.work(on([CREATE], third)).killed
    made = len(desk.tasks())
    assert made in (150, 200)  # the last batch was under way, or had not begun
    done = desk.work()
    assert done.whole
    assert done.writes.create == 250 - made
    everything_is_there_once(desk, calls)


def test_a_lost_database_finds_everything_and_leaves_what_people_did(
    desk: Desk, calls: list[str]
) -> None:
    desk.work()
    finished, edited, *_ = calls
    desk.portal.update(desk.task(finished), {STATUS: "COMPLETED"})
    own = {"hs_task_body": "<p>I called</p>", "hs_task_subject": "Called"}
    desk.portal.update(desk.task(edited), own)
    desk.lose_database()
    done = desk.work()
    assert (done.writes.create, done.whole) == (0, True)
    everything_is_there_once(desk, calls)
    assert desk.task(finished).properties[STATUS] == "COMPLETED"
    assert own.items() <= desk.task(edited).properties.items()


def test_completed_reopened_and_deleted_tasks_are_left_alone(desk: Desk, calls: list[str]) -> None:
    desk.work()
    finished, reopened, gone, _ = calls
    desk.portal.update(desk.task(finished), {STATUS: "COMPLETED"})
    desk.portal.update(desk.task(reopened), {STATUS: "COMPLETED"})
    desk.work()
    desk.portal.update(desk.task(reopened), {STATUS: "IN_PROGRESS"})
    desk.portal.archive(desk.task(gone))
    for key in calls:
        desk.rows[key]["state"] = "resolved"
    done = desk.work()
    assert done.whole
    assert done.writes.update == 4 + 1, "four next actions taken back, one untouched task closed"
    assert [desk.task(key).properties[STATUS] for key in calls] == [
        "COMPLETED", "IN_PROGRESS", "NOT_STARTED", "COMPLETED",
    ]  # fmt: skip
    assert desk.task(gone).archived_at is not None
    assert len(desk.tasks()) == 4


@pytest.mark.slow("pushes over the wire")
def test_a_task_begun_a_second_ago_is_not_closed(desk: Desk, calls: list[str]) -> None:
    """The index still says that nobody has begun it."""
    desk.work()
    desk.advance_clock(minutes=10)
    desk.portal.update(desk.task(calls[0]), {STATUS: "IN_PROGRESS"})
    desk.rows[calls[0]]["state"] = "resolved"
    desk.work()
    assert desk.task(calls[0]).properties[STATUS] == "IN_PROGRESS"


def test_a_deleted_task_stays_deleted_also_with_a_lost_database(tmp_path: Path) -> None:
    desk = Desk(tmp_path, HostileCrm)
    key = desk.call("a0", 0)
    desk.work()
    desk.portal.archive(desk.task(key))
    desk.lose_database()
    assert desk.work().whole
    assert desk.task(key).archived_at is not None
    desk.close()


def test_only_one_push_at_a_time_may_write(desk: Desk) -> None:
    desk.renew_lease()
    with (
        desk.store.write() as connection,
        pytest.raises(LeaseHeld, match="another run works on this workspace") as caught,
    ):
        acquire_lease(connection, "second", desk.clock.now())
    assert "wait for it to end" in caught.value.remedy


@pytest.mark.parametrize("number", range(1, 8))
def test_without_a_lease_two_databases_make_no_twin_where_keys_are_unique(
    tmp_path: Path, number: int
) -> None:
    """A second installation pushes the same, in the middle of the first one's push."""
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    first, other = Desk(tmp_path / "one"), Desk(tmp_path / "other")
    calls = [first.call(account, 0) for account in ACCOUNTS]
    assert [other.call(account, 0) for account in ACCOUNTS] == calls
    other.wire.vendor_answers = first.crm.answer
    other.linked = first.linked
    inside: list[Round] = []

    def meanwhile(exchange: Exchange) -> httpx.Response:
        inside.append(other.work())
        return exchange.answer()

    done = first.work(at_request(number, meanwhile))
    assert done.whole, done
    assert [round_.whole for round_ in inside] in ([True], [])
    everything_is_there_once(first, calls)
    first.close()
    other.close()


def test_the_loser_of_a_merge_is_followed_to_its_survivor(desk: Desk) -> None:
    """a0's company was merged into one that no account has; the next sync has not seen it."""
    desk.work()
    survivor = desk.portal.create("companies", {"name": "Acme Holding"})
    loser = desk.record("a0")
    assert loser is not None
    desk.portal.merge("companies", survivor, loser)
    desk.score("a0", 30.0)
    key = desk.call("a0", 0)
    done = desk.work()
    assert done.whole, done
    assert survivor.properties["cs_health_score"] == "30"
    assert list(desk.portal.linked("companies", survivor.id, "tasks")) == [desk.task(key).id]
    nothing_more_is_written(desk)


def test_two_accounts_on_one_merged_company_do_not_write_over_each_other(desk: Desk) -> None:
    desk.score("a1", 80.0)
    desk.work()
    desk.merge("a0", "a1")
    desk.score("a1", 10.0)
    key = desk.call("a1", 0)
    done = desk.work()
    [refused] = [item for item in done.plan if item.action == "refused"]
    assert (refused.account, "was merged into" in refused.reason) == ("a1", True)
    assert desk.fields("a0")["cs_health_score"] == "50"
    assert desk.task(key) is not None, "its follow-up is on the company that it is now"
    desk.sync()
    done = desk.work()
    assert desk.fields("a0")["cs_health_score"] == "50"


def test_companies_that_are_merged_while_we_write_are_written_again(desk: Desk) -> None:
    desk.work()
    desk.score("a0", 30.0)
    desk.score("a1", 80.0)

    def meanwhile(exchange: Exchange) -> httpx.Response:
        desk.merge("a0", "a1")
        return exchange.answer()

    done = desk.work(on([UPDATE], meanwhile))
    assert any("merged while we wrote" in problem for problem in done.writes.problems)
    desk.work()
    assert desk.fields("a0")["cs_health_score"] == "30"
    nothing_more_is_written(desk)


def test_an_archived_company_is_refused_with_the_reason_and_written_when_it_is_back(
    desk: Desk,
) -> None:
    desk.work()
    desk.archive("a0")
    desk.score("a0", 10.0)
    key = desk.call("a0", 0)
    done = desk.work()
    refused = {item.object: item.reason for item in done.plan if item.action == "refused"}
    assert refused.keys() == {"account", "follow_up"}
    assert all("is gone (archived or deleted)" in why for why in refused.values())
    assert done.whole
    assert not desk.written()
    desk.restore()
    desk.work()
    assert desk.fields("a0")["cs_health_score"] == "10"
    assert desk.task(key) is not None


def test_a_company_archived_while_we_write_is_refused_alone(desk: Desk) -> None:
    def meanwhile(exchange: Exchange) -> httpx.Response:
        desk.archive("a0")
        return exchange.answer()

    done = desk.work(on([UPDATE], meanwhile))
    assert (done.writes.update, done.writes.rejected) == (3, 1)
    [problem] = done.writes.problems
    assert problem.startswith("account Acme a0 (a0): OBJECT_NOT_FOUND: ")


def test_an_edit_of_ours_is_reported_and_not_fought_until_we_have_news(desk: Desk) -> None:
    desk.work()
    desk.type_in("a0", cs_health_band="green", cs_health_score="99")
    for _ in range(2):
        done = desk.work()
        assert done.whole
        assert not desk.written()
        [item] = [item for item in done.plan if item.edited]
        assert (item.account, item.action) == ("a0", "unchanged")
        assert item.reason.startswith("edited by someone at the destination: ")
        assert "cs_health_band is 'green', ours 'yellow'" in item.reason
        assert describe_edits(done.plan) == [
            "account Acme a0 (a0): cs_health_score is '99', ours 50.0, "
            "cs_health_band is 'green', ours 'yellow'"
        ]
    assert desk.fields("a0")["cs_health_band"] == "green"
    desk.score("a0", 20.0)
    [item] = [item for item in desk.work().plan if item.edited]
    assert (item.action, item.changes["cs_health_score"]) == ("update", ("99", 20.0))
    assert desk.fields("a0")["cs_health_band"] == "red"
    nothing_more_is_written(desk)


def test_what_somebody_emptied_is_filled_again(desk: Desk) -> None:
    desk.work()
    desk.type_in("a0", cs_health_score="", cs_health_reasons="")
    assert desk.work().writes.update == 1
    assert desk.fields("a0")["cs_health_score"] == "50"
    assert desk.fields("a0")["cs_health_reasons"]
    nothing_more_is_written(desk)


def test_what_somebody_typed_is_never_emptied(desk: Desk) -> None:
    key = desk.call("a0", 0)
    desk.work()
    desk.type_in("a0", cs_next_action="Lunch on Tuesday")
    desk.rows[key]["state"] = "resolved"
    desk.work()
    assert desk.fields("a0")["cs_next_action"] == "Lunch on Tuesday"


def test_numbers_times_and_white_space_are_no_edits(desk: Desk) -> None:
    desk.work()
    shown = desk.fields("a0")
    desk.type_in(
        "a0",
        cs_health_score="50.00",
        cs_health_reasons=f" {shown['cs_health_reasons']}\n",
        cs_updated_at=str(shown["cs_updated_at"]).replace("Z", "+00:00"),
    )
    assert not [item for item in desk.work().plan if item.edited]

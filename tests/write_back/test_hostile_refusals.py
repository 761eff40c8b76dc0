"""What HubSpot refuses, and what it has no time for: rules, missing properties, limits, keys."""

import httpx
import pytest

from cs_sync.testing import faults
from cs_sync.write_back.fields import build_field_specs
from tests.write_back.desk import (
    ACCOUNTS,
    Desk,
    Round,
    everything_is_there_once,
    nothing_more_is_written,
    on,
)

CREATE = "tasks/batch/create"


def test_an_admins_rule_is_told_with_the_record_and_sent_again_when_there_is_news(
    desk: Desk,
) -> None:
    desk.score("a0", 30.0)
    rule = ("companies", "cs_health_band")
    desk.portal.rules[rule] = ("^(yellow|green)$", "Red needs a reason of loss")
    done = desk.work()
    assert (done.writes.update, done.writes.rejected) == (3, 1)
    [problem] = done.writes.problems
    assert problem.startswith("account Acme a0 (a0): VALIDATION_ERROR: ")
    assert problem.endswith("not valid: cs_health_band: Red needs a reason of loss")
    again = desk.work()
    assert not desk.written()
    assert again.writes.rejected == 1
    assert "Red needs a reason of loss" in again.writes.problems[0]
    desk.score("a0", 45.0)
    assert desk.work().writes.update == 1
    assert desk.fields("a0")["cs_health_score"] == "45"


def test_a_property_that_was_deleted_is_no_refusal_for_good(desk: Desk) -> None:
    del desk.portal.definitions["companies"]["cs_health_band"]
    assert desk.work().writes.rejected == 4
    with desk.open_connector() as destination:
        assert all(finding.ok for finding in destination.prepare(build_field_specs("cs_")))
    assert desk.work().writes.update == 4
    assert {desk.fields(account)["cs_health_band"] for account in ACCOUNTS} == {"yellow"}


def test_a_property_that_was_deleted_and_made_anew_is_filled_again(desk: Desk) -> None:
    desk.work()
    for account in ACCOUNTS:
        desk.fields(account).pop("cs_health_band")
    assert desk.work().writes.update == 4
    assert {desk.fields(account)["cs_health_band"] for account in ACCOUNTS} == {"yellow"}


@pytest.mark.slow("pushes over the wire")
def test_the_daily_limit_stops_the_push_and_the_next_day_goes_on(
    desk: Desk, calls: list[str]
) -> None:
    limits: dict[int, Round] = {}
    for left in range(9):
        desk.hubspot.allow(left)
        limits[left] = desk.work()
        desk.advance_clock(minutes=24 * 60)
        if limits[left].whole:
            break
    assert any("daily quota" in (done.error or "") for done in limits.values())
    stopped = [done for done in limits.values() if done.writes.left]
    assert stopped, "one at least stopped in the middle"
    for done in stopped:
        assert done.writes.unknown == 0, "what HubSpot refused to look at has surely not happened"
        assert "wait for the next run" in done.writes.describe_problems()[-1]
    desk.portal.daily_limit = 10_000
    assert desk.work().whole
    everything_is_there_once(desk, calls)
    nothing_more_is_written(desk)


@pytest.mark.parametrize("policy", ["TEN_SECONDLY_ROLLING", "SECONDLY"])
def test_short_limits_are_waited_for(desk: Desk, calls: list[str], policy: str) -> None:
    body = {"status": "error", "errorType": "RATE_LIMIT", "policyName": policy, "message": "slow"}
    done = desk.work(faults.fail_once(lambda _exchange: httpx.Response(429, json=body)))
    assert done.whole, done
    everything_is_there_once(desk, calls)


@pytest.mark.parametrize(
    ("status", "category", "text"),
    [(401, "INVALID_AUTHENTICATION", "access token"), (403, "MISSING_SCOPES", "not permit")],
)
def test_a_key_that_is_refused_in_the_middle_stops_the_push(
    desk: Desk, calls: list[str], status: int, category: str, text: str
) -> None:
    answer = {"status": "error", "message": "no", "category": category}
    done = desk.work(on([CREATE], lambda _exchange: httpx.Response(status, json=answer)))
    assert (done.writes.update, done.writes.left, done.writes.unknown) == (4, 4, 0)
    assert text in done.writes.problems[0]
    assert not desk.tasks()
    assert desk.work().whole
    everything_is_there_once(desk, calls)

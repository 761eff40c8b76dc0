"""Windows, keys and pages of the aggregates; groups; refusals; settings."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import ValidationError

from cs_sync import (
    CredentialRefused,
    Page,
    PermissionMissing,
    RequestRefused,
    Unreachable,
    VendorError,
    Window,
    WorkspaceInfo,
)
from cs_sync.http import ManualClock
from cs_sync_posthog import cs_sync_sources
from cs_sync_posthog.config import PostHogConfig
from cs_sync_posthog.source import PostHogSource
from cs_sync_schemas import FeatureDay, SourceAccount, SourceContact, UsageDay

Read = Callable[..., list[Page]]

UNTIL = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
WEEK = Window(datetime(2026, 11, 13, 14, 30, tzinfo=UTC), UNTIL, backfill=False)
ROW = ["2026-11-20", "acct_42", "u-17", 310, 19, 5400]


def test_the_plugin_offers_the_source() -> None:
    assert cs_sync_sources() == [PostHogSource]


def test_usage_is_one_row_per_day_account_and_person(project: Any, read: Read) -> None:
    project.answers([ROW, ["2026-11-20", "acct_42", "u-18", 3, 0, 0]])
    (page,) = read("usage", WEEK)
    first, other = page.records[UsageDay]
    assert first == {
        "source_id": "2026-11-20|acct_42|u-17",
        "day": "2026-11-20",
        "account_source_id": "acct_42",
        "contact_source_id": "u-17",
        "events": 310,
        "sessions": 19,
        "seconds": 5400,
    }
    assert (other["sessions"], other["seconds"]) == (None, None)  # sent without session ids
    assert page.resume is None


def test_windows_are_read_as_whole_days_of_the_reporting_zone(project: Any, read: Read) -> None:
    project.answers([])
    read("usage", WEEK)
    values = project.values()
    assert values["zone"] == "Europe/Warsaw"
    assert (values["from"], values["to"]) == ("2026-11-12T23:00:00Z", "2026-11-20T23:00:00Z")


def test_a_day_of_23_hours_is_whole_too(project: Any, read: Read) -> None:
    project.answers([])
    spring = datetime(2026, 3, 29, 10, tzinfo=UTC)  # clocks go forward in Warsaw
    read("usage", Window(spring, spring + timedelta(hours=1), backfill=False))
    values = project.values()
    assert (values["from"], values["to"]) == ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")


def test_the_window_ends_before_a_midnight_that_it_does_not_contain(
    project: Any, read: Read
) -> None:
    project.answers([])
    midnight = datetime(2026, 11, 19, 23, tzinfo=UTC)
    read("usage", Window(midnight - timedelta(hours=1), midnight, backfill=False))
    assert project.values()["to"] == "2026-11-19T23:00:00Z"


def test_queries_are_computed_afresh_and_carry_every_value_apart(project: Any, read: Read) -> None:
    project.answers([])
    read("usage", WEEK, account_group_index=3)
    body = project.body()
    assert body["refresh"] == "force_blocking"
    assert body["query"]["kind"] == "HogQLQuery"
    assert "`$group_3`" in body["query"]["query"]
    assert "Warsaw" not in body["query"]["query"]
    assert "survey sent" in project.values()["ignored"]


def test_backfill_goes_back_as_configured_in_parts_of_thirty_days(project: Any, read: Read) -> None:
    project.answers([], [], [])
    (page,) = read("features", Window(None, UNTIL), backfill_days=70)
    asked = [(project.values(n)["from"][:10], project.values(n)["to"][:10]) for n in range(3)]
    assert asked == [
        ("2026-09-10", "2026-10-10"),
        ("2026-10-10", "2026-11-09"),
        ("2026-11-09", "2026-11-20"),
    ]
    assert page == Page({FeatureDay: []}, rejected=[])


def test_pages_go_on_behind_the_last_key_until_posthog_says_it_is_the_end(
    project: Any, read: Read
) -> None:
    later = ["2026-11-20", "acct_43", "u-1", 1, 1, 0]
    project.answers([ROW], [later], [], limit=None, hasMore=None)
    first, last = read("usage", WEEK)
    keys = [[project.values(n)[f"after_{k}"] for k in range(3)] for n in range(3)]
    assert keys == [
        ["1970-01-01", "", ""],
        ["2026-11-20", "acct_42", "u-17"],
        ["2026-11-20", "acct_43", "u-1"],
    ]
    assert first.resume == {"from": "2026-11-13", "after": ["2026-11-20", "acct_42", "u-17"]}
    assert last.resume is None


def test_a_full_page_is_not_the_end(project: Any, read: Read) -> None:
    project.answers([ROW], [], limit=1)
    assert len(read("usage", WEEK)) == 1
    assert project.query.call_count == 2


def test_reading_resumes_behind_the_stored_key(project: Any, read: Read) -> None:
    project.answers([])
    resume = {"from": "2026-11-15", "after": ["2026-11-16", "acct_42", "u-17"]}
    read("usage", Window(WEEK.since, UNTIL, resume, backfill=False))
    values = project.values()
    assert values["from"] == "2026-11-14T23:00:00Z"
    assert [values[f"after_{k}"] for k in range(3)] == resume["after"]


def test_long_results_are_cut_into_pages(project: Any, read: Read) -> None:
    project.answers([["2026-11-20", "a", f"u-{n:05d}", 1, 1, 0] for n in range(12_000)])
    pages = read("usage", WEEK)
    assert [len(page.records[UsageDay]) for page in pages] == [5000, 5000, 2000]
    assert pages[0].resume["after"] == ["2026-11-20", "a", "u-04999"]


def test_features_are_events_by_name(project: Any, read: Read) -> None:
    project.answers([["2026-11-20", "acct_42", "report exported", "u-17", 9]])
    (page,) = read("features", WEEK)
    (row,) = page.records[FeatureDay]
    assert row["source_id"] == "2026-11-20|acct_42|report exported|u-17"
    assert (row["feature"], row["users"], row["events"]) == ("report exported", 1, 9)
    assert row["contact_source_id"] == "u-17"
    assert page.deleted == {FeatureDay: ["2026-11-20|acct_42|report exported|"]}
    assert [project.values()[f"after_{k}"] for k in range(4)] == ["1970-01-01", "", "", ""]


def test_features_are_read_by_account_unless_they_are_named(project: Any, read: Read) -> None:
    project.answers([["2026-11-20", "acct_42", "report exported", "", 90, 10]])
    (page,) = read("features", WEEK)
    (row,) = page.records[FeatureDay]
    assert row["source_id"] == "2026-11-20|acct_42|report exported|"
    assert (row["contact_source_id"], row["users"], row["events"]) == (None, 10, 90)
    assert page.deleted == {}
    assert "named" not in project.values()


def test_what_people_are_active_by_is_read_by_person(project: Any, read: Read) -> None:
    workspace = WorkspaceInfo(timezone=ZoneInfo("Europe/Warsaw"), active_features=("a", "b"))
    project.answers([])
    read("features", WEEK, workspace=workspace, person_features=["b", "c"])
    assert project.values()["named"] == ["a", "b", "c"]
    assert "if(event IN {named}, distinct_id, '')" in project.body()["query"]["query"]


def test_persons_take_the_account_they_used_last(project: Any, read: Read) -> None:
    mail = "ana@acme.example"
    project.answers([["u-17", "acct_42", mail, "Ana", 1767603600], [mail, "a", None, None, 0]])
    (page,) = read("persons", WEEK)
    ana, other = page.records[SourceContact]
    assert ana == {
        "source_id": "u-17",
        "external_key": "u-17",
        "account_source_id": "acct_42",
        "email": mail,
        "name": "Ana",
        "created_at": datetime(2026, 1, 5, 9, tzinfo=UTC),
    }
    assert (other["email"], other["created_at"]) == (mail, None)


def test_groups_become_accounts_to_the_last_cursor(project: Any, read: Read) -> None:
    group = {
        "group_key": "acct/42",
        "group_properties": {"name": "Acme", "domain": "acme.example", "plan": "pro", "$x": 1},
        "created_at": "2026-01-05T09:00:00Z",
    }
    elsewhere = "https://elsewhere.example/api/projects/7/groups/?cursor=abc&search="
    route = project.gives("groups/", None)
    route.side_effect = [
        httpx.Response(200, json={"results": [group, {}], "next": elsewhere}),
        httpx.Response(200, json={"results": [], "next": None}),
    ]
    first, last = read("groups", Window(None, UNTIL))
    (row,) = first.records[SourceAccount]
    assert row["source_id"] == row["external_key"] == "acct/42"
    assert row["attributes"] == {"plan": "pro"}
    assert (row["name"], row["domain"], row["is_test"]) == ("Acme", "acme.example", False)
    assert row["url"] == "https://us.posthog.com/project/7/groups/0/acct%2F42"
    assert [rejection.code for rejection in first.rejected] == ["no_key"]
    assert (first.resume, last.resume) == ("abc", None)
    params = [dict(call.request.url.params) for call in route.calls]
    assert params[0] == {"group_type_index": "0", "search": ""}
    assert params[1] == {"group_type_index": "0", "search": "", "cursor": "abc"}
    assert route.calls[1].request.url.host == "us.posthog.com"


@pytest.mark.parametrize(
    ("status", "body", "error", "remedy"),
    [
        (401, {"detail": "Invalid personal API key."}, CredentialRefused, "phx_"),
        (403, {"detail": "missing required scope 'query:read'"}, PermissionMissing, "scope"),
        (404, {"detail": "Project not found."}, RequestRefused, "project_id"),
        (200, {"results": None, "error": "Timeout exceeded"}, RequestRefused, "cs-sync check"),
        (200, {"query_status": {"complete": False}}, Unreachable, "base_url"),
        (400, {"detail": "Unable to resolve field: x"}, RequestRefused, ""),
    ],
)
def test_refusals_say_what_to_do(
    project: Any, read: Read, status: int, body: Any, error: type[VendorError], remedy: str
) -> None:
    project.query.respond(status, json=body)
    with pytest.raises(error) as refused:
        read("usage", WEEK)
    assert remedy in refused.value.remedy
    assert "notARealKey" not in str(refused.value)
    detail = body.get("detail") or body.get("error") or "has no 'results'"
    assert detail in refused.value.message


def test_a_throttled_query_waits_as_long_as_it_is_told(
    project: Any, read: Read, clock: ManualClock
) -> None:
    calm = httpx.Response(200, json={"results": [ROW], "hasMore": False, "limit": 50000})
    busy = httpx.Response(429, json={"code": "throttled"}, headers={"Retry-After": "17"})
    project.query.side_effect = [busy, calm]
    (page,) = read("usage", WEEK)
    assert len(page.records[UsageDay]) == 1
    assert sum(clock.slept) >= 17


def test_past_days_are_computed_again_in_every_run(
    make_source: Callable[..., PostHogSource],
) -> None:
    streams = {stream.name: stream for stream in make_source(trailing_days=3).streams()}
    assert list(streams) == ["groups", "persons", "usage", "features", "surveys"]
    assert streams["usage"].lookback == timedelta(days=3)
    assert streams["usage"].late == timedelta(days=90)
    assert streams["usage"].cursor == "time"
    assert streams["groups"].deletes == "sweep"
    assert streams["usage"].scope == "query:read"


def test_check_looks_at_every_scope(
    project: Any, make_source: Callable[..., PostHogSource]
) -> None:
    kinds = [{"group_type": "company", "group_type_index": 0}]
    project.gives("groups_types/", kinds)
    project.query.respond(403, json={"detail": "missing scope 'query:read'"})
    project.gives("surveys/", {"results": [], "next": None})
    groups, query, surveys = make_source(account_group_index=2).check()
    assert not groups.ok
    assert "no group type 2; it has 0 = company" in groups.message
    assert not query.ok
    assert "scope" in query.remedy
    assert surveys.ok


def test_the_capture_key_is_refused_without_being_shown() -> None:
    key = "_".join(("phc", "captureOnly"))
    with pytest.raises(ValidationError, match="personal API key") as refused:
        PostHogConfig.model_validate({"api_key": key, "project_id": 1})
    assert key not in str(refused.value)

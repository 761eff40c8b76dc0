"""What Mixpanel exports, in its own shapes, is counted; its parameters are the documented."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest

from cs_sync import CredentialRefused, Page, PermissionMissing, Unreachable, Window, WorkspaceInfo
from cs_sync.http import ManualClock, VendorHttp
from cs_sync_mixpanel import cs_sync_sources
from cs_sync_mixpanel.config import MixpanelConfig
from cs_sync_mixpanel.source import MixpanelSource
from cs_sync_schemas import FeatureDay, SourceAccount, SourceContact, UsageDay

UNTIL = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
DAY = Window(datetime(2026, 11, 20, 0, 30, tzinfo=UTC), UNTIL, backfill=False)
SECRET = "-".join(("not", "a", "secret"))

Read = Callable[..., list[Page]]


def at(text: str) -> int:
    return int(datetime.fromisoformat(f"2026-11-{text}Z").timestamp())


def event(name: str, time: Any, person: Any = "u-1", **properties: Any) -> dict[str, Any]:
    """One line of the export, as the API's reference shows it."""
    usual = {"time": time, "distinct_id": person, "mp_processing_time_ms": 1602625711874}
    insert = {"$insert_id": "hpuDqcvpltpCjBsebtxwadtEBDnFAdycabFb", "company_id": "42"}
    return {"event": name, "properties": {**usual, **insert, **properties}}


PERSON = {
    "$distinct_id": "u-1",
    "$properties": {
        "$created": "2008-12-12T11:20:47", "$email": "ana@acme.example", "$first_name": "Ana",
        "$last_name": "Lopez", "$last_seen": "2026-06-09T23:08:40", "company_id": ["42", "43"],
    },
}  # fmt: skip
ACCOUNT = {
    "$distinct_id": 42,
    "$properties": {"$name": "Acme", "domain": "acme.example", "plan": "Pro", "$city": "Berlin"},
}


def list_profiles(*results: Any, **changes: Any) -> dict[str, Any]:
    """A page of profiles, as the API's reference shows it."""
    page = {"page": 0, "page_size": 1000, "session_id": "1234567890-EXAMPL", "status": "ok"}
    return {**page, "total": len(results), "results": list(results), **changes}


@pytest.fixture
def requests() -> list[httpx.Request]:
    return []


@pytest.fixture
def read(requests: list[httpx.Request]) -> Read:
    """Read a stream of a Mixpanel that gives these answers: lists are exports, objects JSON."""

    def read_stream(
        name: str, *answers: Any, window: Window = DAY, zone: str = "UTC", **settings: Any
    ) -> list[Page]:
        given = iter([*answers, *[[]] * 60])

        def answer(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            following = next(given)
            if isinstance(following, httpx.Response):
                return following
            if isinstance(following, list):
                lines = b"".join(orjson.dumps(line) + b"\n" for line in following)
                headers = {"content-type": "text/plain"}
                return httpx.Response(200, content=lines, headers=headers)
            return httpx.Response(200, json=following)

        clock, client = ManualClock(UNTIL), httpx.Client(transport=httpx.MockTransport(answer))
        workspace = WorkspaceInfo(timezone=ZoneInfo(zone), section="mixpanel")
        given_settings = {"username": "cs", "secret": SECRET, "project_id": 7, **settings}
        config = MixpanelConfig.model_validate({"workspace": workspace, **given_settings})
        http = VendorHttp("mixpanel", now=clock.now, sleep=clock.sleep, client=client)
        streams = {stream.name: stream for stream in MixpanelSource(config, http).streams()}
        return list(streams[name].read(window))

    return read_stream


def test_the_plugin_offers_the_source() -> None:
    assert cs_sync_sources() == [MixpanelSource]


def test_events_become_days_of_accounts_and_persons(read: Read) -> None:
    """Hand-worked: u-1 twice in one account, u-2 once in two accounts, and what is not a usage."""
    [page] = read(
        "usage",
        [
            event("Report exported", at("20T09:00:00")),
            event("$mp_web_page_view", at("20T09:01:00")),
            event("Report exported", at("20T10:00:00"), "u-2", company_id=["42", "43"]),
            event("$identify", at("20T10:00:00")),
            event("Report exported", at("20T10:00:00"), "u-3", company_id=None),
        ],
    )
    usage = [
        (row["account_source_id"], row["contact_source_id"], row["events"], row["sessions"])
        for row in page.records[UsageDay]
    ]
    assert usage == [("42", "u-1", 2, None), ("42", "u-2", 1, None), ("43", "u-2", 1, None)]
    assert next(row["source_id"] for row in page.records[UsageDay]) == "2026-11-20|42|u-1"
    features = [
        (row["account_source_id"], row["feature"], row["users"], row["events"])
        for row in page.records[FeatureDay]
    ]
    assert features == [("42", "Report exported", 2, 2), ("43", "Report exported", 1, 1)]
    assert [row["source_id"] for row in page.records[SourceAccount]] == ["42", "43"]
    assert page.resume is None


def test_an_event_that_is_exported_twice_counts_once(read: Read) -> None:
    """Without an insert id, name, person and time tell."""
    twice = event("Report exported", at("20T09:00:00"))
    bare = event("Report exported", at("20T09:00:01"), **{"$insert_id": None})
    other = event("Report exported", at("20T09:00:00"), **{"$insert_id": "other"})
    [page] = read("usage", [twice, bare, twice, other, bare])
    assert [row["events"] for row in page.records[UsageDay]] == [3]


def test_the_export_is_asked_for_by_day_and_for_accounts_only(
    read: Read, requests: list[httpx.Request]
) -> None:
    read("usage")
    assert dict(requests[0].url.params) == {
        "project_id": "7", "from_date": "2026-11-20", "to_date": "2026-11-20",
        "where": 'boolean(properties["company_id"])',
    }  # fmt: skip
    assert requests[0].url.host == "data.mixpanel.com"
    assert requests[0].headers["authorization"] == httpx.BasicAuth("cs", SECRET)._auth_header


def test_days_are_those_of_the_reporting_zone(read: Read, requests: list[httpx.Request]) -> None:
    """Warsaw is an hour ahead: its 20th begins on the 19th in UTC, and ends later than now."""
    [page] = read(
        "usage",
        [
            event("A", at("19T22:59:59")),  # the 19th in Warsaw too
            event("A", at("19T23:00:00")),
            event("A", at("20T14:00:00")),
        ],
        zone="Europe/Warsaw",
    )
    assert [(row["day"], row["events"]) for row in page.records[UsageDay]] == [
        (date(2026, 11, 20), 2)
    ]
    params = requests[0].url.params
    assert (params["from_date"], params["to_date"]) == ("2026-11-19", "2026-11-20")


def test_an_old_project_counts_in_its_own_zone(read: Read, requests: list[httpx.Request]) -> None:
    """Its 09:00 in Los Angeles is written as 09:00 UTC; eight hours later it was 17:00 UTC."""
    [page] = read(
        "usage",
        [event("A", at("20T06:00:00")), event("A", at("19T15:59:59"))],
        project_timezone="America/Los_Angeles",
    )
    assert [row["events"] for row in page.records[UsageDay]] == [1]
    params = requests[0].url.params
    assert (params["from_date"], params["to_date"]) == ("2026-11-19", "2026-11-20")


def test_a_backfill_is_read_in_parts_and_goes_on_behind_the_last(
    read: Read, requests: list[httpx.Request]
) -> None:
    backfill = Window(None, UNTIL)
    pages = read("usage", window=backfill, backfill_days=16)
    spans = [(r.url.params["from_date"], r.url.params["to_date"]) for r in requests]
    assert spans == [
        ("2026-11-04", "2026-11-10"), ("2026-11-11", "2026-11-17"), ("2026-11-18", "2026-11-20"),
    ]  # fmt: skip
    assert [page.resume for page in pages] == [
        {"from": "2026-11-11", "stored": 0}, {"from": "2026-11-18", "stored": 0}, None,
    ]  # fmt: skip
    requests.clear()
    assert len(read("usage", window=Window(None, UNTIL, pages[1].resume), backfill_days=16)) == 1
    assert len(requests) == 1


def test_what_people_are_active_by_is_counted_by_person(read: Read) -> None:
    [page] = read("usage", [event("A", at("20T09:00:00"))], person_features=["A"])
    [row] = page.records[FeatureDay]
    assert (row["contact_source_id"], row["source_id"]) == ("u-1", "2026-11-20|42|A|u-1")
    assert page.deleted == {FeatureDay: ["2026-11-20|42|A|"]}


def test_broken_events_are_rejected_by_reason_and_the_others_count(read: Read) -> None:
    good = event("A", at("20T09:00:00"))
    strange = [event("A", "yesterday"), event("A", -5), event("A", 10**18), {"event": "A"}, None]
    [page] = read("usage", [good, event("A", at("01T09:00:00")), *strange])
    assert [row["events"] for row in page.records[UsageDay]] == [1]
    reasons = [(rejection.code, rejection.reason) for rejection in page.rejected]
    assert reasons == [
        ("other_day", "an event: of a day that was not asked for"),
        ("bad_time", "3 events: time is not a number of seconds since 1970"),
        ("malformed", "an event: not shaped as documented: KeyError"),
        ("malformed", "an event: not shaped as documented: TypeError"),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        [{"error": "We will be back soon"}],
        [event("A", at("01T09:00:00"))],
        httpx.Response(200, text="export terminated early\n"),
        httpx.Response(200, content=orjson.dumps(event("A", at("20T09:00:00")))[:-9]),
    ],
)
def test_what_is_no_whole_export_is_asked_for_again(read: Read, answer: Any) -> None:
    [page] = read("usage", answer, [event("A", at("20T09:00:00"))])
    assert [row["events"] for row in page.records[UsageDay]] == [1]
    assert page.rejected == []
    with pytest.raises(Unreachable):
        read("usage", *[answer] * 9)


def test_a_person_and_an_account(read: Read, requests: list[httpx.Request]) -> None:
    [page] = read("persons", list_profiles(PERSON))
    [row] = page.records[SourceContact]
    assert {name: value for name, value in row.items() if name != "raw"} == {
        "source_id": "u-1", "external_key": "u-1", "account_source_id": "42",
        "email": "ana@acme.example", "name": "Ana Lopez",
        "created_at": datetime(2008, 12, 12, 11, 20, 47, tzinfo=UTC),
    }  # fmt: skip
    assert str(requests[0].url) == "https://mixpanel.com/api/query/engage?project_id=7"
    assert orjson.loads(dict(parse_qsl(requests[0].content.decode()))["output_properties"]) == [
        "$email", "$name", "$first_name", "$last_name", "$created", "company_id",
    ]  # fmt: skip
    requests.clear()
    eu = {"base_url": "https://data-eu.mixpanel.com", "account_group_id": "86"}
    [page] = read("accounts", list_profiles(ACCOUNT), **eu)
    [row] = page.records[SourceAccount]
    assert (row["source_id"], row["name"], row["domain"]) == ("42", "Acme", "acme.example")
    assert row["attributes"] == {"plan": "Pro"}
    assert requests[0].url.host == "eu.mixpanel.com"
    assert requests[0].content == b"data_group_id=86"


def test_profiles_go_on_by_session_and_page(read: Read, requests: list[httpx.Request]) -> None:
    second = list_profiles({"$distinct_id": "u-2", "$properties": {}}, page=1, page_size=2, total=3)
    first = list_profiles(PERSON, ACCOUNT, page_size=2, total=3)
    pages = read("persons", first, second)
    place = {"session": "1234567890-EXAMPL", "page": 1, "seen": 2}
    assert [page.resume for page in pages] == [place, None]
    asked = dict(parse_qsl(requests[1].content.decode()))
    assert (asked["session_id"], asked["page"]) == ("1234567890-EXAMPL", "1")


def test_a_session_that_is_over_begins_anew(read: Read) -> None:
    window = Window(None, UNTIL, {"session": "old", "page": 1, "seen": 2})
    over = httpx.Response(400, json={"error": "request for page in uncached query for params"})
    [page] = read("persons", over, list_profiles(PERSON), window=window)
    assert len(page.records[SourceContact]) == 1


@pytest.mark.parametrize(
    "answer",
    [list_profiles(PERSON, total=2), list_profiles(PERSON, page=3)],
)
def test_profiles_that_are_missing_are_no_end(read: Read, answer: Any) -> None:
    with pytest.raises(Unreachable):
        read("persons", answer)


@pytest.mark.parametrize(
    ("status", "error", "remedy"),
    [(401, CredentialRefused, "secret"), (402, PermissionMissing, "service account")],
)
def test_refusals_say_what_to_do(read: Read, status: int, error: Any, remedy: str) -> None:
    answer = httpx.Response(status, json={"error": "no", "status": "error"})
    with pytest.raises(error) as refused:
        read("usage", answer)
    assert remedy in refused.value.remedy
    assert SECRET not in str(refused.value)


def test_accounts_are_read_where_their_group_is_known() -> None:
    def list_streams(**settings: Any) -> dict[str, Any]:
        usual = {"username": "cs", "secret": SECRET, "project_id": 7, "late_days": 30}
        source = MixpanelSource(
            MixpanelConfig.model_validate({**usual, **settings}), VendorHttp("mixpanel")
        )
        return {stream.name: stream for stream in source.streams()}

    streams = list_streams(account_group_id="86")
    assert list(streams) == ["accounts", "persons", "usage"]
    assert streams["usage"].extra == (FeatureDay,)
    assert (streams["usage"].lookback, streams["usage"].late) == (
        timedelta(days=7), timedelta(days=30),
    )  # fmt: skip
    assert list(list_streams(persons=False)) == ["usage"]

"""The connectors against the sandbox's HubSpot, which remembers what was written."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from cs_sync import Ack, FieldSpec, Op, PermissionMissing, Reject, Stream, Window
from cs_sync.http import VendorHttp
from cs_sync_hubspot.config import LIMITS, HubSpotConfig
from cs_sync_hubspot.destination import HubSpotDestination
from cs_sync_hubspot.source import HubSpotSource
from cs_sync_sandbox.hubspot import Portal, build_portal, list_routes
from cs_sync_sandbox.keys import HUBSPOT_NARROW_TOKEN, HUBSPOT_TOKEN
from cs_sync_sandbox.site import Site
from cs_sync_sandbox.world import World, build_world
from cs_sync_schemas import Alias, Record, SourceAccount

FIELDS = (
    FieldSpec("cs_score", "Score", "number", "0 to 100."),
    FieldSpec("cs_band", "Band", "choice", "How well.", (("red", "Red"), ("green", "Green"))),
)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Clock:
    """The portal's clock, which tests may turn on."""

    def __init__(self, now: datetime) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(7, date(2026, 11, 20), 20)


@pytest.fixture
def clock(world: World) -> Clock:
    return Clock(world.now + timedelta(days=400))


@pytest.fixture
def portal(world: World, clock: Clock) -> Portal:
    return build_portal(world, clock.now)


def in_process(app: Starlette) -> Callable[[httpx.Request], httpx.Response]:
    """Answers of the application, without a socket."""
    transport = httpx.ASGITransport(app)

    async def answer(request: httpx.Request) -> httpx.Response:
        response = await transport.handle_async_request(request)
        content = await response.aread()
        return httpx.Response(response.status_code, headers=response.headers, content=content)

    return lambda request: asyncio.run(answer(request))


@pytest.fixture
def vendor_http(world: World, clock: Clock, portal: Portal) -> Iterator[VendorHttp]:
    app = Starlette(routes=list(list_routes(Site(world, clock.now, False), portal)))
    client = httpx.Client(transport=httpx.MockTransport(in_process(app)))
    with VendorHttp("hubspot", LIMITS, client=client, sleep=lambda _seconds: None) as http:
        yield http


def settings(token: str = HUBSPOT_TOKEN) -> HubSpotConfig:
    return HubSpotConfig.model_validate(
        {
            "access_token": token,
            "base_url": "http://127.0.0.1/hubspot",
            "survey_scales": {"CSAT": [1, 5]},
        }
    )


@pytest.fixture
def source(vendor_http: VendorHttp) -> HubSpotSource:
    return HubSpotSource(settings(), vendor_http)


@pytest.fixture
def destination(vendor_http: VendorHttp) -> HubSpotDestination:
    made = HubSpotDestination(settings(), vendor_http)
    assert all(finding.ok for finding in made.prepare(FIELDS))
    return made


def rows(stream: Stream, window: Window, record: type[Record] | None = None) -> dict[str, Any]:
    actual: dict[str, Any] = {}
    for page in stream.read(window):
        assert not page.rejected
        for row in page.records.get(record or stream.record, ()):
            actual[str(row["source_id"])] = {k: v for k, v in row.items() if k != "raw"}
    return actual


def streams(source: HubSpotSource) -> dict[str, Stream]:
    return {stream.name: stream for stream in source.streams()}


def test_check_finds_everything_in_order(source: HubSpotSource) -> None:
    assert [finding for finding in source.check() if not finding.ok] == []


def test_listing_and_searching_give_the_same_rows(source: HubSpotSource, clock: Clock) -> None:
    for name in ("companies", "contacts", "feedback_submissions"):
        stream = streams(source)[name]
        listed = rows(stream, Window(None, clock.at))
        searched = rows(stream, Window(LONG_AGO, clock.at, backfill=False))
        assert listed
        assert searched == listed


def test_every_membership_joins_what_was_read(source: HubSpotSource, clock: Clock) -> None:
    window = Window(None, clock.at)
    companies, contacts, members = (
        rows(streams(source)[name], window) for name in ("companies", "contacts", "associations")
    )
    assert members
    assert {m["account_source_id"] for m in members.values()} <= companies.keys()
    assert {m["contact_source_id"] for m in members.values()} <= contacts.keys()


def test_a_change_a_merge_and_a_deletion_arrive(
    source: HubSpotSource, clock: Clock, portal: Portal
) -> None:
    companies = streams(source)["companies"]
    winner, loser, gone, changed = sorted(rows(companies, Window(None, clock.at)))[:4]
    cursor = clock.at
    clock.at += timedelta(minutes=5)
    objects = portal.objects["companies"]
    portal.merge("companies", objects[winner], objects[loser])
    portal.archive(objects[gone])
    portal.update(objects[changed], {"name": "New Name Ltd"})
    clock.at += timedelta(minutes=5)

    window = Window(cursor - companies.lookback, clock.at, backfill=False)
    actual = rows(companies, window)
    assert actual[changed]["name"] == "New Name Ltd"
    assert gone not in actual
    assert loser not in actual
    assert rows(companies, window, Alias)[loser]["survivor_source_id"] == winner
    deleted = {i for page in companies.read(window) for i in page.deleted.get(SourceAccount, ())}
    assert {loser, gone} <= deleted


def test_scores_arrive_and_only_bad_ones_are_refused(
    source: HubSpotSource, destination: HubSpotDestination, clock: Clock, portal: Portal
) -> None:
    ids = sorted(rows(streams(source)["companies"], Window(None, clock.at)))
    ops = [Op("account", f"a{i}", {"cs_score": 50, "cs_band": "red"}, i) for i in ids]
    ops.append(Op("account", "purple", {"cs_band": "purple"}, ids[0]))
    ops.append(Op("account", "nobody", {"cs_score": 1}, "1"))
    answers = {a.key: a for a in destination.write(ops)}
    assert {k for k, a in answers.items() if isinstance(a, Reject)} == {"purple", "nobody"}
    assert answers.keys() == {op.key for op in ops}
    written = portal.objects["companies"][ids[0]].properties
    assert (written["cs_score"], written["cs_band"]) == ("50", "red")


def follow_ups(companies: Sequence[str]) -> list[Op]:
    fields: dict[str, Any] = {"title": "Call", "body": "a\n<b>", "priority": "high"}
    fields["due_at"] = datetime(2026, 12, 1, 9, tzinfo=UTC)
    return [
        Op("follow_up", f"Review:{c}", fields, account_remote_id=c, owner_remote_id=None)
        for c in companies
    ]


def test_follow_ups_are_created_once_and_completed_ones_stay_so(
    source: HubSpotSource, destination: HubSpotDestination, clock: Clock, portal: Portal
) -> None:
    ids = sorted(rows(streams(source)["companies"], Window(None, clock.at)))
    first = list(destination.write(follow_ups(ids)))
    assert all(isinstance(a, Ack) and not a.existed for a in first)
    task = portal.linked("companies", ids[0], "tasks")
    assert len(task) == 1
    portal.update(portal.objects["tasks"][next(iter(task))], {"hs_task_status": "COMPLETED"})

    again = list(destination.write(follow_ups(ids)))
    assert all(isinstance(a, Ack) and a.existed for a in again)
    assert len(portal.objects["tasks"]) == len(ids)
    (actual,) = destination.find([f"Review:{ids[0]}"])
    assert actual.fields["done"]


def closing(follow_up: Op, remote_id: str) -> Op:
    return Op("follow_up", follow_up.key, {"status": "closed"}, remote_id=remote_id)


def test_a_needless_follow_up_is_closed_unless_somebody_has_begun_it(
    source: HubSpotSource, destination: HubSpotDestination, clock: Clock, portal: Portal
) -> None:
    ids = sorted(rows(streams(source)["companies"], Window(None, clock.at)))[:3]
    wanted = follow_ups(ids)
    made = {a.key: a.remote_id for a in destination.write(wanted) if isinstance(a, Ack)}
    begun, gone, untouched = (made[op.key] for op in wanted)
    tasks = portal.objects["tasks"]
    portal.update(tasks[begun], {"hs_task_status": "IN_PROGRESS"})
    portal.archive(tasks[gone])

    answers = list(destination.write([closing(op, made[op.key]) for op in wanted]))
    assert {a.key: a.existed for a in answers if isinstance(a, Ack)} == {
        wanted[0].key: True, wanted[1].key: True, wanted[2].key: False,
    }  # fmt: skip
    assert tasks[begun].properties["hs_task_status"] == "IN_PROGRESS"
    assert tasks[untouched].properties["hs_task_status"] == "COMPLETED"
    assert tasks[gone].archived_at is not None


def test_news_is_a_note_on_the_company_and_exists_once(
    source: HubSpotSource, destination: HubSpotDestination, clock: Clock, portal: Portal
) -> None:
    list(destination.prepare(FIELDS))
    company = min(rows(streams(source)["companies"], Window(None, clock.at)))
    news = Op(
        "note",
        "n1",
        {"title": "Call <Acme>", "body": "#518: “<b>again</b>”", "at": "2026-11-21T09:00:00+00:00"},
        account_remote_id=company,
    )
    assert [a.existed for a in destination.write([news]) if isinstance(a, Ack)] == [False]
    assert [a.existed for a in destination.write([news]) if isinstance(a, Ack)] == [True]
    (note,) = portal.linked("companies", company, "notes")
    shown = portal.objects["notes"][note].properties
    assert shown["hs_note_body"] == ("Call &lt;Acme&gt;<br><br>#518: “&lt;b&gt;again&lt;/b&gt;”")
    assert shown["hs_timestamp"] == "2026-11-21T09:00:00.000Z"
    assert [actual.remote_id for actual in destination.find(["n1", "n2"])] == [note]


def test_a_deleted_company_refuses_its_own_follow_up_only(
    source: HubSpotSource, destination: HubSpotDestination, clock: Clock
) -> None:
    ids = sorted(rows(streams(source)["companies"], Window(None, clock.at)))
    answers = {a.key: a for a in destination.write(follow_ups([*ids[:3], "1"]))}
    refused = answers["Review:1"]
    assert isinstance(refused, Reject)
    assert refused.code == "OBJECT_NOT_FOUND"
    assert sum(isinstance(a, Ack) for a in answers.values()) == 3


def test_a_portal_without_unique_task_keys_still_has_no_twins(
    source: HubSpotSource, vendor_http: VendorHttp, clock: Clock, portal: Portal
) -> None:
    portal.unique_task_properties = False
    plain = HubSpotDestination(settings(), vendor_http)
    *_, finding, _ = plain.prepare(FIELDS)
    assert "looked up by search" in finding.message
    ids = sorted(rows(streams(source)["companies"], Window(None, clock.at)))
    assert len(list(plain.write(follow_ups(ids)))) == len(ids)
    clock.at += timedelta(minutes=1)
    again = list(HubSpotDestination(settings(), vendor_http).write(follow_ups(ids)))
    assert all(isinstance(a, Ack) and a.existed for a in again)


def test_a_narrow_key_reads_what_it_may(vendor_http: VendorHttp, clock: Clock) -> None:
    narrow = HubSpotSource(settings(HUBSPOT_NARROW_TOKEN), vendor_http)
    assert [f.subject for f in narrow.check() if not f.ok] == ["feedback_submissions"]
    window = Window(None, clock.at)
    with pytest.raises(PermissionMissing):
        list(streams(narrow)["feedback_submissions"].read(window))
    assert rows(streams(narrow)["companies"], window)
    findings = list(HubSpotDestination(settings(HUBSPOT_NARROW_TOKEN), vendor_http).prepare(FIELDS))
    assert findings
    assert all(not f.ok and "crm.schemas." in f.remedy for f in findings)

"""P24–P37: how other tools lose tickets, use and answers to surveys."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest

from cs_sync import WorkspaceInfo
from cs_sync.store.records.stream_state import delete_stream_state
from cs_sync.sync.windows import BACKFILL_EDGES
from cs_sync.testing import SourceConformance, SyncHarness
from cs_sync_pebble.in_memory import PebbleVendor
from cs_sync_posthog.source import PostHogSource
from cs_sync_schemas import Product, SourceAccount, SurveyResponse, Ticket, UsageDay
from tests.known_failures.benches import Json, ago, bench_of, living, stored, unix
from tests.known_failures.books import product, stripe
from tests.known_failures.desk import Desk, zendesk
from tests.known_failures.portal import reading

TICKETS, ORGANIZATIONS = ["tickets"], ["organizations"]

Reads = tuple[SyncHarness, Desk]


@pytest.fixture
def reads(tmp_path: Path) -> Iterator[Reads]:
    with zendesk(tmp_path) as actual:
        yield actual


# ------------------------------------------------------------------ Zendesk


def test_p09_a_token_that_ends_in_mid_run_is_renewed(reads: Reads) -> None:
    bench, desk = reads
    desk.tokens_for = 2
    for number in range(1, 12):
        desk.ticket(number, ago(bench, days=number))
    assert bench.sync(only=TICKETS).status == "ok"
    assert len(living(bench, Ticket)) == 11
    assert desk.token == 3, "six pages, two a token: renewed where it ended and nowhere else"


def test_p24_rows_that_a_time_based_export_repeats_are_stored_once(reads: Reads) -> None:
    bench, desk = reads
    second = ago(bench, days=3)
    for number in range(1, 10):
        at = second + timedelta(seconds=number // 3)  # pages begin again within a second
        desk.put("organizations", number, at)
    run = bench.sync(only=ORGANIZATIONS)
    assert run.outcomes["organizations"].stored.records > 9, "the export did repeat rows"
    assert len(living(bench, SourceAccount)) == 9
    bench.advance_clock(minutes=10)
    assert bench.sync(only=ORGANIZATIONS).changed == 0


def test_p25_an_update_by_the_system_is_seen_although_updated_at_stands(reads: Reads) -> None:
    bench, desk = reads
    desk.ticket(1, ago(bench, days=3))
    desk.ticket(2, ago(bench, days=2))
    bench.sync(only=TICKETS)
    bench.advance_clock(minutes=600)
    updated_at = desk.rows["tickets"][1]["updated_at"]
    desk.ticket(1, ago(bench, minutes=5), status="closed")
    assert desk.rows["tickets"][1]["updated_at"] == updated_at
    bench.sync(only=TICKETS)
    assert stored(bench, Ticket)["1"]["status"] == "closed"


def test_p26_an_export_that_never_ends_is_ended(reads: Reads) -> None:
    bench, desk = reads
    for number in range(1, 4):
        desk.ticket(number, ago(bench, days=1))
    desk.repeats_cursor = True
    run = bench.sync(only=TICKETS)
    assert run.outcomes["tickets"].status == "failed"
    assert "the same cursor twice" in run.problems()
    assert len(desk.asked) <= 3
    assert living(bench, Ticket) == ["1", "2"], "what came is kept"


def test_p27_waiting_for_a_limit_is_shown_and_is_no_failure(reads: Reads) -> None:
    bench, desk = reads
    desk.page, desk.a_minute = 1, 10
    for number in range(1, 36):
        desk.ticket(number, ago(bench, days=1))
    run = bench.sync(only=TICKETS)
    outcome = run.outcomes["tickets"]
    assert (outcome.status, outcome.stored.records) == ("ok", 35)
    assert 180 <= outcome.waited_seconds < 220, "35 exports, ten a minute: three minutes"
    assert desk.throttled == 0, "the limit was kept, not run into"
    waits = [event for event in run.events if event.name == "waiting"]
    assert waits
    assert {event.source for event in waits} == {"zendesk"}


def test_p28_metrics_come_with_the_tickets_and_not_one_by_one(reads: Reads) -> None:
    bench, desk = reads
    desk.page = 10
    for number in range(1, 31):
        desk.ticket(number, ago(bench, days=1))
    bench.sync(only=TICKETS)
    assert desk.asked == ["/api/v2/incremental/tickets/cursor"] * 3
    assert {row["agent_replies"] for row in stored(bench, Ticket).values()} == {2}


def test_p29_a_reset_buries_nothing_that_the_api_no_longer_shows(reads: Reads) -> None:
    bench, desk = reads
    for number in range(1, 5):
        desk.ticket(number, ago(bench, days=number))
    bench.sync(only=TICKETS)
    with bench.store.write() as connection:
        assert delete_stream_state(connection, bench.name) > 0
    for number in (3, 4):
        del desk.rows["tickets"][number]  # archived at Zendesk
    bench.advance_clock(minutes=10)
    for full in (False, True):
        assert bench.sync(only=TICKETS, full=full).status == "ok"
        assert living(bench, Ticket) == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("rating", "comment"),
    [
        ({"id": 9, "score": "good", "comment": "Thanks", "created_at": "2026-11-19T09:00:00Z"}, 1),
        ({"score": "good"}, 0),  # what the newer surveys leave on the ticket
    ],
)
def test_p30_answers_of_both_survey_systems_are_one_kind_of_row(
    reads: Reads, rating: Json, comment: int
) -> None:
    bench, desk = reads
    at = ago(bench, days=1)
    desk.ticket(1, at, status="solved", satisfaction_rating=rating)
    desk.ticket(2, at, satisfaction_rating={"score": "offered"})
    bench.sync(only=TICKETS)
    (row,) = stored(bench, SurveyResponse).values()
    assert (row["kind"], row["score"], row["scale_min"], row["scale_max"]) == ("csat", 1, 0, 1)
    assert row["comment"] == ("Thanks" if comment else None)


def test_p32_what_was_read_is_kept_page_by_page_and_closing_is_a_change(reads: Reads) -> None:
    bench, desk = reads
    for number in range(1, 8):
        desk.ticket(number, ago(bench, days=10 - number))
    assert bench.sync(only=TICKETS, pages=2).killed
    assert len(living(bench, Ticket)) == 4
    rest = bench.sync(only=TICKETS)
    assert rest.outcomes["tickets"].stored.records == 3, "it went on behind the second page"
    assert len(living(bench, Ticket)) == 7
    bench.advance_clock(minutes=60)
    desk.ticket(1, ago(bench, minutes=5), status="closed")
    bench.sync(only=TICKETS)
    assert stored(bench, Ticket)["1"]["status"] == "closed"


# ------------------------------------------------------------------ windows and sweeps


def test_p33_no_second_is_lost_where_two_windows_meet(tmp_path: Path) -> None:
    """Stripe counts whole seconds; a first read is cut into many parts, each `[since, until)`."""
    with stripe(tmp_path) as (bench, books):
        bench.clock.sleep(0.7)  # an edge within a second
        edges = [bench.clock.now() - back for back in BACKFILL_EDGES]
        seconds = {unix(edge) + step for edge in edges for step in range(-4, 4)}
        for second in seconds:
            books.put("products", **product(f"prod_{second}", bench.clock.now()))
            books.put("products", id=f"prod_{second}", created=second)
        run = bench.sync(only=["products"], side_by_side=True)
        assert len(living(bench, Product)) == len(seconds)
        read = run.outcomes["products"].stored
        assert read.records == read.changed == len(seconds), "each was read once"
        bench.clock.sleep(0.1)
        books.put("products", **product("prod_now", bench.clock.now()))
        books.tell("product.created", "prod_now", bench.clock.now())
        bench.sync(only=["products"])
        bench.advance_clock(minutes=1)
        bench.sync(only=["products"])
        assert "prod_now" in living(bench, Product)


@pytest.mark.slow("syncs whole workspaces")
@pytest.mark.parametrize("broken", ["error", "killed"])
def test_p34_nothing_is_swept_before_a_read_that_is_proven_complete(
    tmp_path: Path, broken: str
) -> None:
    with reading(tmp_path) as (bench, portal):
        companies = [portal.create("companies", {"name": str(n)}) for n in range(3)]
        for company in companies:
            contact = portal.create("contacts", {"email": f"{company.id}@acme.example"})
            portal.link("companies", company.id, "contacts", contact.id, {2})
        bench.vendor.page_size = 1
        bench.sync()
        before = bench.present()
        portal.links.popitem()
        bench.advance_clock(minutes=60)

        def fault(exchange: Any) -> httpx.Response:
            if "associations" in exchange.request.url.path:
                if broken == "killed":
                    exchange.die()
                return bench.vendor.refusal(403, "no more")
            response: httpx.Response = exchange.answer()
            return response

        bench.sync(fault)
        assert bench.present() == before
        bench.sync()
        assert len(bench.present()) == len(before) - 1


# ------------------------------------------------------------------ PostHog


class Project:
    """Answers HogQL from rows by their key, `clamp` at a time, without a word that it did."""

    def __init__(self, clamp: int) -> None:
        self.clamp = clamp
        self.usage: list[list[Any]] = []
        self.answers: list[list[Any]] = []
        self.queries: list[Json] = []
        question = {"id": "q1", "type": "rating", "question": "How likely?", "scale": 10}
        created = {"created_at": "2026-01-01T00:00:00Z"}
        self.surveys = [{"id": "s", "name": "NPS", **created, "questions": [question]}]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/query/"):
            hidden = request.url.path.endswith("/archived-response-uuids/")
            return httpx.Response(
                200, json=[] if hidden else {"results": self.surveys, "next": None}
            )
        query = orjson.loads(request.content)["query"]
        self.queries.append(query["values"])
        values = query["values"]
        width = sum(name.startswith("after_") for name in values)
        after = [values[f"after_{place}"] for place in range(width)]
        first, last = values["from"], values["to"]
        if "survey sent" in query["query"]:
            edges = [unix(datetime.fromisoformat(edge)) for edge in (first, last)]
            inside = [row for row in self.answers if edges[0] <= row[-1] < edges[1]]
        else:
            inside = [row for row in self.usage if first[:10] <= row[0] < last[:10]]
        actual = sorted(row for row in inside if row[:width] > after)[: self.clamp]
        return httpx.Response(200, json={"results": actual})


def posthog(folder: Path, project: Project) -> Any:
    zone = WorkspaceInfo.model_validate({"timezone": ZoneInfo("UTC")})
    key = "_".join(("phx", "notARealKey"))
    settings = {"api_key": key, "project_id": 1, "backfill_days": 20, "workspace": zone}
    return bench_of(folder, PostHogSource, settings, project)


def test_p35_a_clamped_or_short_page_is_not_the_end(tmp_path: Path) -> None:
    project = Project(clamp=3)
    project.usage = [["2026-11-18", "acct_1", f"u-{n:02}", 1, 1, 60] for n in range(10)]
    with posthog(tmp_path, project) as bench:
        assert bench.sync(only=["usage"]).status == "ok"
        assert len(living(bench, UsageDay)) == 10


def test_p33_days_are_read_whole_although_windows_end_within_one(tmp_path: Path) -> None:
    project = Project(clamp=100)
    with posthog(tmp_path, project) as bench:
        for hours in (0, 7, 13):
            bench.advance_clock(minutes=60 * hours)
            today = bench.clock.now().date().isoformat()
            project.usage = [[today, "acct_1", "u-1", 10 + hours, 1, 60]]
            bench.sync(only=["usage"])
            row = stored(bench, UsageDay)[f"{today}|acct_1|u-1"]
            assert row["events"] == 10 + hours, "the day as it is now, neither half of it nor twice"
            edges = (project.queries[-1][name] for name in ("from", "to"))
            assert {datetime.fromisoformat(edge).hour for edge in edges} == {0}


def test_p36_a_partial_answer_is_replaced_by_the_whole_one(tmp_path: Path) -> None:
    project = Project(clamp=100)
    with posthog(tmp_path, project) as bench:
        answered = unix(ago(bench, days=1))

        def answer(**given: Any) -> list[Any]:
            packed = orjson.dumps({"$survey_id": "s", **given}).decode()
            return ["submission-1", "acct_1", "u-1", packed, answered]

        project.answers = [answer()]
        bench.sync(only=["surveys"])
        assert stored(bench, SurveyResponse)["submission-1"]["score"] is None
        bench.advance_clock(minutes=60)
        project.answers = [answer(**{"$survey_response_q1": "9"})]
        run = bench.sync(only=["surveys"])
        assert run.changed == 1
        assert stored(bench, SurveyResponse)["submission-1"]["score"] == 9
        bench.advance_clock(minutes=60)
        again = bench.sync(only=["surveys"])
        assert again.outcomes["surveys"].stored.records == 1, "the last row is given again"
        assert again.changed == 0


# ------------------------------------------------------------------ the kit


class OnePage(PebbleVendor):
    """A fake that would never show what its connector does on a second page."""

    page_size = 100


def test_p37_the_kit_refuses_a_fake_whose_lists_are_one_page(tmp_path: Path) -> None:
    bench = SyncHarness(OnePage, tmp_path)
    with pytest.raises(pytest.fail.Exception, match="comes in 1 pages"):
        SourceConformance().test_every_stream_arrives_in_several_pages(bench)
    bench.close()

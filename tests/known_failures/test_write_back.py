"""P38–P46: how other tools lose writes, write twice, or write over what people typed."""

from collections.abc import Iterator, Sequence
from math import log2
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from msgspec.structs import replace
from sqlalchemy import select

from cs_sync.store.write_ledger import LEDGER
from cs_sync.testing import PushHarness, faults
from cs_sync.testing.fault_transport import Exchange, SentRequest
from cs_sync.testing.pushing import FIELDS, PREFIX, build_desired_records
from cs_sync.write_back.plan import DesiredRecord, change_op, make_plan
from cs_sync_hubspot.idempotent_objects import KEY
from cs_sync_sandbox.hubspot import Portal
from cs_sync_schemas import Membership
from tests.jobs.road import CONFIG, small_company
from tests.known_failures.benches import living
from tests.known_failures.portal import COMPANIES, reading, writing

Writes = tuple[PushHarness, Portal]
WEBHOOK = """
    [connectors.webhook]
    url = "http://127.0.0.1:9/health"
    signing_secret = "whsec_bm90IGEgc2VjcmV0LCBub3QgYSBzZWNyZXQsIG5vdA=="
    [write_back]
    destination = "webhook"
"""


@pytest.fixture
def writes(tmp_path: Path) -> Iterator[Writes]:
    with writing(tmp_path) as actual:
        yield actual


def score(bench: PushHarness, value: float) -> list[DesiredRecord]:
    """A score for every account."""
    actual = build_desired_records(bench.crm.accounts(), bench.clock.now())[:COMPANIES]
    return [change_op(wish, fields={**wish.op.fields, "cs_health_score": value}) for wish in actual]


def ledger(bench: PushHarness) -> dict[str, Any]:
    with bench.store.read() as connection:
        rows = connection.execute(select(LEDGER)).mappings()
        return {row["key"]: dict(row) for row in rows}


def posts(sent: Sequence[SentRequest], end: str) -> list[Any]:
    """Decoded bodies of what was sent to paths with this end."""
    requests = (item.request for item in sent)
    return [orjson.loads(r.content) for r in requests if r.url.path.endswith(end)]


def test_p38_what_was_refused_is_told_and_stays_to_be_written(writes: Writes) -> None:
    bench, portal = writes
    del portal.definitions["companies"]["cs_health_score"]
    first = bench.push(desired=score(bench, 40.0))
    assert (first.writes.update, first.writes.rejected) == (0, COMPANIES)
    assert "cs_health_score" in first.problems(), "with HubSpot's reason"
    rows = ledger(bench).values()
    assert all(row["fields"] == {} for row in rows), "nothing counts as written before its receipt"
    assert all(row["code"] and row["reason"] for row in rows)
    with bench.open_connector() as destination:
        list(destination.prepare(FIELDS))
    second = bench.push(desired=score(bench, 60.0))
    assert (second.writes.update, second.problems()) == (COMPANIES, "")


def test_p39_a_change_is_an_update_and_never_a_second_company(writes: Writes) -> None:
    bench, portal = writes
    for value in (40.0, 60.0):
        pushed = bench.push(desired=score(bench, value))
        assert pushed.writes.update == COMPANIES
        paths = {
            item.request.url.path for item in pushed.sent if "companies" in str(item.request.url)
        }
        assert {path.rpartition("/")[2] for path in paths} <= {"update", "read"}
    assert len(list(portal.live("companies"))) == COMPANIES
    stored = {record.properties["cs_health_score"] for record in portal.live("companies")}
    assert stored == {"60"}


def test_p40_one_bad_record_is_found_by_halving(writes: Writes) -> None:
    bench, portal = writes
    task = next(wish for wish in bench.desired if wish.op.object == "follow_up")
    many = [change_op(task, key=f"review:{number}") for number in range(64)]
    bad = change_op(task, key="review:bad", account_remote_id="1")
    pushed = bench.push(desired=[*many[:20], bad, *many[20:]])
    assert (pushed.writes.create, pushed.writes.rejected) == (64, 1)
    assert ledger(bench)["review:bad"]["status"] in ("rejected", "refused")
    calls = posts(pushed.sent, "tasks/batch/create")
    assert len(calls) - 1 <= 2 * log2(65), f"{len(calls)} calls"
    assert len(list(portal.live("tasks"))) == 64


def test_p41_every_operation_has_an_answer_or_is_unknown(writes: Writes) -> None:
    """207 for one record that is gone, and an answer from which another one is missing."""
    bench, _portal = writes
    wanted = score(bench, 40.0)
    gone = replace(change_op(wanted[0], key="a-gone", remote_id="1"), account="gone")

    def missing(exchange: Exchange) -> httpx.Response:
        def without_last(body: Any) -> Any:
            return {**body, "results": body["results"][:-1]}

        whole = not exchange.request.url.path.endswith("companies/batch/update")
        return exchange.answer() if whole else faults.rewrite_response(without_last)(exchange)

    pushed = bench.push(missing, desired=[gone, *wanted])
    counts = pushed.writes
    assert (counts.update, counts.rejected, counts.unknown) == (COMPANIES - 1, 1, 1)
    statuses = sorted(row["status"] for row in ledger(bench).values())
    assert statuses.count("acked") == COMPANIES - 1
    assert statuses.count("unknown") == 1
    again = bench.push(desired=wanted)
    assert (again.writes.update, again.writes.unchanged) == (1, COMPANIES - 1)


def test_p42_a_key_that_comes_twice_is_sent_once_and_ids_are_no_id_property(
    writes: Writes,
) -> None:
    bench, portal = writes
    pushed = bench.push(desired=[*bench.desired, *bench.desired])
    assert pushed.problems() == ""
    (tasks,) = posts(pushed.sent, "tasks/batch/create")
    keys = [item["properties"][KEY] for item in tasks["inputs"]]
    assert len(keys) == len(set(keys)) == COMPANIES // 2
    (updates,) = posts(pushed.sent, "companies/batch/update")
    assert len({item["id"] for item in updates["inputs"]}) == len(updates["inputs"]) == COMPANIES
    assert not [item for item in updates["inputs"] if "idProperty" in item]
    assert len(list(portal.live("tasks"))) == COMPANIES // 2


def test_p43_two_writers_at_once_make_no_twins(writes: Writes) -> None:
    """The key is a unique property of HubSpot's, and no look-up goes through the search index."""
    bench, portal = writes
    assert portal.definitions["tasks"][KEY]["hasUniqueValue"]
    tasks = [wish for wish in bench.desired if wish.op.object == "follow_up"]

    def racing(exchange: Exchange) -> httpx.Response:
        if exchange.request.url.path.endswith("tasks/batch/create") and not portal.objects["tasks"]:
            aside = httpx.Request("POST", exchange.request.url, content=exchange.request.content)
            aside.headers.update(exchange.request.headers)
            bench.crm.answer(aside)  # the other one was a moment quicker
        return exchange.answer()

    pushed = bench.push(racing, desired=tasks)
    assert pushed.writes.unchanged == len(tasks), "they exist, whoever made them"
    assert sorted(bench.crm.follow_ups()) == sorted(wish.op.key for wish in tasks)
    assert not [item for item in pushed.sent if item.request.url.path.endswith("/search")]


@pytest.mark.parametrize("error", [httpx.ReadTimeout, httpx.ReadError])
def test_p44_a_create_whose_answer_is_lost_is_not_repeated(
    writes: Writes, error: type[httpx.RequestError]
) -> None:
    bench, _portal = writes
    intents: list[str] = []

    def lost(exchange: Exchange) -> httpx.Response:
        if exchange.request.url.path.endswith("tasks/batch/create"):
            intents.extend(row["status"] for row in ledger(bench).values() if row["intent"])
            return faults.lose_response(error, done=True)(exchange)
        return exchange.answer()

    tasks = [wish for wish in bench.desired if wish.op.object == "follow_up"]
    pushed = bench.push(lost, desired=tasks)
    assert intents == ["pending"] * len(tasks), "what was meant was on record before the call"
    assert pushed.writes.unknown == len(tasks)
    again = bench.push(desired=tasks)
    assert not posts(again.sent, "tasks/batch/create"), "looked up, not repeated"
    assert sorted(bench.crm.follow_ups()) == sorted(wish.op.key for wish in tasks)
    assert {row["status"] for row in ledger(bench).values()} == {"acked"}


def test_p45_nothing_unknown_empties_a_field_and_only_ours_are_written(writes: Writes) -> None:
    bench, portal = writes
    wanted = score(bench, 40.0)
    bench.push(desired=wanted)
    unknown = [change_op(wish, fields=dict.fromkeys(wish.op.fields)) for wish in wanted]
    assert not bench.push(desired=unknown).sent
    cleared = [change_op(w, fields={**w.op.fields, "cs_health_reasons": ""}) for w in wanted]
    pushed = bench.push(desired=cleared)
    (body,) = posts(pushed.sent, "companies/batch/update")
    assert all(entry["properties"] == {"cs_health_reasons": ""} for entry in body["inputs"])
    for record in portal.live("companies"):
        assert record.properties["cs_health_score"] == "40", "what was known stays"
        assert record.properties["name"], "what people typed stays"
    with bench.store.read():
        plan = make_plan(cleared, {}, PREFIX)
    assert {name for item in plan for name in item.changes} <= {spec.name for spec in FIELDS}


@pytest.mark.slow("syncs whole workspaces")
def test_p46_a_plan_that_touches_most_accounts_waits_for_yes(tmp_path: Path) -> None:
    place = small_company(tmp_path)
    place.configure(CONFIG + WEBHOOK)
    assert place.run("sync").code == 0
    ran = place.run("push")
    assert ran.code == 3
    assert "nothing was written" in ran.messages
    assert "--yes" in ran.messages
    assert place.select("SELECT * FROM write_ledger") == []


def test_p46_a_source_that_shows_almost_nothing_buries_nothing(tmp_path: Path) -> None:
    with reading(tmp_path) as (bench, portal):
        company = portal.create("companies", {"name": "Acme"})
        for number in range(80):
            contact = portal.create("contacts", {"email": f"{number}@acme.example"})
            portal.link("companies", company.id, "contacts", contact.id, {2})
        bench.sync()
        bench.advance_clock(minutes=60)
        portal.links.clear()
        run = bench.sync()
        assert run.outcomes["associations"].status == "partial"
        assert "80 of 80 records are no longer there" in run.problems()
        assert len(living(bench, Membership)) == 80
        bench.sync(full=True)
        assert living(bench, Membership) == []

"""P1–P9: how other tools lose what HubSpot holds."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import select

from cs_sync.testing import SyncHarness
from cs_sync_hubspot.source import HubSpotSource
from cs_sync_sandbox.hubspot import Portal
from cs_sync_schemas import Alias, Membership, SourceAccount, SourceContact, get_table
from tests.jobs.road import Place, small_company
from tests.known_failures.benches import bench_of, living, stored
from tests.known_failures.portal import SETTINGS, reading

COMPANIES = ["companies"]
MANY = 10_050

Reads = tuple[SyncHarness, Portal]


@pytest.fixture
def reads(tmp_path: Path) -> Iterator[Reads]:
    with reading(tmp_path) as actual:
        yield actual


class Index:
    """A search over companies that all changed within a day, a second apart."""

    def __init__(self, began: datetime, *, hides: int = 0) -> None:
        self.began = int(began.timestamp()) * 1000
        self.hides = hides
        self.count = 0
        self.largest_page = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/search"):
            return httpx.Response(200, json={"results": []})
        query = orjson.loads(request.content)
        bounds = {f["operator"]: int(f["value"]) for f in query["filterGroups"][0]["filters"]}
        first = max(0, -(-(bounds["GTE"] - self.began) // 1000))
        last = min(self.count, -(-(bounds["LT"] - self.began) // 1000))
        after, limit = int(query.get("after") or 0), query["limit"]
        if after + limit > 10_000:
            return httpx.Response(400, json={"message": "The search is limited to 10000 results"})
        shown = range(first + after, min(last - self.hides, first + after + limit))
        body: dict[str, Any] = {
            "total": last - first,
            "results": [self._company(number) for number in shown],
        }
        if shown.stop < last - self.hides:
            body["paging"] = {"next": {"after": str(after + len(shown))}}
        return httpx.Response(200, json=body)

    def _company(self, number: int) -> dict[str, Any]:
        at = datetime.fromtimestamp(self.began / 1000 + number, UTC).isoformat()
        return {"id": str(1000 + number), "properties": {"hs_lastmodifieddate": at}}


@pytest.mark.slow("syncs whole workspaces")
@pytest.mark.parametrize("hidden", [0, 3])
def test_p01_search_walks_past_ten_thousand_results(tmp_path: Path, hidden: int) -> None:
    """All are read although a search ends at 10,000; fewer than it counts is not a success."""
    index = Index(datetime(2026, 11, 20, 9, tzinfo=UTC), hides=hidden)
    with bench_of(tmp_path, HubSpotSource, SETTINGS, index) as bench:
        bench.sync(only=COMPANIES)
        index.count = MANY
        bench.advance_clock(minutes=600)
        run = bench.sync(only=COMPANIES)
        assert len(living(bench, SourceAccount)) == MANY - hidden
        assert run.status == ("partial" if hidden else "ok")
        if hidden:
            assert f"counts {MANY} records but gave {MANY - hidden}" in run.problems()
            index.hides = 0
            assert bench.sync(only=COMPANIES).status == "ok"
            assert len(living(bench, SourceAccount)) == MANY


def test_p02_what_the_search_index_shows_late_is_seen_by_the_next_run(reads: Reads) -> None:
    bench, portal = reads
    bench.sync(only=COMPANIES)
    portal.search_lag = timedelta(minutes=40)
    bench.advance_clock(minutes=30)
    late = portal.create("companies", {"name": "Late"})
    bench.advance_clock(minutes=10)
    bench.sync(only=COMPANIES)
    assert late.id not in living(bench, SourceAccount), "the index does not know it yet"
    bench.advance_clock(minutes=35)
    bench.sync(only=COMPANIES)
    assert late.id in living(bench, SourceAccount)


def test_p03_an_association_that_touches_no_company_is_read(reads: Reads) -> None:
    bench, portal = reads
    company = portal.create("companies", {"name": "Acme"})
    contact = portal.create("contacts", {"email": "ann@acme.example"})
    bench.sync()
    bench.advance_clock(minutes=600)
    touched = company.updated_at
    portal.link("companies", company.id, "contacts", contact.id, {2, 280})
    assert company.updated_at == touched
    bench.sync()
    assert living(bench, Membership) == [f"{company.id}:{contact.id}"]
    portal.links.clear()
    bench.advance_clock(minutes=10)
    bench.sync()
    assert living(bench, Membership) == []


@pytest.mark.slow("syncs whole workspaces")
def test_p04_a_column_that_goes_empty_makes_the_run_partial(tmp_path: Path) -> None:
    place: Place = small_company(tmp_path)
    for name in ("tickets.csv", "survey_responses.csv", "usage_days.csv"):
        (tmp_path / "data" / name).unlink()
    for run in range(4):
        place.write("data/contacts.csv", _contacts(60 + run, "@alpha.example"))
        assert place.run("sync").code == 0
    place.write("data/contacts.csv", _contacts(64, ""))
    ran = place.run("sync")
    assert ran.code == 3
    assert "source_contact: email is filled in 0% of the rows; usual is 100%" in ran.messages


def _contacts(count: int, at: str) -> str:
    lines = [f"c{n},alpha,{at and f'c{n}{at}'},P{n}\n" for n in range(count)]
    return "source_id,account,email,name\n" + "".join(lines)


def test_p05_an_archived_record_is_gone_although_its_modified_date_stands(reads: Reads) -> None:
    bench, portal = reads
    company = portal.create("companies", {"name": "Acme"})
    bench.sync(only=COMPANIES)
    bench.advance_clock(minutes=600)
    modified = company.properties["hs_lastmodifieddate"]
    portal.archive(company)
    assert company.properties["hs_lastmodifieddate"] == modified
    bench.sync(only=COMPANIES)
    row = stored(bench, SourceAccount)[company.id]
    assert row["deleted_at"] == bench.clock.now()
    assert row["name"] == "Acme", "a tombstone, not a hole"


@pytest.mark.parametrize("days", [1, 100])
def test_p05_what_is_no_longer_listed_as_archived_is_learnt_from_a_full_read(
    reads: Reads, days: int
) -> None:
    """The bin is emptied after 90 days, and what the law asks to be deleted never lies in it."""
    bench, portal = reads
    here, purged, merged = (portal.create("companies", {"name": name}) for name in "abc")
    bench.sync(only=COMPANIES)
    bench.advance_clock(minutes=600)
    del portal.objects["companies"][purged.id]
    portal.merge("companies", here, merged)
    bench.advance_clock(minutes=60 * 24 * days)
    run = bench.sync(only=COMPANIES, full=days == 1)
    assert run.status == "ok"
    assert any(event.name == "warning" for event in run.events) is (days > 90)
    assert living(bench, SourceAccount) == [here.id]


def test_p06_chained_merges_lead_to_the_last_survivor(reads: Reads) -> None:
    bench, portal = reads
    a, b, c = (portal.create("companies", {"name": name}) for name in "abc")
    bench.sync(only=COMPANIES)
    bench.advance_clock(minutes=600)
    portal.merge("companies", b, a)
    bench.advance_clock(minutes=1)
    portal.merge("companies", c, b)
    bench.advance_clock(minutes=1)
    bench.sync(only=COMPANIES)
    assert living(bench, SourceAccount) == [c.id]
    alias = get_table(Alias)
    with bench.store.read() as connection:
        actual = connection.execute(select(alias.c.source_id, alias.c.survivor_source_id)).all()
    assert {tuple(row) for row in actual} >= {(a.id, c.id), (b.id, c.id)}


def test_p07_a_calculated_property_is_read_again_though_nothing_else_changed(
    tmp_path: Path,
) -> None:
    with reading(tmp_path, company_properties=["num_associated_contacts"]) as (bench, portal):
        portal.definitions["companies"]["num_associated_contacts"]["calculated"] = True
        company = portal.create("companies", {"name": "Acme"})
        company.properties["num_associated_contacts"] = "3"
        bench.advance_clock(minutes=120)  # past what every run looks back
        bench.sync(only=COMPANIES)
        bench.advance_clock(minutes=60 * 24 * 40)
        company.properties["num_associated_contacts"] = "7"  # HubSpot dates no change
        assert bench.sync(only=COMPANIES).status == "ok"
        attributes = stored(bench, SourceAccount)[company.id]["attributes"]
        assert attributes == {"num_associated_contacts": "7"}


def test_p08_hundreds_of_properties_do_not_make_an_address_too_long(tmp_path: Path) -> None:
    names = [f"a_property_with_quite_a_long_name_{number:04d}" for number in range(300)]
    with reading(tmp_path, company_properties=names) as (bench, portal):
        for name in names:
            likeness = portal.definitions["companies"]["country"]
            portal.definitions["companies"][name] = {**likeness, "name": name}
        company = portal.create("companies", {name: f"value {name}" for name in names})
        bench.sync(only=COMPANIES)
        assert max(len(str(sent.request.url)) for sent in bench.wire.sent) < 2_000
        row = stored(bench, SourceAccount)[company.id]
        assert row["attributes"] == {name: f"value {name}" for name in names}


def test_p09_a_token_that_is_refused_half_way_costs_nothing_stored(reads: Reads) -> None:
    """Keys of HubSpot do not expire, they are revoked; Zendesk's tokens are P9's other half."""
    bench, portal = reads
    company = portal.create("companies", {"name": "Acme"})
    contact = portal.create("contacts", {"email": "ann@acme.example"})
    portal.link("companies", company.id, "contacts", contact.id, {2, 280})

    def revoked(exchange: Any) -> httpx.Response:
        if "associations" in exchange.request.url.path:
            return bench.vendor.refusal(401, "expired")
        response: httpx.Response = exchange.answer()
        return response

    run = bench.sync(revoked)
    assert run.outcomes["associations"].status == "failed"
    assert "access_token" in run.problems(), "the remedy names the setting"
    assert living(bench, SourceAccount) == [company.id]
    assert bench.sync().status == "ok"
    assert living(bench, SourceContact) == [contact.id]
    assert living(bench, Membership) == [f"{company.id}:{contact.id}"]


def test_p00_a_cleared_property_is_unknown_and_not_an_empty_text(reads: Reads) -> None:
    bench, portal = reads
    company = portal.create("companies", {"name": "Acme", "country": "Poland"})
    bench.sync(only=COMPANIES)
    assert stored(bench, SourceAccount)[company.id]["attributes"] == {"country": "Poland"}
    bench.advance_clock(minutes=600)
    portal.update(company, {"country": "", "name": ""})
    bench.advance_clock(minutes=1)
    bench.sync(only=COMPANIES)
    row = stored(bench, SourceAccount)[company.id]
    assert (row["name"], row["attributes"]) == (None, {})

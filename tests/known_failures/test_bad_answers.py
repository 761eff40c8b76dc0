"""P53–P60: how one bad answer deletes, hangs or stops a workspace; each was once true of us."""

import json
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cs_sync.contracts.errors import Unreachable
from cs_sync.http import VendorHttp, bounds
from cs_sync.store.records.rejects import REJECTED
from cs_sync.testing import SyncHarness
from cs_sync.testing.faults import rewrite_response
from cs_sync.testing.poison import (
    drip_response,
    get_request_kind,
    keep_document,
    repeat_page,
    respond_useless,
    respond_zip_bomb,
)
from cs_sync_schemas import InvoiceLine, Product, Refund
from tests.jobs.road import small_company
from tests.jobs.test_left_out import HUGE, add
from tests.known_failures.benches import ago, living, unix
from tests.known_failures.books import Books, invoice, line, product, stripe

MEGABYTE = 2**20


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[SyncHarness, Books]]:
    """Books with a few products, read once."""
    with stripe(tmp_path) as (bench, books):
        for number in range(5):
            books.put("products", **product(f"prod_{number}", ago(bench, days=20)))
        assert bench.sync(only=["products"]).status == "ok"
        bench.advance_clock(minutes=5)
        yield bench, books


def test_p53_a_200_that_is_no_answer_moves_no_cursor_and_buries_nothing(
    opened: tuple[SyncHarness, Books],
) -> None:
    bench, books = opened
    books.put("products", **product("prod_new", ago(bench, minutes=2)))
    books.tell("product.created", "prod_new", ago(bench, minutes=2))
    for full in (False, True):
        run = bench.sync(respond_useless(), only=["products"], full=full)
        assert run.outcomes["products"].status == "failed"
        assert len(living(bench, Product)) == 5
    bench.sync(only=["products"])
    assert "prod_new" in living(bench, Product), "the cursor waited for it"


def test_p54_a_list_inside_an_object_that_is_no_answer_ends_no_line(
    opened: tuple[SyncHarness, Books],
) -> None:
    bench, books = opened
    lines = [line(f"il_{number:03}") for number in range(12)]
    books.put("invoices", **invoice("in_1", ago(bench, days=5), lines))
    books.nested["/v1/invoices/in_1/lines"] = lines
    bench.sync(only=["invoices"])
    assert len(living(bench, InvoiceLine)) == 12
    inside = next(get_request_kind(r) for r in books.requests if r.url.path.endswith("/lines"))
    run = bench.sync(respond_useless(inside), only=["invoices"], full=True)
    assert run.outcomes["invoices"].status == "failed"
    assert len(living(bench, InvoiceLine)) == 12


@pytest.mark.parametrize("amount", [10**30, 2**63, float("nan"), float("-inf"), 10**15 + 1])
def test_p55_one_impossible_value_costs_one_record(
    opened: tuple[SyncHarness, Books], amount: Any
) -> None:
    bench, books = opened
    for number in range(3):
        fixed = {"amount": 100 + number, "currency": "eur", "created": unix(ago(bench, days=3))}
        books.put("refunds", id=f"re_{number}", **fixed)

    def odd(body: Any) -> bytes:
        body["data"][1]["amount"] = amount
        return json.dumps(body).encode()

    run = bench.sync(rewrite_response(odd), only=["refunds"])
    assert run.outcomes["refunds"].status == "partial", "it says so"
    assert living(bench, Refund) == ["re_0", "re_2"]
    with bench.store.read() as connection:
        [kept] = connection.execute(select(REJECTED)).mappings()
    assert (kept["record"], kept["source_id"]) == ("refund", "re_1")
    assert kept["reason"].startswith("amount: ")


@pytest.mark.slow("syncs whole workspaces")
def test_p56_one_account_beyond_every_range_stops_no_workspace(tmp_path: Path) -> None:
    place = small_company(tmp_path)
    add(place, "huge", 1000, HUGE)
    ran = place.run("run")
    assert ran.code == 3
    assert "1 account has no current MRR" in ran.messages
    (total,) = place.json("metrics", "--as-of", "2026-03-01", "--metric", "mrr")
    assert total["value"] == 24000 + 7500 + 3000


def test_p57_a_byte_every_five_seconds_holds_no_run(opened: tuple[SyncHarness, Books]) -> None:
    bench, _ = opened
    began = bench.clock.now()
    run = bench.sync(drip_response(bench.clock.sleep), only=["products"])
    assert run.outcomes["products"].status == "failed"
    assert bench.clock.now() - began < timedelta(minutes=30)


def test_p58_a_small_body_that_unpacks_to_gigabytes_takes_no_memory(
    opened: tuple[SyncHarness, Books], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, _ = opened
    monkeypatch.setattr(bounds, "MAX_BYTES", 8 * MEGABYTE)
    tracemalloc.start()
    try:
        run = bench.sync(respond_zip_bomb, only=["products"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "larger than 8 MB" in str(run.outcomes["products"].error)
    assert peak < 16 * MEGABYTE


def test_p59_a_list_inside_a_connector_comes_to_an_end(
    opened: tuple[SyncHarness, Books],
) -> None:
    bench, books = opened
    lines = [line(f"il_{number:03}") for number in range(150)]
    books.put("invoices", **invoice("in_1", ago(bench, days=5), lines))
    books.nested["/v1/invoices/in_1/lines"] = lines
    run = bench.sync(repeat_page(1, keep_document), only=["invoices"])
    assert not run.killed
    assert "the same cursor twice" in str(run.outcomes["invoices"].error)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_p60_no_key_for_this_machine_goes_to_a_proxy(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as proxy:
        proxy.timeout = 0.05
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
        monkeypatch.setenv("no_proxy", "")
        asked: list[Any] = []
        monkeypatch.setattr(proxy, "process_request", lambda *request: asked.append(request))
        with VendorHttp("acme", sleep=lambda _seconds: None) as http:
            client = http.at(f"http://{host}:1", headers={"X-Key": "canary"}, timeout=0.2)
            with pytest.raises(Unreachable, match="ConnectError"):
                client.get("/a")
        proxy.handle_request()
    assert not asked

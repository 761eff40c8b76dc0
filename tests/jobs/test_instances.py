"""Two accounts of one vendor: two sections of one connector, one MRR."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from cs_sync.config import load_config
from cs_sync.plugins import load_plugins
from cs_sync.runtime.workspace import open_workspace
from tests.jobs.road import NOW, Place
from tests.known_failures.books import Books, invoice, item, line, price, subscription

BORN = datetime(2026, 1, 10, tzinfo=UTC)
KEYS = {"stripe": "rk_" + "live_accountOne", "stripe_de": "rk_" + "live_accountTwo"}
PORTS = {"stripe": 8901, "stripe_de": 8902}
CONFIG = """
    [workspace]
    currency = "EUR"
    [connectors.stripe]
    api_key = "{stripe}"
    base_url = "http://127.0.0.1:8901"
    [connectors.stripe_de]
    type = "stripe"
    api_key = "{stripe_de}"
    base_url = "http://127.0.0.1:8902"
"""


def customer(id: str, name: str) -> dict[str, Any]:
    mail = f"billing@{name}.example"
    return {"id": id, "created": int(BORN.timestamp()), "name": name, "email": mail}


def books_of(amount: int, *names: str) -> Books:
    """A Stripe account with a customer per name; both number theirs alike."""
    books = Books(lambda: BORN)
    for number, name in enumerate(names, start=1):
        books.put("customers", **customer(f"cus_{number}", name))
        sold = item(f"si_{number}", created=BORN.timestamp(), price=price(unit_amount=amount))
        items = {"object": "list", "data": [sold], "has_more": False}
        made = subscription(f"sub_{number}", BORN, items=items, customer=f"cus_{number}")
        books.put("subscriptions", **made)
        bill = invoice(f"in_{number}", BORN, [line(f"il_{number}", amount)])
        books.put("invoices", **{**bill, "customer": f"cus_{number}"})
    return books


@pytest.fixture
def accounts() -> Iterator[dict[str, Books]]:
    """What is billed from Poland and from Germany; Pelican is a customer of both."""
    books = {
        "stripe": books_of(5000, "pelican", "heron"),
        "stripe_de": books_of(2000, "pelican", "stork"),
    }
    with respx.mock(assert_all_called=False) as router:
        for name, port in PORTS.items():
            router.route(url__startswith=f"http://127.0.0.1:{port}/").mock(
                side_effect=answering(books[name], KEYS[name])
            )
        yield books


def answering(books: Books, key: str) -> Any:
    """The account answers to its own key, and to no other."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["Authorization"] != f"Bearer {key}":
            return httpx.Response(401, json={"error": {"message": "Invalid API Key"}})
        return books(request)

    return answer


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path, NOW)
    made.configure(CONFIG.format(**KEYS))
    return made


def closing(place: Place) -> dict[str, int]:
    rows = place.json("--quiet", "mrr", "--by", "account", "--since", "2026-02-01",
                      "--until", "2026-03-01")  # fmt: skip
    return {row["account"]: row["closing"] for row in rows}


@pytest.mark.slow("syncs and runs whole commands")
def test_two_accounts_of_one_vendor_make_one_mrr(place: Place, accounts: dict[str, Books]) -> None:
    assert place.run("sync").code == 0
    actual = place.select("SELECT source, source_id FROM subscription ORDER BY source, source_id")
    assert [(row["source"], row["source_id"]) for row in actual] == [
        ("stripe", "sub_1"), ("stripe", "sub_2"), ("stripe_de", "sub_1"), ("stripe_de", "sub_2"),
    ]  # fmt: skip
    assert sorted(closing(place).values()) == [2000, 5000, 7000]  # Stork, Heron, Pelican
    [mrr] = place.json("--quiet", "metrics", "--as-of", "2026-03-01", "--metric", "mrr")
    assert mrr["value"] == 14000
    assert {key for key in KEYS.values() if key in place.everything()} == set()


@pytest.mark.slow("syncs and runs whole commands")
def test_each_is_read_checked_and_fails_alone(place: Place, accounts: dict[str, Books]) -> None:
    ran = place.run("sync", "--only", "stripe_de")
    assert ran.code == 0
    assert not accounts["stripe"].requests
    states = {row["source"] for row in place.json("state", "show")}
    assert "stripe_de" in states
    assert "stripe" not in states
    assert {row["source"] for row in place.json("check")} == {"stripe", "stripe_de", "health"}
    place.configure(CONFIG.format(**{**KEYS, "stripe_de": "rk_" + "live_revoked"}))
    ran = place.run("--format", "json", "sync")
    assert ran.code == 3
    [run] = place.json("runs")[:1]
    status = {(row["source"], row["status"]) for row in run["streams"]}
    assert status == {("stripe", "ok"), ("stripe_de", "failed")}
    assert "live_revoked" not in place.everything()


@pytest.mark.slow("syncs two Stripes; test_budget shows each budget quickly")
def test_each_has_a_budget_of_its_own(tmp_path: Path) -> None:
    """One account's quota is used up for hours; the other is read without a wait."""
    place = Place(tmp_path, NOW)
    place.configure(CONFIG.format(**KEYS))
    with respx.mock(assert_all_called=False) as router:
        closed = router.route(url__startswith=f"http://127.0.0.1:{PORTS['stripe']}/")
        closed.respond(429, headers={"Retry-After": "7200"}, json={"error": {"message": "slow"}})
        open_books = books_of(2000, "stork")
        router.route(url__startswith=f"http://127.0.0.1:{PORTS['stripe_de']}/").mock(
            side_effect=answering(open_books, KEYS["stripe_de"])
        )
        assert place.run("sync").code == 3
    [run] = place.json("runs")[:1]
    waits = {(row["source"], row["status"]): row["waited_seconds"] for row in run["streams"]}
    assert {status for source, status in waits if source == "stripe"} == {"failed"}
    assert {status for source, status in waits if source == "stripe_de"} == {"ok"}
    assert waits["stripe_de", "ok"] == 0


def test_one_account_in_two_sections_is_refused(place: Place, accounts: dict[str, Books]) -> None:
    twice = CONFIG.format(stripe=KEYS["stripe"], stripe_de=KEYS["stripe"]).replace("8902", "8901")
    place.configure(twice)
    ran = place.run("sync")
    assert ran.code == 2
    assert "everything would be counted twice" in ran.messages
    assert not accounts["stripe"].requests


def test_a_remedy_names_the_section_of_the_instance(place: Place) -> None:
    place.configure("""
        [connectors.crm_eu]
        type = "hubspot"
        access_token = "pat-eu1-notARealToken"
        base_url = "http://127.0.0.1:8903"
    """)
    with respx.mock() as router:
        refused = {"status": "error", "message": "expired", "category": "INVALID_AUTHENTICATION"}
        router.route().respond(401, json=refused)
        assert "put it into [connectors.crm_eu] access_token" in place.run("sync").messages


def test_connectors_are_called_as_people_write_them(tmp_path: Path) -> None:
    """One under a name of its own keeps that."""
    place = Place(tmp_path)
    place.configure(CONFIG.format(**KEYS) + "    [connectors.files]\n    path = 'data'\n")
    plugins = load_plugins()
    config = load_config(place.path / "cs_sync.toml", plugins)
    with open_workspace(config, plugins) as workspace:
        assert workspace.titles == {"stripe": "Stripe", "stripe_de": "stripe_de", "files": "files"}

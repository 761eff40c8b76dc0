"""A person who moves on: what was said and done before stays with the company of then."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.jobs.road import CONFIG, Place

ACCOUNTS = """
    source_id,name,domain,external_key
    acme,Acme,acme.example,{acme}
    beta,Beta,beta.example,{beta}
    """
CONTACTS = """
    source_id,account,email,name
    ann,{ann},ann@{domain},Ann
    """
BOOKS = {
    "survey_responses.csv": """
        source_id,kind,contact,score,scale_min,scale_max,answered_at
        n1,nps,ann,2,0,10,2026-02-12T10:00
        n2,nps,ann,10,0,10,2026-03-20T10:00
        """,
    "tickets.csv": """
        source_id,requester,subject,status,opened_at
        1,ann,Cannot export,open,2026-02-10T10:00
        2,ann,Cannot import,open,2026-03-21T10:00
        """,
    "usage_days.csv": """
        contact,day,events
        ann,2026-02-11,3
        ann,2026-03-21,4
        """,
}
ASKED = ("nps", "open_tickets", "mau")


def list_accounts(place: Place, as_of: str) -> dict[str, set[str]]:
    """Metric → the accounts that it counts anything of."""
    names = [part for name in ASKED for part in ("--metric", name)]
    rows = place.json("metrics", "--as-of", as_of, "--by", "account", *names)
    actual: dict[str, set[str]] = {name: set() for name in ASKED}
    for row in rows:
        if row["numerator"] is not None and row["n"]:
            actual[row["metric"]].add(row["segment"]["account"])
    return actual


def all_of(account: str) -> dict[str, set[str]]:
    return {name: {account} for name in ASKED}


def accounts(place: Place, acme: str = "", beta: str = "") -> None:
    place.write("data/accounts.csv", ACCOUNTS.format(acme=acme, beta=beta))


def works_at(place: Place, account: str, domain: str = "gmail.com") -> None:
    place.write("data/contacts.csv", CONTACTS.format(ann=account, domain=domain))


@pytest.fixture(scope="module")
def synced_books(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("synced"))
    made.configure(CONFIG)
    for name, text in BOOKS.items():
        made.write(f"data/{name}", text)
    accounts(made)
    works_at(made, "acme")
    assert made.run("sync").code == 0
    return made


@pytest.fixture
def place(synced_books: Place, tmp_path: Path) -> Place:
    """Ann is at Acme until the 10th of March."""
    return synced_books.copy_to(tmp_path)


def after_the_move(place: Place) -> None:
    place.now = datetime(2026, 4, 2, 8, tzinfo=UTC)


@pytest.mark.slow("syncs and runs whole commands")
@pytest.mark.parametrize(
    ("account", "domain"), [("beta", "gmail.com"), ("", "beta.example")], ids=["stated", "domain"]
)
def test_a_move_changes_nothing_before_it(place: Place, account: str, domain: str) -> None:
    assert list_accounts(place, "2026-03-01") == all_of("acme")
    works_at(place, account, domain)
    assert place.run("sync").code == 0
    after_the_move(place)
    assert list_accounts(place, "2026-03-01") == all_of("acme")
    assert list_accounts(place, "2026-04-01") == {"nps": {"beta"}, "open_tickets": {"acme", "beta"},
                                         "mau": {"beta"}}  # fmt: skip


@pytest.mark.slow("syncs and runs whole commands")
def test_who_leaves_takes_nothing_along_and_what_follows_is_nobodys(place: Place) -> None:
    works_at(place, "")
    assert place.run("sync").code == 0
    after_the_move(place)
    assert list_accounts(place, "2026-03-01") == all_of("acme")
    assert "acme" not in list_accounts(place, "2026-04-01")["nps"]
    works_at(place, "acme")
    place.now = datetime(2026, 4, 3, 8, tzinfo=UTC)
    assert place.run("sync").code == 0
    assert "acme" not in list_accounts(place, "2026-04-01")["nps"]


@pytest.mark.slow("syncs and runs whole commands")
def test_a_company_that_is_merged_takes_its_people_and_their_past_along(place: Place) -> None:
    accounts(place, "k", "k")
    assert place.run("sync").code == 0
    (first,) = {row["account"] for row in place.json("accounts") if row["source_id"]}
    after_the_move(place)
    assert list_accounts(place, "2026-03-01") == list_accounts(place, "2026-04-01") == all_of(first)


@pytest.mark.slow("syncs and runs whole commands")
def test_what_is_first_known_of_a_person_has_always_been_so(place: Place) -> None:
    place.write(
        "data/contacts.csv", CONTACTS.format(ann="", domain="gmail.com").replace("ann,", "bob,")
    )
    works_at(place, "")
    place.run("sync")
    place.lose("contact_account", "contact_account_history")
    works_at(place, "beta")
    place.run("sync")
    assert list_accounts(place, "2026-03-01") == all_of("beta")


@pytest.mark.slow("syncs and runs whole commands")
def test_the_health_of_then_counts_what_was_said_then(place: Place) -> None:
    works_at(place, "beta")
    assert place.run("sync").code == 0
    after_the_move(place)
    reasons = {
        row["account"]: " ".join(row["reasons"])
        for row in place.json("score", "--as-of", "2026-04-01")
    }
    assert "1 ticket in the last 30 days" in reasons["beta"]
    assert "ticket in the last" not in reasons["acme"]


@pytest.mark.slow("syncs and runs whole commands")
def test_a_move_is_as_old_as_the_source_says(place: Place) -> None:
    """Read late: the record changed on the 15th of March, and is seen on the 2nd of April."""
    place.write(
        "data/contacts.csv",
        "source_id,account,email,name,updated_at\nann,beta,ann@gmail.com,Ann,2026-03-15T10:00\n",
    )
    after_the_move(place)
    assert place.run("sync").code == 0
    assert list_accounts(place, "2026-04-01")["nps"] == {"beta"}
    assert list_accounts(place, "2026-03-01") == all_of("acme")

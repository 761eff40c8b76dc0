"""Load per owner and moves of accounts, worked by hand."""

from pathlib import Path
from typing import Any

import pytest

from cs_sync.cli.render.load import load_table, moves_table
from cs_sync.foresight.comparisons import Counts
from cs_sync.foresight.load import Move, OwnedAccount, OwnerLoad, measure_load, propose_moves
from cs_sync.i18n import ENGLISH
from tests.follow_ups.books import Books
from tests.i18n.test_leftovers import MASKED, find_letters, show
from tests.jobs.road import CONFIG, Place


def account(name: str, owner: str, at_risk: int = 0, **more: Any) -> OwnedAccount:
    given: dict[str, Any] = {"needs_call": at_risk > 0, **more}
    return OwnedAccount(name, name.title(), owner, 100, at_risk, **given)


CROWD = [
    *(account(f"a{risk}", "ann", risk) for risk in (50, 40, 30, 20, 10)),
    account("b", "ben", 60),
    *(account(f"calm{n}", "ben") for n in range(3)),
    account("x", "", 35),
]
"""Ann has five accounts to call, Ben one of four, and one has no owner."""


def summarize(moves: list[Move]) -> list[tuple[str, str, str]]:
    return [(move.account.account, move.to_owner, move.reason) for move in moves]


def test_the_load_of_each_owner() -> None:
    """Four calls are two each; 1,200 a month are 600 each: 120 for each of Ann's accounts."""
    assert measure_load(CROWD, capacity=4, cost=1_200) == [
        OwnerLoad("ann", 5, 500, 5, 150, 2, 120),
        OwnerLoad("ben", 4, 400, 1, 60, 2, 150),
        OwnerLoad("", 1, 100, 1, 35, None, None),
    ]
    assert [load.load for load in measure_load(CROWD, capacity=4)] == [2.5, 0.5, None]
    assert measure_load([], capacity=4) == []


def test_who_has_room_gets_what_is_worth_most() -> None:
    """Ben has room for one: the account without an owner has more at risk than Ann's third."""
    moves = propose_moves(CROWD, 4, {})
    assert summarize(moves) == [("x", "ben", "no_owner")]


def test_an_owner_keeps_the_accounts_with_most_at_risk() -> None:
    """With six calls each has three: Ann's last two are over, and Ben takes two of three."""
    moves = propose_moves(CROWD, 6, {})
    assert summarize(moves) == [("x", "ben", "no_owner"), ("a20", "ben", "over_capacity")]


def test_nobody_moves_while_there_is_room() -> None:
    assert propose_moves([item for item in CROWD if item.owner], 10, {}) == []


def test_without_owners_there_is_nobody_to_move_to() -> None:
    assert propose_moves([account("x", "", 35)], 4, {}) == []


def test_language_before_segment_before_room() -> None:
    """Cleo speaks Polish and has least room, Ben knows retail."""
    accounts = [
        account("p", "", 35, language="pl", segment="retail"),
        *(account(f"pl{n}", "cleo", language="pl") for n in range(5)),
        account("busy", "cleo", 10),
        *(account(f"retail{n}", "ben", segment="retail") for n in range(5)),
        account("other", "dan"),
    ]
    (move,) = propose_moves(accounts, 6, {})
    assert (move.to_owner, move.fit) == ("cleo", ("language",))
    plain = [item for item in accounts if item.owner != "cleo"]
    (move,) = propose_moves(plain, 6, {})
    assert (move.to_owner, move.fit) == ("ben", ("segment",))


def test_the_only_account_of_a_language() -> None:
    accounts = [
        account("p", "ann", 35, language="pl"),
        *(account(f"pl{n}", "cleo", language="pl") for n in range(5)),
    ]
    assert summarize(propose_moves(accounts, 10, {})) == [("p", "cleo", "language")]


def test_outcomes_with_enough_accounts() -> None:
    """Ann lost 12 of 30 of the segment, Ben 1 of 30; with 3 of 10 against 0 of 10 none moves."""
    accounts = [account("a", "ann", 35, segment="retail"), account("b", "ben")]
    clear = {("ann", "retail"): Counts(30, 12), ("ben", "retail"): Counts(30, 1)}
    assert summarize(propose_moves(accounts, 10, clear)) == [("a", "ben", "outcomes")]
    few = {("ann", "retail"): Counts(10, 3), ("ben", "retail"): Counts(10, 0)}
    assert propose_moves(accounts, 10, few) == []
    turned = {("ann", "retail"): Counts(30, 1), ("ben", "retail"): Counts(30, 12)}
    assert propose_moves(accounts, 10, turned) == []


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Kim has three accounts that nobody uses, Lee one; one has no owner."""
    books, made = Books(), Place(tmp_path)
    books.add("owners", source_id="lee", name="Lee", email="lee@acme.example")
    for name in ("a", "b", "c"):
        books.customer(name, used=range(60, 70), account={"attr.segment": "retail"})
    books.customer("d", account={"owner_source_id": "lee", "attr.segment": "retail"})
    books.customer("e", used=range(60, 70), account={"owner_source_id": ""})
    books.add("costs", source_id="1", month="2026-01-01", purpose="service", line="salaries",
              amount=90_000, currency="EUR")  # fmt: skip
    books.add("costs", source_id="2", month="2026-02-01", purpose="service", line="salaries",
              amount=60_000, currency="EUR")  # fmt: skip
    made.configure(f"{CONFIG}\n    [foresight]\n    capacity = 4\n")
    books.keep(made)
    assert made.run("sync").code == 0
    return made


@pytest.mark.slow("syncs and runs whole commands")
def test_the_command(place: Place) -> None:
    """February's 600.00 are 300.00 for each of two: 100.00 an account of Kim's."""
    rows = {row["owner"]: row for row in place.json("analyse", "load")}
    kim = rows["Kim"]
    assert (kim["accounts"], kim["mrr"], kim["at_risk_accounts"]) == (3, 30_000, 3)
    assert (kim["capacity"], kim["load"], kim["cost_per_account"]) == (2, 1.5, 10_000)
    assert 0 < kim["at_risk"] <= kim["mrr"]
    assert rows["Lee"]["cost_per_account"] == 30_000
    assert (rows[None]["accounts"], rows[None]["capacity"]) == (1, None)
    moves = place.json("analyse", "load", "--moves")
    assert {(m["account"], m["from_owner"], m["to_owner"], m["reason"]) for m in moves} >= {
        ("e", None, "Lee", "no_owner")
    }
    assert "Kim" in place.run("analyse", "load").out
    assert "Lee" in place.run("analyse", "load", "--moves").out


def test_no_english_is_left_in_the_tables() -> None:
    load = {
        "owner": None, "accounts": 1, "mrr": 2, "at_risk_accounts": 1, "at_risk": 2, "capacity": 1,
        "load": 1.5, "open_follow_ups": 1, "overdue": 0, "cost_per_account": 5, "currency": "EUR",
        "priority_basis": "missing_health",
    }  # fmt: skip
    moves = [
        {
            "account": "solo", "name": "", "from_owner": None, "to_owner": "ann", "mrr": 2,
            "at_risk": 2, "currency": "EUR", "reason": reason, "fit": ["language", "outcomes"],
            "priority_basis": "churn_probability",
        }
        for reason in ("no_owner", "over_capacity", "language", "outcomes")
    ]  # fmt: skip
    for table in (load_table([load], MASKED), moves_table(moves, MASKED), moves_table([], MASKED)):
        assert find_letters(show(table)) == set()
    assert "no owner" in show(moves_table(moves, ENGLISH))

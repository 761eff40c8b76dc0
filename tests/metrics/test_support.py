"""Open tickets, waiting times and first-contact resolution."""

from datetime import date, timedelta
from typing import Any

from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_period
from cs_sync_schemas import Ticket
from tests.metrics.conftest import Ledger, utc

FEBRUARY = find_period(date(2026, 2, 1), "month", "UTC")
NOON = utc(2026, 2, 5, 12)


def only_row(ledger: Ledger, metric: str, scope: Scope = Scope((FEBRUARY,))) -> KpiRow:  # noqa: B008
    [row] = ledger.kpis(metric, scope)
    return row


def value(ledger: Ledger, metric: str, scope: Scope = Scope((FEBRUARY,))) -> Any:  # noqa: B008
    return only_row(ledger, metric, scope).value


def tickets(ledger: Ledger, *rows: dict[str, Any]) -> None:
    base = {"opened_at": NOON}
    ledger.add(Ticket, *({"source_id": f"t{n}", **base, **row} for n, row in enumerate(rows)))


def solved(**fields: Any) -> dict[str, Any]:
    after = NOON + timedelta(hours=5)
    return {"status": "solved", "solved_at": after, "agent_replies": 1, **fields}


def test_tickets_open_at_the_end_of_the_month(ledger: Ledger) -> None:
    march = utc(2026, 3, 1)
    rows: list[dict[str, Any]] = [
        {"opened_at": utc(2026, 1, 5), "status": "open"},
        {"opened_at": utc(2026, 2, 5), "status": "solved", "solved_at": utc(2026, 2, 6)},
        {"opened_at": utc(2026, 2, 5), "status": "closed", "solved_at": march, "closed_at": march},
        {"opened_at": march, "status": "new"},
        {"opened_at": utc(2026, 2, 5), "status": "closed"},
        {"opened_at": utc(2026, 2, 5), "status": "open", "deleted_at": utc(2026, 2, 7)},
    ]
    ledger.add(Ticket, *({"source_id": f"t{n}", **row} for n, row in enumerate(rows)))
    assert value(ledger, "open_tickets") == 2
    january = find_period(date(2026, 1, 1), "month", "UTC")
    december = find_period(date(2025, 12, 1), "month", "UTC")
    assert value(ledger, "open_tickets", Scope((january,))) == 1
    assert value(ledger, "open_tickets", Scope((december,))) is None


def test_one_touch_as_zendesk_tells_it(ledger: Ledger) -> None:
    """Solved with one reply, yes; reopened with a second, no; a silent "thanks" and solved, yes."""
    tickets(
        ledger,
        solved(),
        solved(agent_replies=2, reopens=1),
        solved(agent_replies=1, reopens=0),
        solved(agent_replies=0),
        solved(agent_replies=None),
    )
    row = only_row(ledger, "fcr")
    assert (row.numerator, row.denominator) == (2, 4)


def test_asking_again_within_the_window_undoes_it(ledger: Ledger) -> None:
    def again(days: float, **fields: Any) -> dict[str, Any]:
        asked = NOON + timedelta(hours=5, days=days)
        return {"opened_at": asked, "topic": "api", **fields}

    own = {"contact_source_id": "ann", "topic": "api"}
    other = {"contact_source_id": "bob", "topic": "api"}
    late = {"contact_source_id": "cem", "topic": "api"}
    tickets(
        ledger,
        solved(**own),
        again(7, contact_source_id="ann"),
        solved(**other),
        again(2, contact_source_id="bob", topic="billing"),
        solved(**late),
        again(7.1, contact_source_id="cem"),
    )
    row = only_row(ledger, "fcr")
    assert (row.numerator, row.denominator) == (2, 3)
    wide = Scope((FEBRUARY,), settings={"fcr": {"window_days": 8}})
    assert only_row(ledger, "fcr", wide).numerator == 1


def test_only_the_next_ticket_after_the_solution_asks_again(ledger: Ledger) -> None:
    """One opened before it, or at that very instant, does not; one solved meanwhile does."""
    who = {"contact_source_id": "ann", "topic": "api"}
    first = solved(**who)
    end = first["solved_at"]
    same = solved(opened_at=end, solved_at=end + timedelta(days=20), **who)
    late = {"opened_at": end + timedelta(days=30), **who}
    tickets(ledger, first, same, late)
    row = only_row(ledger, "fcr")
    assert (row.numerator, row.denominator) == (2, 2)
    tickets(ledger, {"source_id": "soon", "opened_at": end + timedelta(days=1), **who})
    row = only_row(ledger, "fcr")
    assert (row.numerator, row.denominator) == (1, 2)


def test_no_topic_is_not_the_same_topic(ledger: Ledger) -> None:
    """A second ticket of whom nobody knows what either is about undoes nothing."""
    again = {"opened_at": NOON + timedelta(days=1)}
    people = [{"contact_source_id": f"p{n}", "topic": topic} for n, topic in enumerate((None, ""))]
    tickets(
        ledger,
        *(solved(**who) for who in people),
        *(again | who for who in people),
        *(again | who | {"topic": "api"} for who in people),
    )
    row = only_row(ledger, "fcr")
    assert (row.numerator, row.denominator) == (2, 2)


def test_first_contact_resolution_is_provisional_until_its_window_closes(ledger: Ledger) -> None:
    tickets(ledger, *[solved()] * 5)
    assert only_row(ledger, "fcr").status == "final"
    for day, status in ((7, "provisional"), (8, "final")):
        seen = Scope((FEBRUARY,), observed_until=utc(2026, 3, day))
        assert only_row(ledger, "fcr", seen).status == status


def test_the_first_reply_takes_the_median(ledger: Ledger) -> None:
    def replied(seconds: int | None) -> dict[str, Any]:
        return {"first_reply_at": seconds and NOON + timedelta(seconds=seconds)}

    tickets(ledger, replied(60), replied(100), replied(900_000), replied(None))
    row = only_row(ledger, "first_reply_seconds")
    assert (row.value, row.n) == (100, 3)
    ledger.add(Ticket, {"source_id": "more", "opened_at": NOON, **replied(200)})
    assert value(ledger, "first_reply_seconds") == 150


def test_tickets_per_customer(ledger: Ledger) -> None:
    for name in "ab":
        ledger.account(name)
        ledger.span(name, 100, date(2026, 1, 1), date(2026, 2, 20) if name == "b" else None)
    tickets(ledger, {"account_source_id": "a"}, {"account_source_id": "b"}, {})
    row = only_row(ledger, "tickets_per_account")
    assert (row.value, row.numerator, row.denominator) == (3, 3, 1)


def fcr(ledger: Ledger, **settings: Any) -> tuple[Any, Any]:
    row = only_row(ledger, "fcr", Scope((FEBRUARY,), settings={"fcr": settings}))
    return row.numerator, row.denominator


def test_the_settings_of_first_contact(ledger: Ledger) -> None:
    """What is a resolution, which channels count, what of those whom nobody answered, and what is
    no request at all: the article that asks leaves it open."""
    tickets(
        ledger,
        solved(channel="email"),
        solved(channel="phone", transfers=1),
        solved(channel="phone", agent_replies=0),
        solved(channel="email", tags=["closed_by_merge"]),
        solved(channel="email", tags=["billing", "vip"], agent_replies=2),
    )
    assert fcr(ledger) == (2, 4)
    assert fcr(ledger, resolution_rule="at_most_one") == (3, 4)
    assert fcr(ledger, abandoned_counts=False) == (2, 3)
    assert fcr(ledger, transfer_counts_as_contact=True) == (1, 4)
    assert fcr(ledger, eligible_channels=["phone"]) == (1, 2)
    assert fcr(ledger, excluded_tags=[]) == (3, 5)
    assert fcr(ledger, excluded_tags=["VIP"]) == (3, 4)


def test_a_ticket_that_was_only_closed_was_solved_then(ledger: Ledger) -> None:
    tickets(ledger, {"status": "closed", "closed_at": utc(2026, 2, 9), "agent_replies": 1})
    assert fcr(ledger) == (1, 1)


def test_the_status_of_a_ticket_wins_over_its_times(ledger: Ledger) -> None:
    """Two that were solved on 5 and 7 February and reopened keep that time: they wait for us, at
    the end of every month since they were opened, and were not solved at first contact."""
    tickets(
        ledger,
        solved(status="open", reopens=1),
        solved(status="pending", closed_at=utc(2026, 2, 7)),
        solved(opened_at=utc(2026, 1, 30), status="hold", agent_replies=1),
        solved(),
    )
    assert value(ledger, "open_tickets") == 3
    january = find_period(date(2026, 1, 1), "month", "UTC")
    assert value(ledger, "open_tickets", Scope((january,))) == 1
    assert fcr(ledger) == (1, 1)

"""Scores through the command line: edges, modes, profiles, changes and history on stored data."""

from fractions import Fraction
from typing import Any

import pytest

from tests.follow_ups.books import Books, day
from tests.jobs.road import CONFIG, Place

pytestmark = pytest.mark.slow("syncs and scores under each setting")

EDGES = (40.999, 41, 70.999, 71, 100, 100.01, 101)
POINTS = ", ".join(f"[{number}, {points}]" for number, points in enumerate(EDGES))
ONE_INPUT = """
    [health.inputs.usage]
    weight = 0
    [health.inputs.billing]
    weight = 0
    [health.inputs.nps]
    weight = 0
"""


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("scores"))
    made.configure(CONFIG)
    return made


def synced(place: Place, books: Books) -> None:
    books.keep(place)
    assert place.run("sync").code == 0


def scores(place: Place, *options: str) -> dict[str, dict[str, Any]]:
    return {row["account"]: row for row in place.json("score", *options)}


def many_tickets(most: int) -> Books:
    """As many accounts, each with one ticket more than the one before it."""
    books = Books()
    for number in range(most + 1):
        books.customer(f"a{number}", used=None)
        for item in range(number):
            books.ticket(100 * number + item, f"a{number}", "export", f"{day(item + 1)}T10:00")
    books.customer("last", used=None)
    return books


def test_the_edges_of_points_mode_and_excellent_above_100(place: Place) -> None:
    """Points of the map, times an impact of 1: nothing is rounded, nothing is cut off."""
    model = f"""
    [health]
    mode = "points"
    [health.inputs.edge]
    weight = 1
    signal = "tickets_30"
    points = [{POINTS}]
    """
    place.configure(CONFIG + model)
    synced(place, many_tickets(6))
    actual = scores(place)
    assert [(actual[f"a{n}"]["score"], actual[f"a{n}"]["band"]) for n in range(7)] == [
        (40.999, "red"), (41.0, "yellow"), (70.999, "yellow"), (71.0, "green"), (100.0, "green"),
        (100.01, "green"), (101.0, "excellent"),
    ]  # fmt: skip
    assert {row["mode"] for row in actual.values()} == {"points"}
    place.configure(CONFIG + model + "[health.bands]\n    excellent = 100.01\n")
    assert scores(place)["a5"]["band"] == "excellent"
    assert scores(place)["a4"]["band"] == "green"


def test_the_edges_of_weighted_mode(place: Place) -> None:
    pairs = ", ".join(f"[{number}, {points}]" for number, points in enumerate(EDGES[:5]))
    support = f"    [health.inputs.support]\n    weight = 100\n    points = [{pairs}]\n"
    place.configure(CONFIG + ONE_INPUT + support)
    synced(place, many_tickets(4))
    actual = scores(place)
    assert [(actual[f"a{n}"]["score"], actual[f"a{n}"]["band"]) for n in range(5)] == [
        (40.999, "red"), (41.0, "yellow"), (70.999, "yellow"), (71.0, "green"), (100.0, "green"),
    ]  # fmt: skip


def test_points_are_impact_times_frequency(place: Place) -> None:
    """5 a day of use, 8 away for each ticket: 20 × 5 − 1 × 8 = 92, and 28 × 5 = 140."""
    place.configure(
        CONFIG
        + """
    [health]
    mode = "points"
    [health.inputs.use]
    weight = 5
    signal = "active_days_28"
    [health.inputs.tickets]
    weight = -8
    signal = "tickets_30"
    """
    )
    books = Books()
    books.customer("busy", used=range(28))
    books.customer("asks", used=range(20))
    books.ticket(1, "asks", "export", f"{day(3)}T10:00")
    synced(place, books)
    actual = scores(place)
    assert (actual["busy"]["score"], actual["busy"]["band"]) == (
        135.0,
        "excellent",
    )  # not today yet
    assert (actual["asks"]["score"], actual["asks"]["band"]) == (92.0, "green")
    parts = {part["input"]: part["contribution"] for part in actual["asks"]["contributions"]}
    assert parts == {"use": 100.0, "tickets": -8.0}


def test_three_tickets_green_use_and_nothing_else_known_are_yellow(place: Place) -> None:
    """0 of 20 and 40 of 40: 40 of 60 is 66.7, neither 40 (red) nor 80 (green).

    No source brings billing and surveys, so nothing of the 60 is missing.
    """
    books = Books()
    books.customer("acme", used=range(22))
    books.files.pop("subscriptions")
    books.files.pop("subscription_items")
    for number, at in ((512, 20), (518, 12), (523, 5)):
        books.ticket(number, "acme", "integration", f"{day(at)}T10:00")
    synced(place, books)
    row = scores(place)["acme"]
    assert row["score"] == pytest.approx(200 / 3)
    assert (row["band"], row["coverage"]) == ("yellow", 1.0)
    assert row["left_out"] == ["billing", "nps"]
    assert row["reasons"][0] == (
        "3 tickets in the last 30 days, all about integration: #512 #518 #523"
    )
    shown = place.run("explain", "acme").out
    assert "66.7 yellow" in shown
    assert "3 tickets in the last 30 days, all about integration: #512 #518 #523" in shown


def test_profiles_by_segment_and_by_stage(place: Place) -> None:
    """In its first 90 days only use counts; of an enterprise billing does not."""
    place.configure(
        CONFIG
        + """
    [health.profiles.new]
    first_days = 90
    [health.profiles.new.inputs]
    usage = {weight = 100}
    billing = {weight = 0}
    support = {weight = 0}
    nps = {weight = 0}
    [health.profiles.enterprise]
    when = {plan = "enterprise"}
    inputs = {usage = {weight = 70}, billing = {weight = 0}}
    """
    )
    books = Books()
    half = range(10)
    books.customer("usual", used=half)
    books.customer("fresh", used=half, since="2026-01-15", account={"attr.plan": "enterprise"})
    books.customer("large", used=half, account={"attr.plan": "enterprise"})
    books.ticket(1, "large", "export", f"{day(90)}T10:00")
    synced(place, books)
    actual = scores(place)
    assert actual["fresh"]["score"] == 50.0
    assert [part["input"] for part in actual["fresh"]["contributions"]] == ["usage"]
    assert actual["usual"]["score"] == pytest.approx(float(Fraction(20 + 30 + 20, 90) * 100))
    assert actual["large"]["score"] == pytest.approx(float(Fraction(35 + 20, 90) * 100))


def test_the_parts_of_a_score_and_of_its_change_sum_to_them(place: Place) -> None:
    """An answer grows old and goes missing, use falls, and a ticket is opened."""
    place.configure(CONFIG + "    [health.inputs.nps]\n    max_age_days = 30\n")
    books = Books()
    books.customer("acme", used=range(20, 50))
    for number, ago in ((1, 2), (2, 90)):
        books.ticket(number, "acme", "export", f"{day(ago)}T10:00")
    books.nps("acme", 9, f"{day(40)}T10:00")
    synced(place, books)
    (row,) = place.json("explain", "acme")
    assert sum(part["contribution"] for part in row["contributions"]) == pytest.approx(row["score"])
    change = row["change"]
    earlier = scores(place, "--as-of", change["since"])["acme"]
    assert change["total"] == pytest.approx(row["score"] - earlier["score"])
    parts = {part["what"]: part["points"] for part in change["parts"]}
    assert {"usage", "support", "inputs without data now"} <= parts.keys()
    assert sum(parts.values()) == pytest.approx(change["total"])
    assert parts["usage"] < 0 > parts["support"]
    assert row["change_30d"] == pytest.approx(change["total"])


def test_a_score_of_then_with_what_was_known_then(place: Place) -> None:
    """A ticket of February is read on the 20th of March: it changes the score of the 10th."""
    books = Books()
    books.customer("acme")
    books.ticket(1, "acme", "export", f"{day(60)}T10:00")
    synced(place, books)
    first = place.json("score", "--as-of", "2026-03-10")
    place.now = place.now.replace(day=20)
    for number in (2, 3):
        books.ticket(number, "acme", "export", f"{day(9)}T10:00")
    synced(place, books)
    now_known = place.json("score", "--as-of", "2026-03-10")
    assert now_known[0]["score"] < first[0]["score"]
    assert place.json("score", "--as-of", "2026-03-10", "--known-at", "2026-03-11") == first
    assert place.json("score", "--as-of", "2026-03-10", "--known-at", "2026-03-21") == now_known


def test_who_went_from_band_to_band(place: Place) -> None:
    books = Books()
    books.customer("acme")
    books.customer("calm")
    books.keep(place)
    assert place.run("run").code in (0, 3)
    books.files["subscriptions"][0]["status"] = "past_due"
    books.nps("acme", 0, "2026-03-12T10:00")
    books.keep(place)
    place.now = place.now.replace(day=13)
    assert place.run("run").code in (0, 3)
    (moved,) = place.json("score", "--since", "2026-03-01")
    assert {name: moved[name] for name in ("account", "as_of", "from", "to")} == {
        "account": "acme", "as_of": "2026-03-13", "from": "green", "to": "yellow",
    }  # fmt: skip
    assert "green since 10 Mar 2026 → yellow since 13 Mar 2026" in place.run("explain", "acme").out


def test_every_source_of_an_account_and_its_tickets_are_linked_to(place: Place) -> None:
    books = Books()
    books.customer("acme", account={"url": "https://crm.example/acme"},
                   url="https://billing.example/s-acme")  # fmt: skip
    books.ticket(7, "acme", "export", f"{day(2)}T10:00", url="https://help.example/7")
    synced(place, books)
    (row,) = place.json("explain", "acme")
    assert [link["url"] for link in row["links"]] == [
        "https://crm.example/acme", "https://help.example/7", "https://billing.example/s-acme",
    ]  # fmt: skip


def test_a_trial_is_not_said_to_pay(place: Place) -> None:
    books = Books()
    books.customer("acme", status="trialing", trial_start="2026-03-01", trial_end="2026-03-30",
                   since="2026-03-01")  # fmt: skip
    synced(place, books)
    assert "On trial, nothing due" in scores(place)["acme"]["reasons"]

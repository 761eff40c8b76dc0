"""What is kept from run to run equals what is computed anew, whatever changed and when."""

import json
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cs_sync.follow_ups import AccountView, FollowUpPlan, plan_follow_ups
from cs_sync.queries.account_lines import write_past
from cs_sync.queries.past_states import read_past_states
from cs_sync.report import build_page
from cs_sync.store.queries.health import read_all_use
from tests.follow_ups.books import Books, day
from tests.jobs.road import CONFIG, Place

KEPT = ("kept_result", "figure")
Change = Callable[[Place, Books], None]
Begin = Callable[[Path, str], tuple[Place, Books]]


def make_books() -> Books:
    books = Books()
    for number, name in enumerate(("alpha", "beta", "gamma", "delta")):
        books.customer(name, used=range(number, 40, number + 1))
        books.nps(name, 3 * number, f"{day(20 + number)}T10:00", "Slow export of our reports")
        for item in range(number):
            books.ticket(10 * number + item, name, "export", f"{day(3 * item + 1)}T10:00")
        books.add("invoices", source_id=f"in-{name}", account=name, subscription=f"s-{name}",
                  currency="EUR", issued_at=f"{day(9)}", due_at=f"{day(2 - number)}", status="open",
                  total=10_000, amount_due=10_000, amount_remaining=10_000)  # fmt: skip
    return books


def find(books: Books, file: str, source_id: object) -> dict[str, Any]:
    (row,) = [row for row in books.files[file] if row["source_id"] == source_id]
    return row


def use_more(_place: Place, books: Books) -> None:
    books.add("usage_days", account="beta", contact="p-beta", day=day(0), events=7)


def use_earlier(_place: Place, books: Books) -> None:
    """Use that came late, of months that are over."""
    books.add("usage_days", account="gamma", contact="p-gamma", day=day(45), events=3)


def move_a_day_of_use(_place: Place, books: Books) -> None:
    """A day of use that was before the last month's end is after it, or the other way round."""
    rows = [row for row in books.files["usage_days"] if row.get("source_id") == "u"]
    if not rows:
        books.add("usage_days", source_id="u", account="delta", contact="p-delta", events=2)
        rows = books.files["usage_days"][-1:]
    (row,) = rows
    row["day"] = day(1) if row.get("day") == day(50) else day(50)


def ask_for_help(place: Place, books: Books) -> None:
    number = 100 + len(books.files["tickets"])
    books.ticket(number, "alpha", "export", f"{place.now:%Y-%m-%dT%H:%M}")


def move_a_ticket(_place: Place, books: Books) -> None:
    row = find(books, "tickets", 30)
    name = "alpha" if row["account"] == "delta" else "delta"
    row.update(account=name, requester=f"p-{name}")


def correct_an_answer(_place: Place, books: Books) -> None:
    row = find(books, "survey_responses", f"n-beta-{day(21)}")
    row.update(score=10 - row["score"], comment="Corrected")


def rename_a_person(_place: Place, books: Books) -> None:
    find(books, "contacts", "p-gamma").update(name="Somebody Else")


def pay(_place: Place, books: Books) -> None:
    find(books, "invoices", "in-gamma").update(
        status="paid", amount_remaining=0, amount_paid=10_000, paid_at=f"{day(0)}T09:00"
    )


def cancel(place: Place, books: Books) -> None:
    end = place.now + timedelta(days=20)
    find(books, "subscriptions", "s-alpha").update(
        cancel_at=f"{end:%Y-%m-%d}", canceled_at=f"{place.now:%Y-%m-%dT%H:%M}"
    )


def raise_a_price(_place: Place, books: Books) -> None:
    find(books, "subscription_items", "i-delta")["unit_amount"] += 700


def hand_over(_place: Place, books: Books) -> None:
    books.add("owners", source_id=f"o{len(books.files['owners'])}", name="Lee", email="l@x.example")
    row = find(books, "accounts", "gamma")
    row.update(owner_source_id=books.files["owners"][-1]["source_id"])


def turn_into_a_test(place: Place, _books: Books) -> None:
    place.run("accounts", "test", "gamma")


def make_one_account(place: Place, _books: Books) -> None:
    place.run("accounts", "link", "gamma", "delta")


def forget(place: Place, _books: Books) -> None:
    place.run("forget", "p@beta.example")


def weigh_anew(place: Place, _books: Books) -> None:
    place.configure(CONFIG + WEIGHTS)


def speak_polish(place: Place, _books: Books) -> None:
    place.configure(CONFIG.replace("[workspace]", '[workspace]\n    language = "pl"'))


WEIGHTS = """
    [health.inputs.usage]
    weight = 30
    [health.inputs.support]
    weight = 30
    max_age_days = 9
"""


def wait_some_hours(place: Place, _books: Books) -> None:
    place.now += timedelta(hours=5)


def wait_a_day(place: Place, _books: Books) -> None:
    place.now += timedelta(days=1)


def wait_a_month(place: Place, _books: Books) -> None:
    place.now += timedelta(days=30)


def use_the_next_day(place: Place, books: Books) -> None:
    """What really happens: the next day, and everybody has used the product."""
    wait_a_day(place, books)
    for name in ("alpha", "beta", "gamma", "delta"):
        books.add("usage_days", account=name, contact=f"p-{name}", day=place.now.date(), events=2)


def wait_some_weeks(place: Place, _books: Books) -> None:
    """Windows of 28, 56 and 90 days move past facts, and no month need begin."""
    place.now += timedelta(days=17)


CHANGES: tuple[Change, ...] = (
    use_more, use_earlier, move_a_day_of_use, ask_for_help, move_a_ticket, correct_an_answer,
    rename_a_person, pay, cancel, raise_a_price, hand_over, turn_into_a_test, make_one_account,
    forget, weigh_anew, speak_polish,
    wait_some_hours, wait_a_day, wait_some_weeks, wait_a_month, use_the_next_day,
)  # fmt: skip


def read_page(place: Place) -> str:
    now = place.now
    assert place.run("report").code == 0
    place.now = now
    return (place.path / "cs_sync_report.html").read_text(encoding="utf-8")


def assert_kept_equals_computed(place: Place) -> None:
    """Compare what is shown with what is kept, and without: at the same instant."""
    now = place.now
    shown = place.json("score"), read_page(place)
    place.now = now
    place.lose(*KEPT)
    assert (place.json("score"), read_page(place)) == shown
    place.now = now


def assert_stored_equals_shown(place: Place) -> None:
    """Compare the last run's stored scores of the day with what is shown right after it."""
    now = place.now
    shown = {row["account"]: row["reasons"] for row in place.json("score")}
    stored = place.select(
        "SELECT account_id, reasons FROM health_score WHERE as_of = ?", f"{now:%Y-%m-%d}"
    )
    reasons = {row["account_id"]: json.loads(row["reasons"]) for row in stored}
    assert {name: shown[name] for name in reasons if name in shown} == {
        name: reasons[name] for name in reasons if name in shown
    }
    assert reasons.keys() & shown.keys()
    place.now = now


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Begin:
    """A folder after a first command: each is run once, and every test goes on with a copy."""

    @cache
    def run_first(command: str) -> Place:
        place = Place(tmp_path_factory.mktemp(command))
        place.configure(CONFIG)
        make_books().keep(place)
        assert place.run(command).code in (0, 3)
        return place

    return lambda folder, command: (run_first(command).copy_to(folder), make_books())


@pytest.mark.slow("syncs and runs whole commands")
def test_only_changed_accounts_are_computed_again(begin: Begin, tmp_path: Path) -> None:
    """Beta was used, and a ticket of delta's is alpha's; gamma is as it was."""
    place, books = begin(tmp_path, "sync")
    place.json("score")
    kept = {row["key"]: row["content"] for row in read_rows(place)}
    use_more(place, books)
    move_a_ticket(place, books)
    books.keep(place)
    place.run("sync")
    shown, place.now = place.json("score"), place.now - timedelta(minutes=1)
    now = {row["key"]: row["content"] for row in read_rows(place)}
    assert {key for key in kept if key and kept[key] != now[key]} == {"beta", "alpha", "delta"}
    place.lose(*KEPT)
    assert place.json("score") == shown


@pytest.mark.slow("runs everything after each of three changes")
def test_use_since_the_last_month_touches_no_month_before(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beta is used now, gamma was 45 days ago; delta was 50 days ago, and then it was yesterday."""
    place, books = begin(tmp_path, "run")
    made: list[set[str]] = []

    def read(*arguments: Any) -> Any:
        made.append({row["id"] for row in arguments[2]})
        return read_past_states(*arguments)

    monkeypatch.setattr("cs_sync.queries.report_accounts.read_past_states", read)
    changed: list[list[set[str]]] = []
    for changes in ((use_more,), (use_earlier, move_a_day_of_use), (move_a_day_of_use,)):
        for change in changes:
            change(place, books)
        books.keep(place)
        assert place.run("run").code in (0, 3)
        changed.append([*made])
        made.clear()
    assert changed == [[], [{"gamma", "delta"}], [{"delta"}]]


@pytest.mark.slow("syncs and runs whole commands")
def test_days_of_use_are_read_again_only_where_one_changed(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next day everybody is scored again, and only beta's use was another."""
    place, books = begin(tmp_path, "run")
    asked: list[Any] = []

    def read(connection: Any, scope: Any) -> Any:
        asked.append(scope.accounts)
        return read_all_use(connection, scope)

    monkeypatch.setattr("cs_sync.queries.kept_use.read_all_use", read)
    wait_a_day(place, books)
    use_more(place, books)
    books.keep(place)
    assert place.run("run").code in (0, 3)
    assert asked == [["beta"]]
    assert_kept_equals_computed(place)


@pytest.mark.slow("syncs and runs whole commands")
def test_a_run_stores_what_a_command_computed_before_it(begin: Begin, tmp_path: Path) -> None:
    """A run stores scores that are new; those that `score` kept since the last run are."""
    place, books = begin(tmp_path, "run")
    use_more(place, books)
    books.keep(place)
    place.run("sync")
    shown = {row["account"]: row["reasons"] for row in place.json("score")}
    assert read_stored_reasons(place) != shown
    place.run("run")
    assert read_stored_reasons(place) == shown


@pytest.mark.slow("syncs and runs whole commands")
def test_a_run_with_nothing_new_stores_no_score_again(begin: Begin, tmp_path: Path) -> None:
    place, books = begin(tmp_path, "run")
    statement = "SELECT account_id, computed_at FROM health_score ORDER BY account_id"
    first = place.select(statement)
    assert len(first) == len(books.files["accounts"])
    place.run("run")
    assert place.select(statement) == first


@pytest.mark.slow("runs everything three times")
def test_who_is_asked_for_nothing_is_not_asked_again(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until something of it changed: a ticket, here. Two answered before the connection."""
    place, books = begin(tmp_path, "run")
    books.customer("epsilon", used=range(40))
    books.keep(place)
    asked: list[set[str]] = []

    def plan(views: Iterable[AccountView], *others: Any) -> FollowUpPlan:
        shown = list(views)
        asked.append({view.id for view in shown})
        return plan_follow_ups(shown, *others)

    monkeypatch.setattr("cs_sync.jobs.follow_ups.plan_follow_ups", plan)
    place.lose(*KEPT)
    for _ in range(2):
        place.run("run")
    books.ticket(77, "epsilon", "export", f"{place.now:%Y-%m-%dT%H:%M}")
    books.keep(place)
    place.run("run")
    first, second, third = asked
    assert first - second == {"alpha", "delta", "epsilon"}
    assert third - second == {"epsilon"}


@pytest.mark.slow("runs everything, and renders three pages")
def test_a_page_of_which_nothing_changed_is_kept(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour later the moment is another, and all else is as it was; a ticket makes it anew."""
    place, books = begin(tmp_path, "run")
    made: list[Any] = []

    def build(data: Any) -> Any:
        made.append(data)
        return build_page(data)

    monkeypatch.setattr("cs_sync.queries.report.build_page", build)
    first = read_page(place)
    place.now += timedelta(hours=1)
    later = read_page(place)
    assert len(made) <= 1  # the run's had another bridge: its months were not closed yet
    moment = re.compile(r'<p class="facts">.*?</p>', re.DOTALL)
    assert moment.findall(later) != moment.findall(first)
    assert moment.sub("", later) == moment.sub("", first)
    made.clear()
    ask_for_help(place, books)
    books.keep(place)
    place.run("sync")
    read_page(place)
    assert len(made) == 1


@pytest.mark.slow("runs everything, and renders two pages")
def test_the_past_of_a_line_is_kept_on_the_next_day(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ticket moves its account's score of today; late use moves its past months."""
    place, books = begin(tmp_path, "run")
    read_page(place)
    written: list[Any] = []

    def write(past: Any, money: Any) -> bytes:
        written.append(past)
        return write_past(past, money)

    monkeypatch.setattr("cs_sync.queries.report_accounts.write_past", write)
    use_the_next_day(place, books)
    ask_for_help(place, books)
    books.keep(place)
    assert place.run("run").code in (0, 3)
    asked_for_help = len(written)
    use_earlier(place, books)
    books.keep(place)
    assert place.run("run").code in (0, 3)
    assert (asked_for_help, len(written)) == (0, 1)
    assert_kept_equals_computed(place)


def read_stored_reasons(place: Place) -> dict[str, Any]:
    rows = place.select("SELECT account_id, reasons FROM health_score")
    return {row["account_id"]: json.loads(row["reasons"]) for row in rows}


@pytest.mark.slow("syncs and runs whole commands")
def test_nothing_is_kept_while_a_run_is_at_work(begin: Begin, tmp_path: Path) -> None:
    place, _ = begin(tmp_path, "sync")
    later = place.now + timedelta(hours=1)
    place.write_row("UPDATE lease SET holder = 'elsewhere:1:run', expires_at = ?", later)
    assert place.json("score")
    assert read_rows(place) == []


def read_rows(place: Place) -> list[dict[str, Any]]:
    return place.select("SELECT key, content FROM kept_result WHERE kind = 'day'")


@pytest.mark.slow("runs everything after each of many changes")
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.generate],  # a shorter list would take minutes to find
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=6))
def test_kept_equals_computed(
    begin: Begin, tmp_path_factory: pytest.TempPathFactory, steps: list[Change]
) -> None:
    place, books = begin(tmp_path_factory.mktemp("kept"), "run")
    for change in steps:
        change(place, books)
        books.keep(place)
        assert place.run("run").code in (0, 3)
    assert_stored_equals_shown(place)
    assert_kept_equals_computed(place)

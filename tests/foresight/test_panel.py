"""All month ends read at once are what each says by itself, whatever is in the books."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from sqlalchemy import Connection

from cs_sync.foresight.inputs import CONTACT
from cs_sync.foresight.panel import Panel
from cs_sync.health import build_day_scope
from cs_sync.health.columns.ownership import NOBODY, OwnerBook
from cs_sync.health.columns.signals import build_use_columns, measure_use
from cs_sync.health.columns.versions import Versions
from cs_sync.queries.observations import (
    PREDICTIVE_SIGNALS,
    ObservationRequest,
    list_month_ends,
    read_history,
    read_month_end,
)
from cs_sync.queries.panel import read_panel
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync_schemas import (
    Account,
    AccountChange,
    AccountLink,
    Contact,
    ContactAccount,
    ContactLink,
    FeatureDay,
    MrrMovement,
    MrrSpan,
    SourceAccount,
    Subscription,
    SurveyResponse,
    Ticket,
    UsageDay,
)
from cs_sync_schemas.values import CONTACT_FIELD
from tests.follow_ups.books import Books
from tests.foresight.panels import build_panel
from tests.foresight.test_reading_observations import opened
from tests.health.conftest import LONG_AGO
from tests.health.stored_rows import add_past_row, add_rows, at
from tests.jobs.road import CONFIG, Place

SOURCES = ("posthog", "segment", "totals")
REQUEST = ObservationRequest(horizon_days=30, lead_days=14)


def fill(connection: Connection, random: Random) -> None:
    """Accounts, their people's moves, and days of use; some came, went or changed later."""
    accounts = [f"a{number}" for number in range(7)]
    add_rows(connection, Account, [
        {"id": name, "is_test": name == "a5", "merged_into": "a0" if name == "a6" else None}
        for name in accounts
    ])  # fmt: skip
    links = [(source, name) for source in SOURCES for name in accounts if random.random() < 0.6]
    for source, name in links:
        link = {"source": source, "source_id": name, "account_id": name}
        if random.random() < 0.2:
            add_past_row(connection, AccountLink, {**link, "account_id": "a1"}, at(100))
            link["since"] = at(100)  # type: ignore[assignment]
        add_rows(connection, AccountLink, [link])
    for number in range(8):
        person = f"p{number}"
        add_rows(
            connection, Contact, [{"id": person, "account_id": random.choice([*accounts, None])}]
        )
        add_rows(connection, ContactLink, [
            {"source": source, "source_id": person, "contact_id": person}
            for source in SOURCES if random.random() < 0.6
        ])  # fmt: skip
        if links:
            moved, gap = random.randrange(30, 150), random.choice((0, 0, 40))
            for begun, ended in ((-900, moved), (moved + gap, None)):
                source, name = random.choice(links)
                add_rows(connection, ContactAccount, [{
                    "contact_id": person, "source": source, "account_source_id": name,
                    "valid_from": at(begun), "day_from": at(begun).date(), "stated": True,
                    "valid_to": None if ended is None else at(ended),
                    "day_to": None if ended is None else at(ended).date(),
                }])  # fmt: skip
    for number in range(240):
        model = random.choice((UsageDay, FeatureDay))
        row: dict[str, Any] = {
            "source": random.choice(SOURCES), "source_id": str(number),
            "account_source_id": random.choice([*accounts, "nobody"]),
            "contact_source_id": random.choice([None, *(f"p{place}" for place in range(9))]),
            "day": at(random.randrange(-60, 190)).date(), "events": random.choice((0, 1, 5, 40)),
            "first_seen_at": random.choice((LONG_AGO, at(80), at(200))),
            "deleted_at": random.choice((None, None, None, at(150))),
        }  # fmt: skip
        if model is FeatureDay:
            row["source"] = random.choice(SOURCES[:2])
            names = ("export", "login") if row["source"] == "posthog" else ("login",)
            row |= {"feature": random.choice(names), "users": random.choice((0, 2))}
        else:
            row |= {"sessions": random.choice((0, 1)), "seconds": 0}
            if random.random() < 0.7:
                row["account_source_id"] = None
        if random.random() < 0.2:
            add_past_row(connection, model, {**row, "events": 7, "deleted_at": None}, at(120))
            row["changed_at"] = at(120)
        add_rows(connection, model, [row])


def fill_billing(connection: Connection, random: Random, policy: str) -> None:
    """MRR in two currencies, learnt anew later, departures, and subscriptions with notices."""
    for number in range(7):
        name, known = f"a{number}", at(random.randrange(60, 170))
        for currency in ("EUR", "USD")[: random.choice((1, 1, 1, 2))]:
            for since, until in ((LONG_AGO, known), (known, None)):
                start = at(random.randrange(-200, 60))
                middle = start + timedelta(days=random.randrange(30, 200))
                end = random.choice((None, middle + timedelta(days=random.randrange(20, 90))))
                for begins, ends in ((start, middle), (middle, end)):
                    add_rows(connection, MrrSpan, [{
                        "account_id": name, "policy": policy, "currency": currency, "parts": [],
                        "valid_from": begins, "valid_to": ends, "known_from": since,
                        "known_to": until, "amount": random.choice((0, 500, 500, 700, 900)),
                    }])  # fmt: skip
        for _ in range(random.randrange(3)):
            add_rows(connection, MrrMovement, [{
                "account_id": name, "policy": policy, "currency": "EUR", "kind": "churn",
                "at": at(random.randrange(0, 200)) + timedelta(seconds=random.randrange(999)),
                "known_from": random.choice((LONG_AGO, at(120))), "amount": 500, "cause": "end",
                "known_to": random.choice((None, at(160))),
                "reason": random.choice((None, "too_expensive", "payment_failed")),
            }])  # fmt: skip
    for number in range(12):
        row: dict[str, Any] = {
            "source": random.choice(SOURCES), "source_id": str(number), "currency": "EUR",
            "account_source_id": f"a{random.randrange(7)}", "raw": None,
            "status": random.choice(("active", "canceled", "incomplete")),
            "started_at": at(random.randrange(-90, 100)),
            "canceled_at": random.choice((None, at(random.randrange(200)))),
            "ended_at": random.choice((None, at(random.randrange(100, 200)))),
        }  # fmt: skip
        if random.random() < 0.5:
            add_past_row(connection, Subscription, {**row, "canceled_at": None}, at(130))
            row["changed_at"] = at(130)
        add_rows(connection, Subscription, [row])


def fill_voices(connection: Connection, random: Random) -> None:
    """Tickets and answers of accounts and people, two answers of one instant among them."""
    for number in range(60):
        row: dict[str, Any] = {
            "source": random.choice(SOURCES), "source_id": str(number),
            "account_source_id": random.choice((None, None, f"a{random.randrange(7)}")),
            "contact_source_id": random.choice((None, f"p{random.randrange(9)}")),
            "first_seen_at": random.choice((LONG_AGO, at(80), at(150))),
            "deleted_at": random.choice((None, None, at(150))),
        }  # fmt: skip
        when = at(random.randrange(-60, 190)) + timedelta(hours=random.randrange(24))
        add_rows(connection, Ticket, [{**row, "opened_at": when}])
        kind = random.choice(("nps", "csat"))
        answer = {**row, "kind": kind, "score": random.choice((None, 1, 4, 5)), "scale_min": 0,
                  "scale_max": 10 if kind == "nps" else 5,
                  "answered_at": at(random.randrange(0, 190, 10))}  # fmt: skip
        if random.random() < 0.3:
            add_past_row(connection, SurveyResponse, {**answer, "score": 2}, at(100))
            answer["changed_at"] = at(100)
        add_rows(connection, SurveyResponse, [answer])


def fill_contacts(connection: Connection, random: Random) -> None:
    """Last contacts of a CRM that tells its past, some of it later."""
    for source, number in product(SOURCES, range(7)):
        days = sorted(random.randrange(-200, 190) for _ in range(random.randrange(8)))
        row: dict[str, Any] = {"source": source, "source_id": f"a{number}", "raw": None}
        last = at(days[-1]) if days else None
        add_rows(connection, SourceAccount, [{**row, "last_contacted_at": last}])
        add_rows(connection, AccountChange, [
            {**row, "source_id": f"a{number}:{place}", "account_source_id": f"a{number}",
             "field": CONTACT_FIELD, "happened_at": at(day) + timedelta(hours=1),
             "value_at": at(day), "first_seen_at": random.choice((LONG_AGO, LONG_AGO, at(150)))}
            for place, day in enumerate(days)
        ])  # fmt: skip


def make_workspace(folder: Path, seed: int) -> Place:
    """Synced in August 2025, and filled with what came to be known until January."""
    place = Place(folder, datetime(2025, 8, 5, 8, tzinfo=UTC))
    place.configure(CONFIG)
    books, random = Books(), Random(seed)
    books.customer("first", since="2025-03-01")
    books.keep(place)
    assert place.run("sync").code == 0
    place.now = at(190)
    with opened(place) as workspace, workspace.store.write() as connection:
        fill(connection, random)
        fill_billing(connection, random, get_mrr_policy(workspace).hash)
        fill_voices(connection, random)
        fill_contacts(connection, random)
    return place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make_workspace(tmp_path_factory.mktemp("panel"), 0)


def list_contents(panel: Panel) -> list[tuple[Any, ...]]:
    """Every observation with all that is known of it."""
    names = {name: column.tolist() for name, column in panel.values.items()}
    return [
        (
            panel.days[panel.cutoff[row]], panel.names[panel.account[row]],
            int(panel.outcome[row]), int(panel.mrr[row]), panel.currencies[panel.currency[row]],
            panel.bands[panel.band[row]] if panel.band[row] >= 0 else None,
            {name: column[row] for name, column in names.items() if column[row] == column[row]},
        )
        for row in range(panel.size)
    ]  # fmt: skip


KINDS = ("plain", "features", "hindsight", "scored", "contacts")


def compare(place: Place, kind: str, months: slice) -> Panel:
    """The panel of some months, which says what each of them says by itself."""
    request = replace(REQUEST, scored=kind == "scored", hindsight=kind == "hindsight")
    if kind == "contacts":
        request = replace(request, signals=(*PREDICTIVE_SIGNALS, CONTACT))
    with opened(place) as workspace:
        metrics = workspace.config.metrics
        features = ("export",) if kind == "features" else ()
        chosen = workspace.config.model_copy(
            update={"metrics": metrics.model_copy(update={"active_features": features})}
        )
        asked = replace(workspace, config=chosen)
        history = read_history(asked)
        windows = list_month_ends(asked, history, request)
        assert len(windows) >= 9
        windows = windows[months]
        each = [read_month_end(asked, history, window, request) for window in windows]
        panel, expected = read_panel(asked, request, windows), build_panel(each)
    assert list_contents(panel) == list_contents(expected)
    assert list(panel.values) == list(expected.values)
    assert (panel.names, panel.currencies) == (expected.names, expected.currencies)
    return panel


@pytest.mark.slow("simulates books")
@pytest.mark.parametrize("kind", KINDS)
def test_a_panel_is_what_its_month_ends_say(place: Place, kind: str) -> None:
    """Of a month end before the first sync of all and of one long after it."""
    panel = compare(place, kind, slice(4, None, 3))
    assert len(panel.days) >= 2
    known = {name for name, column in panel.values.items() if not np.isnan(column).all()}
    assert known >= {"tickets_30", "tenure_months", "mrr_change_90"}
    assert (CONTACT in known) == (kind == "contacts")


@pytest.mark.slow("reads ten month ends one by one, of four workspaces, four times")
@pytest.mark.parametrize("seed", range(1, 5))
def test_panels_of_other_books(tmp_path: Path, seed: int) -> None:
    place = make_workspace(tmp_path, seed)
    panels = [compare(place, kind, slice(None)) for kind in KINDS]
    known = {name for panel in panels for name, column in panel.values.items()
             if not np.isnan(column).all()}  # fmt: skip
    assert known >= {*PREDICTIVE_SIGNALS, CONTACT, "billing_standing"}


def test_a_trend_by_hand() -> None:
    """Of 31 December: 4 to 31 December are recent, 6 November to 3 December came before."""
    days = [date(2025, 11, 6), date(2025, 12, 3), date(2025, 12, 4), date(2026, 1, 1)]
    nobody = Versions({name: np.empty(0, np.int64) for name in (
        "account", "name", "source", "person", "contact",
        "day_from", "day_to", "valid_from", "valid_to",
    )})  # fmt: skip
    links = Versions({name: np.zeros(1, np.int64) for name in ("name", "source", "account")})
    book = OwnerBook(
        {"acme": 0}, {}, {"posthog": 0}, {("posthog", "acme"): 0}, {},
        Versions({"account": np.zeros(1, np.int64)}), links, nobody, nobody, nobody,
    )  # fmt: skip
    rows = Versions({
        "unit": np.zeros(4, np.int64), "day": np.array([day.toordinal() for day in days]),
        "events": np.array([2, 8, 6, 83]),
    })  # fmt: skip
    units = {"name": np.zeros(1, np.int64), "person": np.array([NOBODY]),
             "source": np.zeros(1, np.int64)}  # fmt: skip
    use, owners = build_use_columns(rows, units, book), book.find_owners(0)

    def measure(day: date) -> dict[str, float]:
        scope = build_day_scope(day)
        return {
            name: float(column.values[0]) for name, column in measure_use(use, owners, 0, scope)
        }

    assert measure(date(2025, 12, 31)) == {
        "active_days_28": 1, "days_since_use": 27, "usage_trend_28": 6 / 10,
    }  # fmt: skip
    assert np.isnan(measure(date(2025, 12, 30))["usage_trend_28"])
    assert np.isnan(measure(date(2025, 11, 5))["days_since_use"])

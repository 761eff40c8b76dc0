"""As known then: what one would have printed, whatever was learnt, corrected or deleted since."""

import re
from textwrap import dedent
from typing import Any

import pytest

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import list_whole_periods
from cs_sync.metrics.registry import list_builtin_metrics
from cs_sync.store.engine import Store
from cs_sync.store.records.write import WriteContext, soft_delete, store_rows
from cs_sync_schemas import RECORDS, VERSIONED, Ticket, get_history_table, get_table
from tests.jobs.road import BOOKS, Place, small_company
from tests.metrics.conftest import LONG_AGO, utc

pytestmark = pytest.mark.slow("computes every metric as of many days")

MORE = {
    "costs.csv": "source_id,month,purpose,amount,currency\n"
    "c1,2026-02-01,acquisition,50000,EUR\nc2,2026-02-01,service,9000,EUR\n",
    "referrals.csv": "source_id,account,referred_at\nr1,alpha,2026-02-03\n",
    "onboarding_steps.csv": "source_id,account,checklist,step,required,due_at,done_at\n"
    "o1,alpha,start,import,true,2026-02-10,2026-02-08\n",
    "feature_days.csv": "account,feature,day,users,events\nalpha,export,2026-02-03,2,5\n",
    "fx_rates.csv": "source_id,day,base,quote,rate\nx1,2026-01-31,USD,EUR,0.8\n",
}
CHANGED = {
    "survey_responses.csv": """
        source_id,kind,contact,score,scale_min,scale_max,answered_at,comment
        n1,nps,ann,0,0,10,2026-02-12T10:00,
        n2,nps,ben,1,0,10,2026-02-13T10:00,
        c1,csat,ann,1,1,5,2026-02-18T12:00,
        """,
    "tickets.csv": """
        source_id,account,requester,subject,topic,status,opened_at,solved_at
        12,alpha,ann,Export stops,import,open,2026-02-10T10:00,
        14,beta,cleo,New,import,open,2026-02-11T10:00,
        """,
    "usage_days.csv": """
        account,contact,day,events
        alpha,ann,2026-02-02,0
        beta,cleo,2026-02-03,9
        """,
    "costs.csv": "source_id,month,purpose,amount,currency\nc1,2026-02-01,acquisition,1,EUR\n",
    "referrals.csv": "source_id,account,referred_at\nr2,beta,2026-02-03\n",
    "onboarding_steps.csv": "source_id,account,checklist,step,required,due_at,done_at\n"
    "o1,alpha,start,import,true,2026-02-10,\n",
    "feature_days.csv": "account,feature,day,users,events\nalpha,export,2026-02-03,1,1\n",
    "fx_rates.csv": "source_id,day,base,quote,rate\nx1,2026-01-31,USD,EUR,0.5\n",
    "subscription_items.csv": """
        source_id,subscription,valid_from,unit_amount,quantity,interval,interval_count
        i-alpha,s-alpha,2025-01-01,100,10,month,1
        i-beta,s-beta,2025-01-15,120000,1,year,1
        i-gamma,s-gamma,2025-01-01,7000,1,month,1
        i-delta,s-delta,2026-02-05,9000,1,month,3
        """,
    "accounts.csv": """
        source_id,name,domain,attr.plan
        alpha,Alpha,alpha.example,solo
        beta,Beta,beta.example,solo
        gamma,Gamma,gamma.example,team
        delta,Delta,delta.example,team
        """,
}
EARLIER, LATER = utc(2026, 3, 10, 8), utc(2026, 4, 10, 8)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = small_company(tmp_path_factory.mktemp("then"))
    for name, text in MORE.items():
        made.write(f"data/{name}", text)
    items = BOOKS["subscription_items.csv"] + "i-usd,s-usd,2025-06-01,1000,1,month,1\n"
    made.write("data/subscription_items.csv", items)
    made.write(
        "data/subscriptions.csv",
        BOOKS["subscriptions.csv"] + "s-usd,delta,active,2025-06-01,USD,,,\n",
    )
    made.now = EARLIER
    assert made.run("sync").code == 0
    return made


def printed(place: Place, *options: str) -> list[dict[str, Any]]:
    """All metrics of February, whole and by plan, under one instant of asking."""
    range_ = ("--since", "2026-02-01", "--until", "2026-03-01")
    rows = place.json("metrics", *range_, *options)
    rows += place.json("metrics", *range_, "--by", "plan", *options)
    return [{key: row[key] for key in row if key != "stale_since"} for row in rows]


def test_what_was_printed_can_be_printed_again(place: Place) -> None:
    then = printed(place)
    known = place.now
    place.now = LATER
    for name, text in CHANGED.items():
        place.write(f"data/{name}", dedent(text).lstrip())
    subscriptions = BOOKS["subscriptions.csv"].replace("2026-02-20,too_exp", "2026-02-25,too_exp")
    place.write("data/subscriptions.csv", subscriptions)
    assert place.run("sync", "--allow-deletions").code == 0
    now = printed(place)
    assert printed(place, "--known-at", known.isoformat()) == then
    values = [
        {(r["metric"], str(r["segment"]), r["period_start"], r["currency"]): r["value"] for r in x}
        for x in (then, now)
    ]
    differing = {key[0] for key, value in values[0].items() if values[1].get(key) != value}
    assert {"mrr", "nps", "csat", "dau", "open_tickets", "cac"} <= differing


def test_every_statement_reads_the_past_only_through_its_history() -> None:
    """No metric may look at a remembered table as it is now."""
    periods = list_whole_periods(utc(2026, 1, 1).date(), utc(2026, 3, 1).date(), "month", "UTC")
    scope = Scope(periods, known_at=EARLIER)
    for metric in list_builtin_metrics():
        actual = str(metric.build_statement(scope))
        for name in VERSIONED:
            assert not re.search(rf"\b{name} (JOIN|ON|AS)\b", actual)


def test_a_version_is_kept_when_it_is_replaced_and_when_it_is_buried(store: Store) -> None:
    table, history = get_table(Ticket), get_history_table(get_table(Ticket))
    assert history is not None

    def ticket(name: str, digest: str) -> dict[str, Any]:
        row = Ticket.model_construct(
            source_id="1", subject=name, status="open", opened_at=LONG_AGO, row_hash=digest
        ).model_dump()
        return {key: value for key, value in row.items() if key != "raw"} | {"raw": None}

    days = [utc(2026, 3, day) for day in (1, 2, 3, 4)]
    with store.write() as connection:
        store_rows(connection, Ticket, [ticket("one", "1")], WriteContext("desk", days[0]))
        store_rows(connection, Ticket, [ticket("one", "1")], WriteContext("desk", days[1]))
        store_rows(connection, Ticket, [ticket("two", "2")], WriteContext("desk", days[1]))
        soft_delete(connection, Ticket, ["1"], WriteContext("desk", days[2]))
        store_rows(connection, Ticket, [ticket("two", "2")], WriteContext("desk", days[3]))
        rows = connection.execute(history.select().order_by(history.c.changed_at)).all()
        (now,) = connection.execute(table.select()).all()
    actual = [(r.subject, r.changed_at, r.deleted_at, r.known_to) for r in rows]
    assert actual == [
        ("one", days[0], None, days[1]),
        ("two", days[1], None, days[2]),
        ("two", days[2], days[2], days[3]),
    ]
    assert (now.subject, now.changed_at, now.deleted_at) == ("two", days[3], None)


def test_a_twin_has_the_columns_of_its_record() -> None:
    for record in RECORDS:
        history = get_history_table(get_table(record))
        assert (history is not None) == (record.__tablename__ in VERSIONED)
        if history is not None:
            fields = set(record.model_fields) - {"raw", "row_hash", "last_seen_at"}
            assert set(history.c.keys()) == fields | {"known_to"}

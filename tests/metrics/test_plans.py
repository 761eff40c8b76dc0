"""The attribute `plan` where no source has one: the product that most of the MRR pays for."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from cs_sync.metrics.mrr.plans import PlanPeriod, list_plan_periods
from cs_sync.metrics.mrr.rows import SpanRow
from cs_sync.store.engine import Store
from cs_sync.store.queries.attributes import save_plans
from cs_sync_schemas import AccountAttribute, Product, get_table
from cs_sync_schemas.times import count_microseconds
from tests.jobs.road import CONFIG, Place
from tests.metrics.conftest import utc

ATTRIBUTE, PRODUCT = get_table(AccountAttribute), get_table(Product)
JAN, FEB, MAR, APR = (utc(2026, month, 1) for month in (1, 2, 3, 4))


def span(since: datetime, until: datetime | None, **paid: int) -> SpanRow:
    parts = tuple(
        ("files", "s", f"i-{product}", product, None, Decimal(1), amount)
        for product, amount in paid.items()
    )
    return (
        "EUR",
        count_microseconds(since),
        None if until is None else count_microseconds(until),
        sum(paid.values()),
        parts,
        False,
    )


def on(product: str, since: datetime, until: datetime | None) -> PlanPeriod:
    return PlanPeriod(("files", product), since, until)


@pytest.mark.parametrize(
    ("spans", "held"),
    [
        ([], []),
        ([span(JAN, None, basic=10)], [on("basic", JAN, None)]),
        ([span(JAN, FEB, basic=10), span(FEB, None, basic=20)], [on("basic", JAN, None)]),
        (
            [span(JAN, FEB, basic=10), span(FEB, None, basic=10, pro=30)],
            [on("basic", JAN, FEB), on("pro", FEB, None)],
        ),
        ([span(JAN, FEB, pro=10), span(MAR, APR, pro=10)], [on("pro", JAN, None)]),
        ([span(JAN, FEB, pro=10, basic=10)], [on("basic", JAN, None)]),
    ],
    ids=["never paid", "one", "more of it", "an addition outweighs it", "left and back", "equal"],
)
def test_the_plan_is_what_most_is_paid_for(
    spans: Sequence[SpanRow], held: list[PlanPeriod]
) -> None:
    assert list_plan_periods(spans) == held


def test_a_part_without_a_product_has_no_say() -> None:
    loose = ("files", "s", "i", None, "price_1", Decimal(1), 500)
    currency, since, until, _, named, reconstructed = span(JAN, None, pro=10)
    both = (currency, since, until, 510, (loose, *named), reconstructed)
    assert list_plan_periods([both]) == [on("pro", JAN, None)]


def test_a_plan_has_the_name_of_its_product_and_keeps_what_was_believed(store: Store) -> None:
    def named(now: datetime, name: str) -> None:
        with store.write() as connection:
            connection.execute(PRODUCT.delete())
            row = {"source": "stripe", "source_id": "prod_1", "name": name, "is_active": True}
            seen = {"first_seen_at": now, "last_seen_at": now, "changed_at": now, "row_hash": name}
            connection.execute(PRODUCT.insert().values(**row, **seen))
            save_plans(connection, {"a": [PlanPeriod(("stripe", "prod_1"), JAN, None)]}, now)

    named(FEB, "Pro")
    named(MAR, "Pro")
    named(APR, "Professional")
    with store.read() as connection:
        rows = connection.execute(ATTRIBUTE.select().order_by(ATTRIBUTE.c.known_from)).all()
    assert [(r.value, r.known_from, r.known_to) for r in rows] == [
        ("Pro", FEB, APR),
        ("Professional", APR, None),
    ]


def paying(tmp_path: Path, accounts: str) -> Place:
    """`a` leaves basic (10.00) for pro (30.00) on 10 February; `b` pays 50.00 for pro."""
    place = Place(tmp_path, now=utc(2026, 3, 10))
    place.configure(CONFIG)
    place.write("data/accounts.csv", accounts)
    place.write(
        "data/subscriptions.csv",
        "source_id,account,status,started_at,currency\n"
        "s-a,a,active,2026-01-05,EUR\ns-b,b,active,2026-01-05,EUR\n",
    )
    place.write(
        "data/subscription_items.csv",
        "source_id,subscription,product,valid_from,valid_to,unit_amount\n"
        "i-a,s-a,basic,2026-01-05,2026-02-10,1000\ni-a,s-a,pro,2026-02-10,,3000\n"
        "i-b,s-b,pro,2026-01-05,,5000\n",
    )
    assert place.run("sync").code == 0
    return place


@pytest.mark.slow("computes whole books")
def test_a_change_of_plan_is_a_reclass_on_its_own_day(tmp_path: Path) -> None:
    place = paying(tmp_path, "source_id\na\nb\n")
    rows = place.json("mrr", "--since", "2026-02-01", "--until", "2026-03-01", "--by", "plan")
    assert sum(row["opening"] for row in rows) == 60_00
    assert sum(row["reclass"] for row in rows) == 0
    assert sum(row["closing"] for row in rows) == 80_00
    assert len(rows) == 2
    january = place.json("metrics", "--as-of", "2026-02-01", "--metric", "mrr", "--by", "plan")
    february = place.json("metrics", "--as-of", "2026-03-01", "--metric", "mrr", "--by", "plan")
    assert {r["segment"]["plan"]: r["value"] for r in january} == {"basic": 10_00, "pro": 50_00}
    assert {r["segment"]["plan"]: r["value"] for r in february if r["value"]} == {"pro": 80_00}


@pytest.mark.slow("computes whole books")
def test_a_source_that_says_plans_is_believed(tmp_path: Path) -> None:
    place = paying(tmp_path, "source_id\na\nb\n")
    place.write("data/accounts.csv", "source_id,attr.plan\na,gold\nb,\n")
    assert place.run("sync").code == 0
    rows = place.json("metrics", "--as-of", "2026-03-01", "--metric", "mrr", "--by", "plan")
    assert {r["segment"]["plan"]: r["value"] for r in rows} == {"gold": 30_00, None: 50_00}

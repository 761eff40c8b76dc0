"""What is learnt of a closed month, or put right in it, makes no task; what happens does."""

from datetime import UTC, datetime

import pytest

from tests.follow_ups.days import CRM, QUIET
from tests.jobs.road import CONFIG, Place
from tests.write_back.portal import Portal

pytestmark = pytest.mark.slow("runs and pushes on many days")

HEAD = '\n    [follow_ups]\n    assignee = "head@example.com"\n'
NAMES = [f"c{number}" for number in range(10)]


def write(place: Place, *, ended: dict[str, str] | None = None, versions: str = "") -> None:
    """Ten customers at 20.00 since January; `versions` are further lines of their items."""
    ended = ended or {}
    place.write("data/accounts.csv", "source_id\n" + "".join(f"{name}\n" for name in NAMES))
    rows = [
        f"s-{name},{name},{'canceled' if name in ended else 'active'},2026-01-01,EUR,"
        f"{ended.get(name, '')}\n"
        for name in NAMES
    ]
    head = "source_id,account,status,started_at,currency,ended_at\n"
    place.write("data/subscriptions.csv", head + "".join(rows))
    items = "".join(f"i-{name},s-{name},2026-01-01,2000\n" for name in NAMES)
    head = "source_id,subscription,valid_from,unit_amount\n"
    place.write("data/subscription_items.csv", head + items + versions)


def tasks(place: Place, month: int, day: int, playbook: str) -> list[str]:
    """The occasions of a playbook after a run on that day."""
    place.now = datetime(2026, month, day, 6, tzinfo=UTC)
    ran = place.run("run", "--yes")
    assert ran.code == 0, ran
    rows = place.select("SELECT occasion FROM follow_up WHERE playbook = ?", playbook)
    return [row["occasion"] for row in rows]


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory, portal: Portal) -> Place:
    """February is closed with ten customers at 20.00."""
    made = Place(tmp_path_factory.mktemp("restated"))
    made.configure(CONFIG + CRM + QUIET + HEAD)
    portal.companies.update({name: {} for name in NAMES})
    write(made)
    assert tasks(made, 2, 20, "contraction_contact") == []
    assert tasks(made, 3, 2, "exit_surveys") == []
    return made


def test_a_contraction_of_a_closed_month_that_is_learnt_late_makes_none(place: Place) -> None:
    write(place, versions="i-c1,s-c1,2026-02-26,1500\n")
    assert tasks(place, 3, 5, "contraction_contact") == []
    (row,) = place.json("mrr", "--since", "2026-02-01", "--until", "2026-03-01")
    assert (row["contraction"], row["closing"]) == (0, 20_000)
    happens = "i-c1,s-c1,2026-02-26,1500\ni-c2,s-c2,2026-03-06,1200\n"
    write(place, versions=happens)
    assert tasks(place, 3, 7, "contraction_contact") == ["2026-03-05T23:00:00+00:00"]


def test_a_past_price_that_is_put_right_makes_none(place: Place) -> None:
    """25.00 since the 3rd of March, it seems, until the price before turns out to have been 40."""
    write(place, versions="i-c3,s-c3,2026-03-03,2500\n")
    assert tasks(place, 3, 4, "contraction_contact") == []
    put_right = "i-c3,s-c3,2026-01-02,4000\ni-c3,s-c3,2026-03-03,2500\n"
    write(place, versions=put_right)
    assert tasks(place, 3, 6, "contraction_contact") == []
    (row,) = place.json("metrics", "--metric", "contraction_mrr", "--since", "2026-02-01",
                        "--until", "2026-03-01")  # fmt: skip
    assert row["value"] == 0


def test_churn_of_a_closed_month_that_is_learnt_late_asks_for_no_surveys(place: Place) -> None:
    write(place, ended={"c4": "2026-02-10", "c5": "2026-02-11"})
    assert tasks(place, 3, 5, "exit_surveys") == []
    (rate,) = place.json("metrics", "--metric", "customer_churn_rate", "--as-of", "2026-03-01")
    assert rate["value"] == 0.2
    ended = {"c4": "2026-02-10", "c5": "2026-02-11", "c6": "2026-03-10", "c7": "2026-03-12"}
    write(place, ended=ended)
    assert tasks(place, 3, 20, "exit_surveys") == []
    assert tasks(place, 4, 2, "exit_surveys") == ["month from 2026-03-01"]

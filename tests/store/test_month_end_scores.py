"""The scores at the ends of past months, as they were stored."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import create_engine

from cs_sync.store.queries.stored_scores import read_month_end_scores
from cs_sync_schemas import Account, HealthScore, get_table

AT = datetime(2026, 11, 21, tzinfo=UTC)
ENDS = (date(2026, 9, 30), date(2026, 10, 31))


def stored(account: str, day: str, score: float | None, mode: str = "weighted") -> dict[str, Any]:
    values = {"model": "m", "computed_at": AT, "band": "green", "coverage": 1.0}
    lists: dict[str, Any] = {"contributions": [], "reasons": []}
    key = {"account_id": account, "as_of": date.fromisoformat(day), "mode": mode, "score": score}
    return {**key, **values, **lists}


def test_the_last_day_with_scores_in_the_last_week_of_each_month_counts() -> None:
    """The last run of September was on the 28th, a Monday; October ended on a day with a run."""
    rows = [
        stored("acme", "2026-09-25", 50.0),
        stored("acme", "2026-09-28", 61.4),
        stored("acme", "2026-10-31", 70.0),
        stored("acme", "2026-10-31", 7.0, "points"),
        stored("acme", "2026-11-20", 99.0),
        stored("birch", "2026-09-23", 40.0),
        stored("birch", "2026-10-31", None),
        stored("gone", "2026-10-31", 30.0),
    ]
    engine = create_engine("sqlite://")
    accounts, scores = get_table(Account), get_table(HealthScore)
    with engine.begin() as connection:
        accounts.metadata.create_all(connection, [accounts, scores])
        live = {"attributes": {}, "is_test": False, "first_seen_at": AT, "changed_at": AT}
        connection.execute(accounts.insert(), [{"id": id_, **live} for id_ in ("acme", "birch")])
        connection.execute(scores.insert(), rows)
        actual = read_month_end_scores(connection, "weighted", ENDS)
    assert actual == {"acme": {"2026-09": 61.4, "2026-10": 70.0}}

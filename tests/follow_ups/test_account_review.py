"""The review of a red account."""

from datetime import UTC, date, datetime, timedelta

from cs_sync.follow_ups import AccountView
from tests.follow_ups.views import NOW, drafts, view


def red(**fields: object) -> AccountView:
    return view(**({"band": "red", "band_since": date(2025, 11, 3)} | fields))


def test_a_red_account_is_reviewed_once_per_time_in_red() -> None:
    (review,) = drafts("account_review", red())
    assert review.title == "Review Acme: health is red"
    assert review.occasion == "red since 2025-11"
    assert review.due_at == datetime(2025, 11, 23, 16, tzinfo=UTC)  # 17 o'clock in Warsaw
    assert "Health has been red since at least 3 Nov.\n\nWhat to say:\n" in review.body
    later = drafts("account_review", red(now=NOW + timedelta(days=60)))
    assert [again.key for again in later] == [review.key]


def test_a_lost_history_finds_the_same_occasion_within_the_month() -> None:
    (review,) = drafts("account_review", red())
    (again,) = drafts("account_review", red(band_since=None))
    assert again.key == review.key


def test_a_new_time_in_red_is_a_new_occasion() -> None:
    (first,) = drafts("account_review", red(band_since=date(2025, 8, 30)))
    (second,) = drafts("account_review", red())
    assert first.key != second.key


def test_other_bands_and_accounts_that_pay_nothing_are_left_alone() -> None:
    for band in ("yellow", "green", "excellent", "insufficient", None):
        assert drafts("account_review", red(band=band)) == []
    assert drafts("account_review", red(mrr={})) == []
    assert drafts("account_review", red(mrr={"EUR": 0})) == []
    assert len(drafts("account_review", red(mrr={}), paying_only=False)) == 1

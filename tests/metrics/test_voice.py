"""NPS, CSAT and CES against published arithmetic."""

from datetime import date
from typing import Any

import pytest

from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_period
from cs_sync_schemas import Contact, ContactLink, SurveyResponse
from tests.metrics.conftest import Ledger, utc

JUNE = find_period(date(2026, 6, 1), "month", "UTC")


def answers(ledger: Ledger, kind: str, *scores: float, start: int = 0, **fields: Any) -> None:
    """One respondent per score, all in mid-June."""
    scale = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}[kind]
    ledger.add(
        SurveyResponse,
        *(
            {
                "source_id": f"{kind}{start + n}", "kind": kind, "score": score,
                "contact_source_id": f"c{start + n}", "answered_at": utc(2026, 6, 15),
                "scale_min": scale[0], "scale_max": scale[1], **fields,
            }
            for n, score in enumerate(scores)
        ),
    )  # fmt: skip


def only_row(ledger: Ledger, metric: str, scope: Scope = Scope((JUNE,))) -> KpiRow:  # noqa: B008
    [row] = ledger.kpis(metric, scope)
    return row


def test_drifts_example_of_200_answers_makes_40(ledger: Ledger) -> None:
    """100 promoters, 80 passives, 20 detractors: 50 % − 10 %; at 95 % ± 9.2."""
    answers(ledger, "nps", *[9, 10] * 50, *[7, 8] * 40, *[0, 6] * 10)
    row = only_row(ledger, "nps")
    assert (row.value, row.numerator, row.denominator, row.n) == (40, 80, 200, 200)
    assert row.low == pytest.approx(30.8, abs=0.05)
    assert row.high == pytest.approx(49.2, abs=0.05)
    assert row.status == "final"


def test_nps_is_promoters_minus_detractors_not_the_other_way_round(ledger: Ledger) -> None:
    answers(ledger, "nps", 0, 3, 6)
    assert only_row(ledger, "nps").value == -100


def test_the_edges_of_the_bands(ledger: Ledger) -> None:
    answers(ledger, "nps", 6, 7, 8, 9)
    row = only_row(ledger, "nps")
    assert (row.value, row.status) == (0, "insufficient")


def test_only_the_latest_answer_of_a_respondent_counts(ledger: Ledger) -> None:
    answers(ledger, "nps", 0, answered_at=utc(2026, 5, 1))
    answers(ledger, "nps", 10, start=1, contact_source_id="c0")
    ledger.add(
        SurveyResponse,
        {
            "source": "other", "source_id": "x", "kind": "nps", "score": 10,
            "contact_source_id": "c0", "answered_at": utc(2026, 6, 20),
        },
    )  # fmt: skip
    row = only_row(ledger, "nps")
    assert (row.value, row.n) == (100, 2)  # c0 of another source is somebody else


def test_one_person_known_to_two_sources_answers_once(ledger: Ledger) -> None:
    answers(ledger, "nps", 0)
    answers(ledger, "nps", 10, start=1, source="other", answered_at=utc(2026, 6, 16))
    ledger.add(Contact, {"id": "ann"})
    ledger.add(
        ContactLink,
        {"source_id": "c0", "contact_id": "ann"},
        {"source": "other", "source_id": "c1", "contact_id": "ann"},
    )
    row = only_row(ledger, "nps")
    assert (row.value, row.n) == (100, 1)


def test_the_window_is_half_open_and_trails_the_period(ledger: Ledger) -> None:
    """90 days before 1 July are 2 April."""
    moments = [utc(2026, 4, 1, 23, 59), utc(2026, 4, 2), utc(2026, 6, 30, 23, 59), utc(2026, 7, 1)]
    for n, moment in enumerate(moments):
        answers(ledger, "nps", 10, start=n, answered_at=moment)
    assert only_row(ledger, "nps").n == 2
    wide = Scope((JUNE,), settings={"nps": {"window_days": 91}})
    assert only_row(ledger, "nps", wide).n == 3


def test_answers_in_words_only_and_gone_ones_do_not_count(ledger: Ledger) -> None:
    answers(ledger, "nps", 10)
    answers(ledger, "nps", 0, start=1, deleted_at=utc(2026, 6, 16))
    ledger.add(
        SurveyResponse,
        {"source_id": "w", "kind": "nps", "comment": "hm", "answered_at": utc(2026, 6, 15)},
    )
    assert only_row(ledger, "nps").n == 1
    before = Scope((JUNE,), known_at=utc(2026, 6, 15, 12))
    assert only_row(ledger, "nps", before).n == 2


def test_anonymous_answers_count_one_by_one(ledger: Ledger) -> None:
    answers(ledger, "nps", 10, 10, 0, contact_source_id=None)
    assert only_row(ledger, "nps").n == 3


def test_answers_reach_their_segment_through_account_or_person(ledger: Ledger) -> None:
    ledger.account("a", attributes={"plan": "pro"})
    ledger.account("t", is_test=True)
    answers(ledger, "nps", 10, account_source_id="a", contact_source_id=None)
    answers(ledger, "nps", 0, start=1)
    answers(ledger, "nps", 0, start=2, account_source_id="t")
    answers(ledger, "nps", 8, start=3)
    ledger.person("ann", "c1", "a")
    rows = ledger.kpis("nps", Scope((JUNE,), by=("plan",)))
    assert {(r.segment["plan"], r.value, r.n) for r in rows} == {("pro", 0, 2), (None, 0, 1)}
    assert ledger.kpis("nps", Scope((JUNE,)))[0].n == 3


def test_csat_is_four_and_five_of_five_over_all_who_answered(ledger: Ledger) -> None:
    answers(ledger, "csat", 5, 4, 4, 3, 1)
    row = only_row(ledger, "csat")
    assert (row.value, row.numerator, row.n) == (0.6, 3, 5)
    # Wilson's interval for 3 of 5, as tables print it.
    assert row.low == pytest.approx(0.2307, abs=1e-4)
    assert row.high == pytest.approx(0.8824, abs=1e-4)


@pytest.mark.parametrize(
    ("scale", "scores", "better", "satisfied"),
    [
        ((0, 1), [0, 1, 1], True, 2),  # Zendesk's bad and good
        ((0, 2), [0, 1, 2], True, 1),  # HubSpot's three faces
        ((1, 7), [5, 6, 7], True, 2),
        ((1, 5), [1, 2, 3], False, 2),  # one is best
    ],
)
def test_csat_on_other_scales(
    ledger: Ledger, scale: tuple[int, int], scores: list[int], better: bool, satisfied: int
) -> None:
    answers(
        ledger, "csat", *scores, scale_min=scale[0], scale_max=scale[1], higher_is_better=better
    )
    assert only_row(ledger, "csat").numerator == satisfied


def test_ces_of_100_answers_that_sum_to_540_is_5_4(ledger: Ledger) -> None:
    answers(ledger, "ces", *[5] * 60, *[6] * 40)
    row = only_row(ledger, "ces")
    assert row.value == pytest.approx(5.4)
    assert row.n == 100


def test_eight_of_ten_who_say_five_or_more_found_it_easy(ledger: Ledger) -> None:
    answers(ledger, "ces", 7, 7, 6, 6, 6, 5, 5, 5, 4, 1)
    assert only_row(ledger, "ces_easy").value == 0.8


def test_ces_that_asks_for_effort_is_turned_round(ledger: Ledger) -> None:
    answers(ledger, "ces", 1, 2, higher_is_better=False)
    assert only_row(ledger, "ces").value == pytest.approx(6.5)


def test_no_answers_are_unknown_not_nought(ledger: Ledger) -> None:
    row = only_row(ledger, "nps")
    assert (row.value, row.low, row.n, row.status) == (None, None, 0, "insufficient")


def test_surveys_of_one_kind_can_be_kept_apart(ledger: Ledger) -> None:
    """Asked after a ticket: 0 and 10. Asked about the relationship, earlier: 9 and 10."""
    answers(ledger, "nps", 9, 10, survey="relationship", answered_at=utc(2026, 6, 1))
    later = {"survey": "after a ticket", "answered_at": utc(2026, 6, 9)}
    for person, score in (("c0", 0), ("c1", 10)):
        answers(ledger, "nps", score, start=10 + score, contact_source_id=person, **later)
    assert only_row(ledger, "nps").value == 0  # the latest of each, whatever was asked
    scope = Scope((JUNE,), settings={"nps": {"surveys": ["relationship"]}})
    assert only_row(ledger, "nps", scope).value == 100
    rows = ledger.kpis("nps_by_survey", Scope((JUNE,)))
    assert {row.segment["survey"]: row.value for row in rows} == {
        "after a ticket": 0, "relationship": 100,
    }  # fmt: skip

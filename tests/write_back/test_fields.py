"""Which field values count as changed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cs_sync.write_back.fields import (
    DEAD_BAND,
    DEPENDENT_FIELDS,
    RELATIVE_DEAD_BAND,
    AccountFields,
    build_field_specs,
    build_field_values,
    diff_fields,
)
from tests.conftest import NOW

OLD: dict[str, Any] = {
    "cs_health_score": 70.0,
    "cs_health_band": "yellow",
    "cs_updated_at": "2026-11-01T00:00:00+00:00",
}


@pytest.mark.parametrize(
    ("new", "changed"),
    [
        ({"cs_health_score": 70.9}, set()),
        ({"cs_health_score": 71.0}, {"cs_health_score"}),
        (
            {"cs_health_score": 70.9, "cs_health_band": "green"},
            {"cs_health_score", "cs_health_band"},
        ),
        ({"cs_health_score": None}, set()),
        ({"cs_health_reasons": "Used daily"}, {"cs_health_reasons"}),
    ],
)
def test_changes(new: dict[str, Any], changed: set[str]) -> None:
    later = {"cs_updated_at": datetime(2026, 11, 21, tzinfo=UTC)}
    actual = diff_fields(OLD, {**OLD, **new, **later}, "cs_")
    assert set(actual) == changed | ({"cs_updated_at"} if changed else set())


def test_every_number_has_a_dead_band() -> None:
    numbers = {spec.name for spec in build_field_specs("") if spec.kind == "number"}
    assert numbers - DEPENDENT_FIELDS == DEAD_BAND.keys() | RELATIVE_DEAD_BAND.keys()


@pytest.mark.parametrize(
    ("field", "old", "noise", "news"),
    [
        ("cs_health_score", 50.0, 50.9, 51.0),
        ("cs_health_change_30d", -3.0, -3.9, -4.0),
        ("cs_health_coverage", 0.5, 0.54, 0.56),
        ("cs_churn_probability", 0.25, 0.259, 0.261),
        ("cs_mrr", 1000.0, 1004.9, 1005.0),
        ("cs_mrr", 9.0, 9.04, 9.05),
    ],
)
def test_a_number_is_written_when_it_has_moved_enough(
    field: str, old: float, noise: float, news: float
) -> None:
    assert diff_fields({field: old}, {field: noise}, "cs_") == {}
    assert diff_fields({field: old}, {field: news}, "cs_") == {field: (old, news)}
    assert diff_fields({}, {field: noise}, "cs_") == {field: (None, noise)}


def test_an_amount_goes_with_its_currency() -> None:
    old: dict[str, Any] = {"cs_mrr": 100.0, "cs_mrr_currency": "EUR"}
    new: dict[str, Any] = {"cs_mrr": 100.1, "cs_mrr_currency": "USD"}
    assert set(diff_fields(old, new, "cs_")) == {"cs_mrr", "cs_mrr_currency"}


def test_every_value_has_a_field_at_the_destination() -> None:
    portrait = AccountFields(66.666, "yellow", 0.6, ["a", "b"], -3.21, {"EUR": 49.0}, "Call", NOW)
    values = build_field_values(portrait, "cs_")
    assert list(values) == [spec.name for spec in build_field_specs("cs_")]
    assert values["cs_health_score"] == 66.7
    assert values["cs_health_reasons"] == "a\nb"
    assert (values["cs_mrr"], values["cs_mrr_currency"]) == (49.0, "EUR")


def test_history_and_links_are_lines_that_are_written_when_they_change() -> None:
    known = build_field_values(
        AccountFields(
            *(70.0, "yellow", 1.0, [], None, {}, None, NOW),
            history={"2026-09": 71.5, "2026-10": 69.6},
            links={"Stripe": "https://stripe.example/cus_1", "files": "http://files.example"},
        ),
        "cs_",
    )
    assert known["cs_health_history"] == "2026-09: 72\n2026-10: 70"
    assert known["cs_links"] == "Stripe: https://stripe.example/cus_1\nfiles: http://files.example"
    later = {**known, "cs_health_history": "2026-10: 70\n2026-11: 66"}
    assert diff_fields(known, later, "cs_").keys() == {"cs_health_history"}
    gone = {**known, "cs_links": ""}
    assert diff_fields(known, gone, "cs_") == {"cs_links": (known["cs_links"], "")}
    unknown: dict[str, Any] = {**known, "cs_links": None}
    assert diff_fields(unknown, {**known, "cs_links": ""}, "cs_") == {}


def test_an_mrr_in_two_currencies_is_no_single_number() -> None:
    portrait = AccountFields(
        None, "insufficient", 0.2, [], None, {"USD": 1.0, "EUR": 2.0}, None, NOW
    )
    values = build_field_values(portrait, "cs_")
    assert (values["cs_mrr"], values["cs_mrr_currency"]) == (None, "EUR, USD")


def test_a_next_action_that_is_done_is_taken_back_once() -> None:
    done = {"cs_next_action": ""}
    assert diff_fields({}, done, "cs_") == {}
    assert diff_fields({"cs_next_action": "Call"}, done, "cs_") == {"cs_next_action": ("Call", "")}
    assert diff_fields({"cs_next_action": ""}, done, "cs_") == {}
    assert diff_fields({"cs_next_action": "Call"}, {"cs_next_action": None}, "cs_") == {}


def test_a_priority_follows_the_fields_that_it_comes_from() -> None:
    old: dict[str, Any] = {"cs_health_score": 95.0, "cs_priority": 5.0}
    assert diff_fields(old, {"cs_health_score": 94.5, "cs_priority": 5.5}, "cs_") == {}
    assert diff_fields(old, {"cs_health_score": 93.0, "cs_priority": 7.0}, "cs_") == {
        "cs_health_score": (95.0, 93.0),
        "cs_priority": (5.0, 7.0),
    }
    first = {"cs_health_score": 95.0, "cs_priority": 5.0}
    assert diff_fields({"cs_health_score": 95.0}, first, "cs_") == {"cs_priority": (None, 5.0)}


def test_a_probability_keeps_its_date_when_no_model_is_accepted_any_more() -> None:
    outlook = "1 in 4 leaves"
    known = build_field_values(
        AccountFields(
            *(70.0, "yellow", 1.0, [], None, {"EUR": 100.0}, "", NOW),
            *(0.25714, outlook, 25.71, "churn_probability"),
        ),
        "cs_",
    )
    assert (known["cs_churn_probability"], known["cs_priority"]) == (0.257, 25.71)
    assert known["cs_churn_probability_at"] == NOW
    later = datetime(2027, 1, 1, tzinfo=UTC)
    withdrawn = build_field_values(
        AccountFields(
            *(60.0, "yellow", 1.0, [], None, {"EUR": 100.0}, "", later),
            *(None, "", 40.0, "missing_health"),
        ),
        "cs_",
    )
    assert withdrawn["cs_churn_probability_at"] is None
    assert set(diff_fields(known, withdrawn, "cs_")) == {
        "cs_health_score", "cs_churn_outlook", "cs_priority", "cs_priority_basis", "cs_updated_at",
    }  # fmt: skip
    assert diff_fields({}, {"cs_churn_outlook": "", "cs_mrr": 1.0}, "cs_").keys() == {"cs_mrr"}


def test_the_outlook_in_words_is_cleared_by_itself_and_else_follows() -> None:
    old: dict[str, Any] = {"cs_churn_probability": 0.25, "cs_churn_outlook": "1 in 4 leaves"}
    moved: dict[str, Any] = {
        "cs_churn_probability": 0.252,
        "cs_churn_outlook": "1 in 4 leave (n = 9)",
    }
    assert diff_fields(old, moved, "cs_") == {}
    cleared: dict[str, Any] = {"cs_churn_probability": None, "cs_churn_outlook": ""}
    assert diff_fields(old, cleared, "cs_") == {"cs_churn_outlook": ("1 in 4 leaves", "")}
    emptied: dict[str, Any] = {**old, "cs_churn_outlook": ""}
    assert diff_fields(emptied, moved, "cs_").keys() == {"cs_churn_outlook"}

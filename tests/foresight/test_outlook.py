"""Probabilities and priority beside the score: with a model, without, and with another's."""

from dataclasses import asdict
from typing import Any

import orjson
import pytest

from cs_sync.foresight.model import HazardModel, Term
from cs_sync.foresight.outlook import calculate_priority
from cs_sync_schemas.migrations import HEAD
from tests.follow_ups.books import Books
from tests.jobs.road import CONFIG, Place

MODEL = HazardModel(-2.0, (Term("days_since_use", 0.0, 0.0, 1.0),))
"""Log-odds −2 + ln(1 + days since use)."""

WEBHOOK = """
    [connectors.webhook]
    url = "http://127.0.0.1:9/health"
    signing_secret = "whsec_bm90IGEgc2VjcmV0LCBub3QgYSBzZWNyZXQsIG5vdA=="
    [write_back]
    destination = "webhook"
"""


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One used yesterday, one nine days ago; 100.00 a month each."""
    made = Place(tmp_path_factory.mktemp("outlook"))
    made.configure(CONFIG)
    books = Books()
    books.customer("busy")
    books.customer("quiet", used=range(8, 30))
    books.keep(made)
    assert made.run("sync").code == 0
    return made


def keep_model(place: Place, target: str, **changed: Any) -> None:
    policy = place.select("SELECT DISTINCT policy FROM mrr_span")[0]["policy"]
    row = {
        "target": target, "version": 1, "run_id": "r", "fitted_at": "2026-03-01 00:00:00",
        "accepted": True, "policy": policy, "revision": HEAD, "data_cut": "2026-01-31",
        "horizon_days": 30, "lead_days": 14, "coefficients": orjson.dumps(asdict(MODEL)).decode(),
        "judgement": "{}", **changed,
    }  # fmt: skip
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    place.write_row(f"INSERT INTO foresight_model ({names}) VALUES ({marks})", *row.values())


def scores(place: Place, *line: str) -> dict[str, dict[str, Any]]:
    return {row["account"]: row for row in place.json("score", *line)}


def test_without_a_model_the_priority_rests_on_the_score(place: Place) -> None:
    for row in scores(place).values():
        assert (row["churn_probability"], row["expand_probability"]) == (None, None)
        assert row["priority_minor"] == round(100 * (100 - row["score"]))
        assert row["currency"] == "EUR"


def test_with_an_accepted_model_it_is_probability_times_mrr(place: Place) -> None:
    """Nine days: odds e^−2 × 10 = 1.353, so 57.5 % of 100.00; one day: 0.271, 21.3 %."""
    keep_model(place, "churn")
    keep_model(place, "expansion", accepted=False)
    found = scores(place)
    assert found["quiet"]["churn_probability"] == pytest.approx(0.5751, abs=1e-4)
    assert found["quiet"]["priority_minor"] == 5751
    assert found["busy"]["churn_probability"] == pytest.approx(0.2130, abs=1e-4)
    assert found["busy"]["expand_probability"] is None
    past = scores(place, "--as-of", "2026-03-01")
    assert {row["churn_probability"] for row in past.values()} == {None}


@pytest.mark.parametrize(
    ("changed", "what"), [({"policy": "other"}, "MRR policy"), ({"revision": "0001"}, "schema")]
)
def test_a_model_of_another_policy_or_schema_is_not_used(
    place: Place, changed: dict[str, str], what: str
) -> None:
    keep_model(place, "churn", **changed)
    ran = place.run("score")
    assert ran.code == 0
    assert f"was fitted under another {what} and is not used: cs-sync analyse fit" in ran.said
    assert {row["churn_probability"] for row in scores(place).values()} == {None}


def test_the_crm_gets_a_probability_only_while_a_model_is_accepted(place: Place) -> None:
    place.configure(CONFIG + WEBHOOK)
    before = read_written(place, "quiet")
    assert "cs_churn_probability" not in before
    assert "cs_churn_probability_at" not in before
    score = scores(place)["quiet"]["score"]
    assert before["cs_priority"] == pytest.approx(100 - score, abs=0.01)
    keep_model(place, "churn")
    after = read_written(place, "quiet")
    assert (after["cs_churn_probability"], after["cs_priority"]) == (0.575, 57.51)
    assert after["cs_churn_probability_at"] == after["cs_updated_at"]


def test_without_a_history_nothing_is_predicted_and_it_says_so(place: Place) -> None:
    keep_model(place, "churn")
    place.write_row("DELETE FROM mrr_span")
    ran = place.run("score")
    assert ran.code == 0
    assert "nothing is predicted: there is no history of customers" in ran.said
    assert {row["churn_probability"] for row in scores(place).values()} == {None}


def read_written(place: Place, account: str) -> dict[str, Any]:
    """Return the values that a push would write."""
    [row] = [r for r in place.json("plan") if (r["object"], r["account"]) == ("account", account)]
    return {name: new for name, (_, new) in row["changes"].items()}


def test_priority_by_hand() -> None:
    assert calculate_priority(10_000, 0.25, 90.0) == 2_500
    assert calculate_priority(10_000, None, 90.0) == 1_000
    assert calculate_priority(10_000, None, None) == 10_000
    assert calculate_priority(10_000, None, 103.0) == 0

"""Probabilities and priority beside the score: with a model, without, and with another's."""

from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest

from cs_sync.config import load_config
from cs_sync.foresight.inputs import name_definition
from cs_sync.foresight.outlook import AlikeAccounts, Forecast, convert_to_odds, describe_chance
from cs_sync.foresight.stored_models import dump_model
from cs_sync.foresight.trees import Tree, TreeModel
from cs_sync.i18n import LANGUAGES, Language, get_translator
from cs_sync.jobs.follow_ups import DecidedFollowUps
from cs_sync.plugins import load_plugins
from cs_sync.queries.day import build_day_view
from cs_sync.queries.watch_list import build_watch_list
from cs_sync.report import extract_text
from cs_sync.runtime.workspace import open_workspace
from tests.follow_ups.books import Books
from tests.foresight.kept_models import BINS, keep_model
from tests.jobs.road import CONFIG, Place
from tests.report.conftest import subject

GROUPS = [
    AlikeAccounts(group["high"], group["n"], group["accounts"], group["observed"]) for group in BINS
]
SENTENCE = "6 in 10 leave within 30 days from 25 Mar 2026; of accounts like this 26% did (n = 118)"

WEBHOOK = """
    [connectors.webhook]
    url = "http://127.0.0.1:9/health"
    signing_secret = "whsec_bm90IGEgc2VjcmV0LCBub3QgYSBzZWNyZXQsIG5vdA=="
    [write_back]
    destination = "webhook"
"""


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One used yesterday, one nine days ago, one 70 days ago; 100.00 a month each."""
    made = Place(tmp_path_factory.mktemp("outlook"))
    made.configure(CONFIG)
    books = Books()
    books.customer("busy")
    books.customer("quiet", used=range(8, 30))
    books.customer("idle", used=range(69, 90))
    books.keep(made)
    assert made.run("sync").code == 0
    return made


def scores(place: Place, *line: str) -> dict[str, dict[str, Any]]:
    return {row["account"]: row for row in place.json("score", *line)}


@pytest.mark.slow("fits models and runs whole commands")
def test_without_a_model_the_priority_rests_on_the_score(place: Place) -> None:
    for row in scores(place).values():
        assert (row["churn_probability"], row["expand_probability"]) == (None, None)
        assert row["priority_minor"] == round(100 * (100 - row["score"]))
        assert (row["currency"], row["priority_basis"]) == ("EUR", "missing_health")


@pytest.mark.slow("fits models and runs whole commands")
def test_with_an_accepted_model_it_is_probability_times_mrr(place: Place) -> None:
    """Nine days: odds e^−2 × 10 = 1.353, so 57.5 % of 100.00; one day: 0.271, 21.3 %."""
    keep_model(place, "churn")
    keep_model(place, "expansion", accepted=False)
    actual = scores(place)
    assert actual["quiet"]["churn_probability"] == pytest.approx(0.5751, abs=1e-4)
    assert actual["quiet"]["priority_minor"] == 5751
    assert {row["priority_basis"] for row in actual.values()} == {"churn_probability"}
    assert actual["busy"]["churn_probability"] == pytest.approx(0.2130, abs=1e-4)
    assert actual["busy"]["expand_probability"] is None
    past = scores(place, "--as-of", "2026-03-01")
    assert {row["churn_probability"] for row in past.values()} == {None}


@pytest.mark.slow("fits models and runs whole commands")
def test_a_promoted_challenger_scores_as_the_model_does(place: Place) -> None:
    """One tree: up to 7 days since use −2.0 (11.9 %), longer 0.0 (50 %)."""
    tree = Tree((0, -1, -1), (2.0794, 0.0, 0.0), (True, False, False), (1, 0, 0), (2, 0, 0),
                (0.0, -2.0, 0.0))  # fmt: skip
    stored = dump_model(TreeModel(0.0, ("days_since_use",), (tree,)))
    keep_model(place, "churn", coefficients=orjson.dumps(stored).decode())
    actual = scores(place)
    assert actual["busy"]["churn_probability"] == pytest.approx(0.1192, abs=1e-4)
    assert (actual["quiet"]["churn_probability"], actual["quiet"]["priority_minor"]) == (0.5, 5_000)


@pytest.mark.slow("fits models and runs whole commands")
@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"policy": "other"}, "MRR policy"),
        ({"revision": "0001"}, "definition of its inputs"),
        ({"revision": name_definition(["export"])}, "definition of its inputs"),
    ],
)
def test_a_model_of_another_policy_or_definition_is_not_used(
    place: Place, changed: dict[str, str], what: str
) -> None:
    keep_model(place, "churn", **changed)
    ran = place.run("score")
    assert ran.code == 0
    assert f"was fitted under another {what} and is not used: cs-sync analyse fit" in ran.messages
    assert {row["churn_probability"] for row in scores(place).values()} == {None}


@pytest.mark.slow("fits models and runs whole commands")
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
    assert before["cs_priority_basis"] == "missing_health"
    assert after["cs_priority_basis"] == "churn_probability"
    assert "cs_churn_outlook" not in before
    assert after["cs_churn_outlook"] == SENTENCE


@pytest.mark.slow("fits models and runs whole commands")
def test_the_report_adds_up_what_the_accepted_model_expects(place: Place) -> None:
    """100.00 each at 21.3, 57.5 and 90.6 %; four equal past forecasts of 30 days, none of 90."""
    before = place.json("report")[0]
    assert (before["expected_churn"], before["priority_basis"]) == (None, "missing_health")
    keep_model(place, "churn")
    actual = place.json("report")[0]
    assert actual["expected_churn"] == pytest.approx(2_130 + 5_751 + 9_057, abs=2)
    assert (actual["low"], actual["high"]) == (None, None)
    assert (actual["expected_from"], actual["expected_until"]) == ("2026-03-25", "2026-04-23")
    assert (actual["priority_basis"], actual["verdict"]) == ("churn_probability", None)
    past = {"currency": "EUR", "mean": 10_000.0, "variance": 1e6, "third": 0.0, "lost": 10_000}
    keep_judgement(place, [past | {"cutoff": f"2025-1{n}-30"} for n in (0, 1, 2)])
    judged = place.json("report")[0]
    assert judged["low"] < judged["expected_churn"] < judged["high"]
    assert (judged["verdict"], judged["judged_on"]) == ("no signal", "2026-03-01")
    shown = extract_text((place.path / "cs_sync_report.html").read_text("utf-8"))
    assert "has been changed since; judge anew" in shown


def keep_judgement(place: Place, forecasts: list[dict[str, Any]]) -> None:
    """A judgement of another score, with the version of the model."""
    row = {
        "version": 1, "run_id": "r", "judged_at": datetime(2026, 3, 1, 8, tzinfo=UTC),
        "policy": "p", "model": "other", "data_cut": "2026-01-31",
        "horizon_days": 30, "lead_days": 14,
        "subjects": orjson.dumps([subject("score", "no signal"), subject("model")]).decode(),
        "bands": "[]",
        "forecasts": orjson.dumps(forecasts).decode(),
    }  # fmt: skip
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    place.write_row(f"INSERT INTO foresight_judgement ({names}) VALUES ({marks})", *row.values())


@pytest.mark.slow("fits models and runs whole commands")
def test_explain_and_the_watch_list_show_the_chance_only_while_a_model_is_accepted(
    place: Place,
) -> None:
    """Today is 10 March, 14 days of lead, a horizon of 30; 70 days: odds e^−2 × 71 = 9.609."""
    for accepted in (None, False):
        if accepted is not None:
            keep_model(place, "churn", accepted=accepted)
        before = place.run("explain", "quiet").messages
        assert "accounts like this" not in before
        assert "a month (Missing health × MRR)" in before
    keep_model(place, "churn", version=2)
    after = place.run("explain", "quiet").messages
    assert SENTENCE in after
    assert "priority 57.51 EUR a month (Churn probability × MRR)" in after
    plugins = load_plugins()
    config = load_config(place.path / "cs_sync.toml", plugins)
    with open_workspace(config, plugins, clock=lambda: place.now) as workspace:
        watched, likely = build_watch_list(build_day_view(workspace), DecidedFollowUps([]))
    assert (watched["account"], likely["account"]) == ("idle", "quiet")
    assert (likely["band"], likely["priority_basis"]) == ("green", "churn_probability")
    assert watched["churn_probability"] == pytest.approx(0.9057, abs=1e-4)
    assert watched["churn_until"] == date(2026, 4, 23)
    row = scores(place)["quiet"]
    assert (row["churn_from"], row["churn_until"]) == ("2026-03-25", "2026-04-23")
    assert (row["churn_alike_rate"], row["churn_alike_n"]) == (0.26, 118)
    assert "like this" not in place.run("explain", "quiet", "--as-of", "2026-03-01").messages


def test_who_is_alike_by_hand() -> None:
    forecast = Forecast({"a": {"churn": 0.4}, "b": {"churn": 0.41}, "c": {"churn": 0.9}, "d": {}},
                        date(2026, 3, 25), date(2026, 4, 23), GROUPS)  # fmt: skip
    assert [forecast.find_alike(name) for name in "abcd"] == [*GROUPS, GROUPS[1], None]
    assert [forecast.is_likely_to_leave(name) for name in "abcd"] == [True, True, True, False]
    assert not Forecast({"a": {"churn": 0.9}}, date(2026, 3, 25)).is_likely_to_leave("a")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sentence_in_every_language(language: Language) -> None:
    forecast = Forecast({"a": {"churn": 0.25}}, date(2026, 3, 25), date(2026, 6, 22), GROUPS)
    text = describe_chance(forecast.row("a"), get_translator(language))
    for part in ("1", "4", "90", "2026", "10%", "80"):
        assert part in text.replace("\u202f", "").replace("\xa0", "").replace(" %", "%")
    assert describe_chance(Forecast().row("a"), get_translator(language)) == ""


@pytest.mark.slow("fits models and runs whole commands")
def test_the_load_says_what_its_order_rests_on(place: Place) -> None:
    assert (
        "Order: Missing health × MRR (no accepted model: `cs-sync analyse fit`)"
        in place.run("analyse", "load").messages
    )
    keep_model(place, "churn")
    assert "Order: Churn probability × MRR" in place.run("analyse", "load").messages
    [kim] = place.json("analyse", "load")
    assert kim["priority_basis"] == "churn_probability"
    assert kim["at_risk"] == 5_751 + 9_057


@pytest.mark.parametrize(
    ("probability", "odds"),
    [
        (0.0, (1, 1000)), (0.004, (1, 250)), (0.25, (1, 4)), (0.34, (1, 3)), (0.36, (4, 10)),
        (0.5751, (6, 10)), (0.94, (9, 10)), (0.96, (96, 100)), (1.0, (99, 100)),
    ],
)  # fmt: skip
def test_odds_by_hand(probability: float, odds: tuple[int, int]) -> None:
    assert convert_to_odds(probability) == odds


@pytest.mark.slow("fits models and runs whole commands")
def test_without_a_history_nothing_is_predicted_and_it_says_so(place: Place) -> None:
    keep_model(place, "churn")
    place.write_row("DELETE FROM mrr_span")
    ran = place.run("score")
    assert ran.code == 0
    assert "nothing is predicted: there is no history of customers" in ran.messages
    assert {row["churn_probability"] for row in scores(place).values()} == {None}


def read_written(place: Place, account: str) -> dict[str, Any]:
    """Return the values that a push would write."""
    [row] = [r for r in place.json("plan") if (r["object"], r["account"]) == ("account", account)]
    return {name: new for name, (_, new) in row["changes"].items()}

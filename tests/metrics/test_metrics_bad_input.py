"""Bad input to numbers, through the command line: one clear message, or a row with its status."""

import pytest

from tests.jobs.road import Place

CONFIG = """
    [workspace]
    name = "odd"
    timezone = "Europe/Warsaw"
    currency = "EUR"
    [connectors.files]
    path = "data"
"""
FILES = {
    "accounts.csv": """
        source_id,name,attr.plan
        alpha,Alpha,team
        """,
    "subscriptions.csv": """
        source_id,account,status,started_at,currency
        s-alpha,alpha,active,2025-06-01,EUR
        """,
    "subscription_items.csv": """
        source_id,subscription,valid_from,unit_amount,quantity,interval
        i-alpha,s-alpha,2025-06-01,2000,10,month
        """,
    "survey_responses.csv": """
        source_id,kind,account,score,scale_min,scale_max,answered_at
        fine,csat,alpha,5,1,5,2026-02-12
        scaleless,csat,alpha,5,,,2026-02-13
        outside,csat,alpha,9,1,5,2026-02-14
        ten-point,nps,alpha,7,1,10,2026-02-15
        """,
    "costs.csv": """
        source_id,month,purpose,amount,currency
        fine,2026-02-01,acquisition,50000,EUR
        monthless,,retention,40000,EUR
        """,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Books with rows that cannot be true, synced once."""
    made = Place(tmp_path_factory.mktemp("odd"))
    made.configure(CONFIG)
    for name, text in FILES.items():
        made.write(f"data/{name}", text)
    ran = made.run("sync")
    assert ran.code == 3, ran  # partial: some rows were refused
    return made


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("metrics --metric mmr", ("unknown metric 'mmr'", "mrr")),
        ("metrics --by colour", ("no account has an attribute 'colour'", "plan")),
        ("mrr --by colour", ("no account has an attribute 'colour'", "plan")),
        ("metrics --policy strip", ("unknown MRR policy 'strip'", "stripe", "baremetrics")),
        ("metrics --stage adoption", ("adoption", "onboarding")),
        ("metrics --strategy growth", ("growth", "profitability")),
        ("metrics --grain fortnight", ("fortnight", "quarter")),
        ("metrics --since 2026-02-10 --until 2026-02-20", ("no whole month lies", "--grain")),
        ("metrics --since 2026-03-01 --until 2026-01-01", ("no whole month lies between",)),
        ("metrics --as-of 2026-03-01 --since 2026-01-01", ("--as-of",)),
        ("mrr --currency XXY", ("XXY",)),
        ("metrics --metric nps --stage onboarding", ("none of nps is in --stage 'onboarding'",)),
        ("metrics --known-at soon", ("'soon' is neither a day nor an ISO 8601 instant",)),
    ],
)  # fmt: skip
def test_a_wrong_question_gets_one_clear_answer(
    place: Place, line: str, named: tuple[str, ...]
) -> None:
    ran = place.run(*line.split())
    assert ran.code == 2, ran
    assert ran.out == ""
    assert "Traceback" not in ran.err
    for word in named:
        assert word in ran.messages


def test_rows_that_cannot_be_true_are_refused_with_their_reason(place: Place) -> None:
    refused = {row["source_id"]: row["reason"] for row in place.json("rejects", "list")}
    assert set(refused) == {"scaleless", "outside", "ten-point", "monthless"}
    assert "scale_min" in refused["scaleless"]
    assert "outside its scale 1 to 5" in refused["outside"]
    assert "0 to 10" in refused["ten-point"]
    assert "month" in refused["monthless"]


def test_numbers_rest_on_what_is_true_alone(place: Place) -> None:
    line = ("metrics", "--as-of", "2026-03-01", "--metric")
    (csat,) = place.json(*line, "csat")
    assert (csat["value"], csat["n"], csat["status"]) == (1, 1, "insufficient")
    (nps,) = place.json(*line, "nps")
    assert (nps["value"], nps["n"], nps["status"]) == (None, 0, "insufficient")
    (crc,) = place.json(*line, "crc")
    assert crc["value"] is None


@pytest.mark.slow("computes whole books")
def test_a_period_before_the_first_data_has_no_numbers(place: Place) -> None:
    rows = place.json("metrics", "--as-of", "2024-02-01")
    assert len(rows) > 50
    for row in rows:
        assert (row["value"], row["status"]) == (None, "insufficient"), row
        assert row["period_start"] == "2024-01-01"


@pytest.mark.slow("computes whole books")
def test_every_rate_has_its_parts_and_nothing_undefined_is_a_number(place: Place) -> None:
    before = place.json("metrics", "--since", "2025-05-01", "--until", "2025-07-01")
    after = place.json("metrics", "--since", "2026-01-01", "--until", "2026-03-01")
    for row in before + after:
        value, below = row["value"], row["denominator"]
        assert row["status"] in ("final", "provisional", "insufficient", "stale")
        assert row["n"] is not None
        if row["unit"] == "ratio" and value is not None:
            assert row["numerator"] is not None, row
            assert below, row
        if below == 0:
            assert value is None, row


def test_the_bridge_says_what_its_rows_cannot(place: Place) -> None:
    early = place.run("--format", "json", "mrr", "--since", "2024-01-01", "--until", "2024-03-01")
    assert (early.code, early.rows) == (0, [])
    assert "no MRR is known between 2024-01-01 and 2024-03-01" in early.messages
    late = place.run("--format", "json", "mrr", "--since", "2026-02-01", "--until", "2026-05-01")
    assert [row["closing"] for row in late.rows] == [200_00] * 3
    assert "not over yet: periods from 2026-03-01 show what is agreed now" in late.messages


def test_what_is_asked_for_twice_is_answered_once(place: Place) -> None:
    options = "--metric mrr --metric mrr --policy stripe --policy stripe --by plan --by plan"
    [row] = place.json("metrics", "--as-of", "2026-03-01", *options.split())
    assert (row["value"], row["segment"]) == (200_00, {"plan": "team"})


@pytest.mark.slow("computes whole books")
def test_policies_stand_side_by_side(place: Place) -> None:
    names = ("default", "stripe", "chartmogul", "profitwell", "baremetrics", "recurly")
    options = [option for name in names for option in ("--policy", name)]
    rows = place.json("metrics", "--as-of", "2026-03-01", "--metric", "mrr", *options)
    assert len({row["policy"] for row in rows}) == len(names)
    hashes = dict(zip(names, (row["policy"] for row in rows), strict=True))
    for name, digest in hashes.items():
        assert f"policy {digest} is {name}" in " ".join(place.ran[-1].err.split())
    assert [row["value"] for row in rows] == [200_00] * len(names)
    assert [row["policy_name"] for row in rows] == list(names)
    table = place.run("metrics", "--as-of", "2026-03-01", "--metric", "mrr", *options).out
    assert all(f"{name} {digest}" in table for name, digest in hashes.items())


def test_what_no_attribute_splits_is_named(place: Place) -> None:
    asked = place.run("metrics", "--as-of", "2026-03-01", "--metric", "cac", "--by", "plan")
    assert "not split by plan, as costs and counts of the company: cac" in asked.messages
    daily = place.run("metrics", "--metric", "customer_churn_rate_daily", "--by", "plan")
    assert "not split" not in daily.messages


def test_a_metric_answers_to_its_other_names(place: Place) -> None:
    asked = place.run("--format", "json", "metrics", "--metric", "NDR", "--metric", "cross-sell")
    assert [row["metric"] for row in asked.rows] == ["nrr", "expansion_mrr"]
    assert "NDR is nrr here" in asked.messages


@pytest.mark.slow("computes whole books")
def test_a_family_is_a_view(place: Place) -> None:
    rows = place.json("metrics", "--family", "Customer ROI")
    assert {"cac", "ltv"} <= {row["metric"] for row in rows}
    assert "mrr" not in {row["metric"] for row in rows}


def test_one_gross_margin_holds_for_all_that_use_it(place: Place) -> None:
    names = ("ltv", "ltv_cac", "cac_payback_months", "ltv_crc")
    options = [option for name in names for option in ("--metric", name)]
    try:
        place.configure(CONFIG + "[metrics]\n    gross_margin = 0.8\n")
        assert place.run("metrics", *options).code == 0
        place.configure(CONFIG + "[metrics]\n    gross_margin = 80\n")
        wrong = place.run("metrics", *options)
        assert (wrong.code, "metrics.gross_margin" in wrong.messages) == (2, True)
    finally:
        place.configure(CONFIG)

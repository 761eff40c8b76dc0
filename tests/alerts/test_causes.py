"""What a run, or its absence, shows to be wrong."""

from datetime import UTC, datetime, timedelta

import pytest

from cs_sync.alerts.causes import (
    Drop,
    MoneyAtRisk,
    RunOutcome,
    has_news,
    judge_run,
    judge_silence,
)

NOW = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
DROP = Drop("stripe", "invoices", "gave 12 records; the median of the last 10 runs is 480")


def keys(outcome: RunOutcome, money: MoneyAtRisk | None = None) -> list[str]:
    return [cause.key for cause in judge_run(outcome, money).causes]


def test_a_run_that_is_well_has_no_cause_and_ends_all_but_money() -> None:
    judgement = judge_run(RunOutcome("ok", ["2 records were edited by someone"]))
    assert judgement.causes == []
    assert judgement.judged == {"failed", "partial", "emptier", "overdue"}


def test_a_failed_run_says_nothing_about_the_rest() -> None:
    judgement = judge_run(
        RunOutcome("failed", ["the key is refused\n  → make a new one"], (), [DROP])
    )
    (cause,) = judgement.causes
    assert cause.text == "the run failed\nthe key is refused\n  → make a new one"
    assert judgement.judged == {"failed", "overdue"}


def test_a_partial_run_lists_its_problems_and_rejected_records() -> None:
    outcome = RunOutcome("partial", ["crm deals: no scope"], [("crm contacts", 1200)])
    (cause,) = judge_run(outcome).causes
    assert cause.text.splitlines() == [
        "the run is partial",
        "crm deals: no scope",
        "crm contacts: 1,200 rejected; see `cs-sync rejects list`",
    ]


def test_each_emptier_stream_is_a_cause_of_its_own() -> None:
    assert keys(RunOutcome("ok", (), (), [DROP])) == ["emptier stripe invoices"]
    assert keys(RunOutcome("partial", (), (), [DROP])) == ["emptier stripe invoices"]
    assert keys(RunOutcome("partial", ["more"], (), [DROP])) == [
        "emptier stripe invoices",
        "partial",
    ]
    assert keys(RunOutcome("partial")) == ["partial"], "never nothing"


@pytest.mark.parametrize(
    ("amount", "actual", "judged"),
    [(10_001, True, True), (10_000, False, False), (9_000, False, False), (8_999, False, True)],
)
def test_money_at_risk_is_over_a_tenth_below_its_threshold(
    amount: int, actual: bool, judged: bool
) -> None:
    judgement = judge_run(RunOutcome("ok"), MoneyAtRisk(amount, 10_000, "EUR"))
    assert [cause.title for cause in judgement.causes] == ["MRR at risk: 10,001 EUR"] * actual
    assert ("money_at_risk" in judgement.judged) == judged


def test_no_run_for_longer_than_allowed_is_overdue() -> None:
    allowed = timedelta(hours=26)
    assert judge_silence(NOW - allowed, NOW, allowed).causes == []
    (late,) = judge_silence(NOW - allowed - timedelta(seconds=1), NOW, allowed).causes
    assert late.text.startswith("no run for 26 h\nthe last one ended at 2026-03-09 05:59 UTC\n")
    (never,) = judge_silence(None, NOW, allowed).causes
    assert "no run has ended yet" in never.text


@pytest.mark.parametrize(
    ("minutes", "span"), [(1, "1 min"), (0.5, "0.5 min"), (90, "1.5 h"), (100, "1.667 h")]
)
def test_the_span_without_a_run_is_read_at_a_glance(minutes: float, span: str) -> None:
    (late,) = judge_silence(None, NOW, timedelta(minutes=minutes)).causes
    assert late.title == f"no run for {span}"


def test_news_is_a_new_line_not_another_number() -> None:
    before = "partial\ncrm contacts: 12 rejected\ncrm deals: no scope [request a-1]"
    assert not has_news("partial\ncrm contacts: 1,300 rejected", before)
    assert not has_news("partial\ncrm deals: no scope [request b-2]", before)
    assert has_news("partial\ncrm owners: no scope", before)


def test_a_long_text_is_cut_and_says_so() -> None:
    outcome = RunOutcome("failed", [f"{n} {'x' * 600}" for n in range(30)])
    lines = judge_run(outcome).causes[0].text.splitlines()
    assert len(lines) == 1 + 20 + 1
    assert lines[-1] == "… and 10 more"
    assert max(map(len, lines)) == 501

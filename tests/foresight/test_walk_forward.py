"""Walk-forward: only what was known at a cutoff, and the gate on simulated books."""

from datetime import date

import numpy as np
import pytest
from msgspec.structs import replace

from benchmarks.foresight.books import DAYS, STRONG, WEAK, Book, simulate
from cs_sync.foresight.bands import Z_90, count_bands
from cs_sync.foresight.gate import Ruling, rule_on
from cs_sync.foresight.judgement import judge_predictions
from cs_sync.foresight.leaks import measure_leaks
from cs_sync.foresight.observations import Observation
from cs_sync.foresight.panel import Panel
from cs_sync.foresight.subjects import JudgedSubject, judge_subjects
from cs_sync.foresight.walk_forward import Course, choose_inputs, list_folds, walk_forward
from cs_sync.metrics.intervals import calculate_wilson_interval
from cs_sync.queries.backtest import choose_model
from tests.foresight.panels import build_panel

CHURN = Course("churn", DAYS)
SMALL = Book(300, STRONG)


def judge(panel: Panel) -> str:
    return rule_on(judge_predictions(walk_forward(panel, CHURN, ["model"])["model"], 20)).verdict


def test_learning_ends_a_whole_horizon_before_the_judged_month() -> None:
    panel = simulate(SMALL, 1)
    for fold in list_folds(panel, CHURN):
        learnt = max(panel.days[code] for code in panel.cutoff[fold.learnt])
        judged = {panel.days[code] for code in panel.cutoff[fold.judged]}
        assert len(judged) == 1
        assert (judged.pop() - learnt).days >= DAYS


@pytest.mark.slow("simulates books")
def test_later_months_do_not_change_earlier_predictions() -> None:
    """Outcomes and values from month 18 on are others: predictions up to month 17 are bit-equal."""
    panel = simulate(SMALL, 1)
    late = panel.cutoff >= 18
    values = {name: np.where(late, 5.0, column).astype(np.float32)
              for name, column in panel.values.items()}  # fmt: skip
    changed = replace(panel, values=values, outcome=np.where(late, 4, panel.outcome))
    before, after = (walk_forward(some, CHURN)["model"] for some in (panel, changed))
    early = before.cutoff < 18
    assert early.any()
    assert (before.probability[early] == after.probability[early]).all()


@pytest.mark.slow("simulates books")
@pytest.mark.parametrize(
    ("effect", "verdict"), [(0.0, "no signal"), (WEAK, "signal"), (STRONG, "signal")]
)
def test_the_gate_on_a_few_books(effect: float, verdict: str) -> None:
    """`python -m benchmarks.foresight F3 F4` counts hundreds of them."""
    verdicts = [judge(simulate(Book(300, effect), seed)) for seed in range(3)]
    assert verdicts.count(verdict) >= 2


@pytest.mark.slow("simulates books")
def test_outcomes_of_other_accounts_give_no_signal() -> None:
    panel = simulate(SMALL, 1)
    order = np.random.default_rng(1).permutation(SMALL.accounts)
    grid = panel.outcome.reshape(SMALL.months, SMALL.accounts)[:, order]
    assert judge(replace(panel, outcome=grid.ravel())) == "no signal"


def test_with_few_churned_accounts_nothing_is_judged_but_said() -> None:
    panel = simulate(Book(40, STRONG, months=12, hazard=0.01), 1)
    (row,) = judge_subjects(panel, CHURN, 20, ["model"])
    assert row.ruling.verdict == "too little data"
    shown = row.build_row(14)
    assert shown["horizon_days"] == DAYS - 14
    assert shown["needed_churned"] > 0


def test_departures_of_the_last_month_alone_leave_nothing_to_learn_from() -> None:
    """As in one snapshot of customers, with those that left before it missing."""
    panel = simulate(Book(150, STRONG, months=6, hazard=0.3), 1)
    late = np.where(panel.cutoff == 5, panel.outcome, 4).astype(np.int8)
    (row,) = judge_subjects(replace(panel, outcome=late), CHURN, 20, ["model"])
    assert row.churned >= 30
    assert (row.ruling.verdict, row.ruling.needed_churned) == ("too little data", None)


def test_one_class_only_is_too_little_data() -> None:
    panel = simulate(Book(40, STRONG, months=12), 1)
    nobody = replace(panel, outcome=np.full(panel.size, 4, np.int8))
    (row,) = judge_subjects(nobody, CHURN, 20, ["model"])
    assert (row.judgement, row.ruling.verdict, row.churned) == (None, "too little data", 0)
    assert row.build_row(14)["auc"] is None


@pytest.mark.slow("fits many models")
def test_the_months_to_judge_can_begin_later() -> None:
    panel = simulate(SMALL, 1)
    late = replace(CHURN, since=panel.days[20])
    actual = walk_forward(panel, late, ["model"])["model"]
    assert sorted(set(actual.cutoff.tolist())) == [20, 21, 22, 23]
    whole = walk_forward(panel, CHURN, ["model"])["model"]
    assert (actual.probability == whole.probability[whole.cutoff >= 20]).all()


def test_few_events_carry_few_inputs_and_refused_ones_are_never_used() -> None:
    panel = simulate(SMALL, 1)
    assert len(choose_inputs(panel, 99, ())) == 5
    assert len(choose_inputs(panel, 100, ())) == 8
    assert "nps" not in [item.name for item in choose_inputs(panel, 100, {"nps"})]


def test_a_planted_leak_is_named() -> None:
    """Tickets that were entered with an earlier date after the account had left."""
    known = simulate(SMALL, 1)
    late = known.values["tickets_30"] + 2 * known.flag("churn")
    recorded = replace(known, values={**known.values, "tickets_30": late.astype(np.float32)})
    leaks = {leak.input: leak for leak in measure_leaks(known, recorded)}
    assert [name for name, leak in leaks.items() if leak.reason] == ["tickets_30"]
    leak = leaks["tickets_30"]
    assert leak.auc_known is not None
    assert leak.auc_recorded is not None
    assert leak.auc_known <= leak.auc_recorded - 0.10


def test_values_that_know_what_came_after_are_refused_by_name() -> None:
    panel = simulate(SMALL, 1)
    with_state = replace(panel, values={**panel.values, "billing_standing": panel.values["nps"]})
    refused = {leak.input: leak.reason for leak in measure_leaks(with_state, with_state)}
    assert refused["billing_standing"] == "an end that is set and an unpaid invoice are the " \
        "leaving itself"  # fmt: skip


def test_bands_by_month_and_together() -> None:
    """Red: 2 of 3 left, then 1 of 1; green nobody."""

    def make(day: date, *rows: tuple[str, str, str]) -> list[Observation]:
        return [
            Observation(name, day, outcome, 1000, "EUR", {}, 50.0, band)  # type: ignore[arg-type]
            for name, band, outcome in rows
        ]

    first, second = date(2026, 1, 31), date(2026, 2, 28)
    panel = build_panel(
        [
            make(first, ("a", "red", "voluntary"), ("b", "red", "involuntary"),
                 ("c", "red", "stayed"), ("d", "green", "stayed")),
            make(second, ("c", "red", "voluntary"), ("d", "green", "expanded")),
        ]
    )  # fmt: skip
    counts = count_bands(panel, np.arange(panel.size), ("red", "yellow", "green"))
    assert [(c.cutoff, c.band, c.accounts, c.churned, c.mrr, c.mrr_churned) for c in counts] == [
        (first, "red", 3, 2, 3000, 2000), (first, "green", 1, 0, 1000, 0),
        (second, "red", 1, 1, 1000, 1000), (second, "green", 1, 0, 1000, 0),
        (None, "red", 4, 3, 4000, 3000), (None, "green", 2, 0, 2000, 0),
    ]  # fmt: skip
    low, high = counts[0].interval or (0, 0)
    assert low < 2 / 3 < high
    together, stayed = counts[4:]
    assert [c.mrr_interval for c in counts[:4]] == [None] * 4
    assert together.mrr_interval == together.interval
    assert stayed.mrr_interval is None, "nobody left: a draw says nothing"
    assert stayed.interval == pytest.approx(calculate_wilson_interval(0, 1, Z_90))


def test_the_challenger_predicts_once_promoted_and_believed() -> None:
    model, challenger = (
        JudgedSubject(name, CHURN, 1, None, 600, Ruling("signal"), promoted=name == "challenger")
        for name in ("model", "challenger")
    )
    assert choose_model([model]) is model
    assert choose_model([model, challenger]) is challenger
    assert choose_model([model, replace(challenger, promoted=False)]) is model
    assert choose_model([model, replace(challenger, ruling=Ruling("no signal"))]) is model

"""Proofs of the hazard, its gate, the leak meter and the challenger."""

import resource
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from benchmarks.foresight.books import (
    DAYS,
    LEFT,
    STAYED,
    STRONG,
    WEAK,
    Book,
    simulate,
)
from benchmarks.foresight.proof import Proof
from cs_sync.foresight.challenger import is_promoted
from cs_sync.foresight.gate import rule_on
from cs_sync.foresight.hazard import apply_cloglog, fit_binary, fit_hazard, predict_hazard
from cs_sync.foresight.inputs import INPUTS
from cs_sync.foresight.judgement import Judgement, judge_predictions
from cs_sync.foresight.leaks import measure_leaks
from cs_sync.foresight.panel import Panel
from cs_sync.foresight.walk_forward import Course, walk_forward

CHURN = Course("churn", DAYS)
CAPACITY = 20
BOOKS = 200


def compare_with_cox() -> Sequence[Proof]:
    """F1: complementary log-log on person-weeks of Rossi's recidivists against Cox."""
    from lifelines import CoxPHFitter
    from lifelines.datasets import load_rossi

    rossi = load_rossi()
    names = [name for name in rossi.columns if name not in ("week", "arrest")]
    cox = CoxPHFitter().fit(rossi, "week", "arrest")
    events = sorted(rossi.loc[rossi.arrest == 1, "week"].unique())
    rows, came = [], []
    for person in rossi.itertuples():
        for week in events:
            if week <= person.week:
                covariates = [getattr(person, name) for name in names]
                rows.append([*covariates, *(float(week == other) for other in events[1:])])
                came.append(bool(person.arrest) and person.week == week)
    x, y = np.array(rows, float), np.array(came)
    spread = x.std(axis=0)
    fitted = fit_binary((x - x.mean(axis=0)) / spread, y, penalty=0.0, link=apply_cloglog)
    coefficients = fitted.coefficients / spread
    ours = dict(zip(names, coefficients[: len(names)], strict=True))
    gap = max(abs(ours[name] - cox.params_[name]) for name in names)
    expected = apply_cloglog(fitted.intercept + (x - x.mean(axis=0)) @ coefficients)[0].sum()
    ratio = expected / y.sum()
    figure = f"largest difference {gap:.4f}, expected ÷ observed {ratio:.4f}, n = {len(rossi)}"
    return [
        Proof(
            "F1 beside Cox",
            figure,
            "difference at most 0.005, ratio 0.99 to 1.01",
            bool(gap <= 0.005 and 0.99 <= ratio <= 1.01),
        )
    ]


def compare_deciles() -> Sequence[Proof]:
    """F2: events by decile of predicted risk, without overlap."""
    panel = simulate(Book(5_000, STRONG, ahead=1), 1)
    judged = walk_forward(panel, Course("churn", 31), ["model"])["model"]
    edges = np.quantile(judged.probability, np.linspace(0, 1, 11)[1:-1])
    place = np.searchsorted(edges, judged.probability)
    off = []
    for decile in range(10):
        p, y = judged.probability[place == decile], judged.event[place == decile]
        off.append(abs(y.sum() - p.sum()) / np.sqrt((p * (1 - p)).sum()))
    within = sum(gap <= 3 for gap in off)
    return [
        Proof(
            "F2 deciles",
            f"{within} of 10 within 3 SE, largest {max(off):.1f} SE",
            "10 of 10",
            within == 10,
        )
    ]


def count_false_passes() -> Sequence[Proof]:
    """F3: books without signal."""
    shares = {size: _count_signals(Book(size, 0.0)) for size in (100, 300, 1_000)}
    return [
        Proof(
            "F3 false passes", _describe(shares), "at most 5 % each", max(shares.values()) <= 0.05
        )
    ]


def count_true_passes() -> Sequence[Proof]:
    """F4: books with a signal of AUC 0.67 and 0.78."""
    least = {(300, WEAK): 0.40, (300, STRONG): 0.88, (1_000, WEAK): 0.90, (1_000, STRONG): 1.0}
    shares = {key: _count_signals(Book(*key)) for key in least}
    areas = {
        effect: np.mean([_judge(simulate(Book(1_000, effect), seed)).auc for seed in range(10)])
        for effect in (WEAK, STRONG)
    }
    figure = ", ".join(
        f"{size} accounts at AUC {areas[effect]:.2f}: {share:.1%}"
        for (size, effect), share in shares.items()
    )
    return [
        Proof(
            "F4 true passes",
            figure,
            "40 % and 88 % at 300, 90 % and 100 % at 1,000",
            all(shares[key] >= need for key, need in least.items()),
        )
    ]


def shuffle_labels() -> Sequence[Proof]:
    """F5: outcomes given to other accounts."""
    passes = 0
    for seed in range(BOOKS):
        book = Book(300, STRONG)
        panel = simulate(book, seed)
        order = np.random.default_rng(seed).permutation(book.accounts)
        grid = panel.outcome.reshape(book.months, book.accounts)[:, order]
        passes += rule_on(_judge(replace(panel, outcome=grid.ravel()))).verdict == "signal"
    return [
        Proof(
            "F5 shuffled outcomes",
            f"{passes} of {BOOKS} pass",
            "at most 5 %",
            passes / BOOKS <= 0.05,
        )
    ]


def plant_leak() -> Sequence[Proof]:
    """F6: tickets entered later with an earlier date."""
    known = simulate(Book(1_000, WEAK), 1)
    late = known.values["tickets_30"] + 2 * known.flag("churn")
    recorded = replace(known, values={**known.values, "tickets_30": late.astype(np.float32)})
    leaks = {leak.input: leak for leak in measure_leaks(known, recorded)}
    named = [name for name, leak in leaks.items() if leak.reason is not None]
    gain = leaks["tickets_30"].difference or 0.0
    return [
        Proof(
            "F6 planted leak",
            f"named {named}, hindsight adds {gain:.2f}",
            "it alone, at least 0.10",
            named == ["tickets_30"] and gain >= 0.10,
        )
    ]


def measure_size() -> Sequence[Proof]:
    """F9: inputs, four fits and bootstrap of 100,000 accounts.

    CPU seconds count, as neighbours may hold the cores.
    """
    panel = simulate(Book(100_000, WEAK, hazard=0.015), 1)
    random = np.random.default_rng(2)
    outcome = panel.outcome.copy()
    stayed = np.flatnonzero(outcome == STAYED)
    outcome[random.choice(stayed, len(stayed) // 20, replace=False)] = 0
    outcome[random.choice(stayed, len(stayed) // 12, replace=False)] = 1
    left = np.flatnonzero(outcome == LEFT)
    outcome[random.choice(left, len(left) // 5, replace=False)] = 2
    panel = replace(panel, outcome=outcome)
    began, used = time.monotonic(), time.process_time()
    fit_four(panel)
    seconds, cpu = time.monotonic() - began, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figure = f"{panel.size:,} rows: {cpu:.0f} s of CPU, {seconds:.0f} s, {peak:,.0f} MB"
    return [Proof("F9 size", figure, "60 s and 2 GB", cpu < 60 and peak < 2048)]


def fit_four(panel: Panel) -> None:
    """Fit four targets on what was known at the last cutoff, and judge them with bootstrap."""
    days = np.array([len([d for d in panel.days[: code + 1] if (day - d).days >= DAYS])
                     for code, day in enumerate(panel.days)])  # fmt: skip
    learnt = np.flatnonzero(panel.cutoff < days[-1])
    judged = np.flatnonzero(panel.cutoff >= days[-1])
    for target in ("voluntary", "involuntary", "contraction", "expansion"):
        event = panel.flag(target)
        model = fit_hazard(panel, learnt, event[learnt], INPUTS)
        base = np.full(len(judged), event[learnt].mean())
        predictions = walk_forward(panel, replace(CHURN, since=panel.days[-1]), ["base_rate"])
        enlarged = replace(
            predictions["base_rate"], account=panel.account[judged], cutoff=panel.cutoff[judged],
            event=event[judged], base=base, red=base > 1,
            probability=predict_hazard(model, panel, judged, INPUTS),
        )  # fmt: skip
        judge_predictions(enlarged, CAPACITY)


def promote_challenger() -> Sequence[Proof]:
    """F10: a book with thresholds and an ordinary one."""
    promoted = {}
    for book in (Book(1_500, 2.0, shape="threshold"), Book(1_500, 0.9)):
        walked = walk_forward(simulate(book, 1), CHURN, ["model", "challenger"])
        promoted[book.shape] = is_promoted(walked["challenger"], walked["model"])
    return [
        Proof(
            "F10 challenger",
            f"promoted: {promoted}",
            "of the first alone",
            promoted == {"threshold": True, "line": False},
        )
    ]


def _count_signals(book: Book) -> float:
    verdicts = [rule_on(_judge(simulate(book, seed))).verdict for seed in range(BOOKS)]
    return verdicts.count("signal") / BOOKS


def _judge(panel: Panel) -> Judgement:
    return judge_predictions(walk_forward(panel, CHURN, ["model"])["model"], CAPACITY)


def _describe(shares: dict[int, float]) -> str:
    return ", ".join(f"{size} accounts: {share:.1%} pass" for size, share in shares.items())


PREDICTIONS: Mapping[str, Callable[[], Sequence[Proof]]] = {
    "F1": compare_with_cox,
    "F2": compare_deciles,
    "F3": count_false_passes,
    "F4": count_true_passes,
    "F5": shuffle_labels,
    "F6": plant_leak,
    "F9": measure_size,
    "F10": promote_challenger,
}

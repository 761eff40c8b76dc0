"""Judgement of predictions against what happened: error, skill, order and calibration."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from cs_sync.foresight.bootstrap import find_interval, resample_sums
from cs_sync.foresight.hazard import fit_binary
from cs_sync.foresight.panel import Flags, Floats, Ints
from cs_sync.metrics.intervals import Interval

RANK_BINS = 100
"""Classes of rank in which resampled accounts are counted for the area under the curve."""
CALIBRATION_BINS = 10
_SMALLEST = 1e-9


class Predictions(Struct, frozen=True):
    """Predictions of observations after the fact; one entry each."""

    account: Ints
    """Codes from 0."""
    cutoff: Ints
    event: Flags
    probability: Floats
    base: Floats
    """The base rate that was known then."""
    red: Flags
    """Whether the health score was red."""


class CalibrationBin(Struct, frozen=True):
    """Predictions of like size: their mean, and the share of events that came."""

    high: float
    """The largest of them."""
    n: int
    accounts: int
    predicted: float
    observed: float


class Judgement(Struct, frozen=True):
    """How well predictions came true; None where there is nothing to judge it by."""

    observations: int
    accounts: int
    events: int
    """Observations with the event."""
    churned: int
    """Accounts with the event."""
    auc: float | None
    auc_interval: Interval | None
    auc_within: float | None
    """Of pairs of one cutoff alone: a rate that changes over time adds nothing."""
    auc_within_interval: Interval | None
    brier: float
    skill: float | None
    """1 − Brier score ÷ Brier score of the base rate."""
    skill_interval: Interval | None
    log_loss: float
    lift_top_decile: float | None
    lift_capacity: float | None
    precision_red: float | None
    recall_red: float | None
    slope: float | None
    """Of the calibration line on the log-odds: 1 is right, less is too extreme."""
    bins: Sequence[CalibrationBin]


def judge_predictions(predictions: Predictions, capacity: int) -> Judgement:
    """Judge predictions, pooled over their cutoffs.

    `red` is judged by as many accounts of each cutoff, those that are predicted to leave first,
    as the health score had in red.

    Args:
        predictions: At least one.
        capacity: The accounts that the team can call at each cutoff.
    """
    p, y = predictions, predictions.event.astype(np.float64)
    error, base_error = (p.probability - y) ** 2, (p.base - y) ** 2
    skill = None if not base_error.sum() else 1 - float(error.sum() / base_error.sum())
    certain = np.clip(p.probability, _SMALLEST, 1 - _SMALLEST)
    reds = np.bincount(p.cutoff, weights=p.red).astype(int)
    at_red = _count_hits(p, reds)
    size = np.bincount(p.cutoff)
    rate = float(y.mean())
    decile = _calculate_precision(p, np.ceil(size / 10).astype(int))
    team = _calculate_precision(p, np.minimum(size, capacity))
    within, within_interval = calculate_auc_within(p) or (None, None)
    return Judgement(
        len(y),
        len(np.unique(p.account)),
        int(y.sum()),
        len(np.unique(p.account[p.event])),
        calculate_auc(p.probability, p.event),
        _resample_auc(p),
        within,
        within_interval,
        float(error.mean()),
        skill,
        _resample_skill(p, error, base_error),
        float(-np.log(np.where(p.event, certain, 1 - certain)).mean()),
        decile / rate if rate else None,
        team / rate if rate else None,
        float(at_red / reds.sum()) if reds.sum() else None,
        float(at_red / y.sum()) if reds.sum() and y.sum() else None,
        calculate_slope(certain, p.event),
        _build_bins(p),
    )


def calculate_auc(score: Floats, event: Flags) -> float | None:
    """Calculate the area under the ROC curve; ties count half."""
    events, others = int(event.sum()), int((~event).sum())
    if not events or not others:
        return None
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]
    above = rank[event].sum() - events * (events + 1) / 2
    return float(above / (events * others))


def calculate_auc_within(p: Predictions) -> tuple[float, Interval | None] | None:
    """Calculate the area over pairs of the same cutoff, and its interval.

    Drawn accounts move it by their influence: how often each of their rows was placed right, less
    what was expected (Obuchowski, 1997).
    """
    width = int(p.cutoff.max()) + 1
    events, others = (
        np.bincount(p.cutoff[some], minlength=width).astype(np.float64)
        for some in (p.event, ~p.event)
    )
    pairs = float(events @ others)
    if not pairs:
        return None
    below, above = _count_others_below(p)
    area = float(below[p.event].sum()) / pairs
    expected = np.where(p.event, others[p.cutoff], events[p.cutoff]) * area
    influence = (np.where(p.event, below, above) - expected) / pairs
    account = np.unique(p.account, return_inverse=True)[1]
    drawn = resample_sums(_sum_by_account(account, influence)[:, None])[:, 0]
    return area, find_interval(np.clip(area + drawn, 0, 1))


def _count_others_below(p: Predictions) -> tuple[Floats, Floats]:
    """Count others below and events above in each cutoff; ties half."""
    ranks, rank = np.unique(p.probability, return_inverse=True)
    groups, place = np.unique(p.cutoff * len(ranks) + rank, return_inverse=True)
    month = groups // len(ranks)
    first = np.searchsorted(month, month)
    last = np.searchsorted(month, month, side="right")
    counts = []
    for some in (p.event, ~p.event):
        own = np.bincount(place[some], minlength=len(groups)).astype(np.float64)
        before = np.concatenate([[0.0], np.cumsum(own)])
        counts.append((own, before))
    (events, events_before), (others, others_before) = counts
    below = others_before[:-1] - others_before[first] + others / 2
    above = events_before[last] - events_before[1:] + events / 2
    return below[place], above[place]


def calculate_slope(probability: Floats, event: Flags) -> float | None:
    """Calculate the calibration slope: events regressed on the predicted log-odds.

    None with one class only, or where all predictions are alike.
    """
    log_odds = np.log(probability / (1 - probability))
    spread = float(log_odds.std())
    if event.all() or not event.any() or spread < 1e-6:
        return None
    fitted = fit_binary((log_odds / spread)[:, None], event, penalty=0.0)
    return float(fitted.coefficients[0]) / spread


def compare_errors(own: Floats, other: Floats, account: Ints) -> Interval | None:
    """Return the interval of the difference of two mean errors."""
    sums = np.column_stack([_sum_by_account(account, own - other), np.bincount(account)])
    drawn = resample_sums(sums)
    return find_interval(drawn[:, 0] / drawn[:, 1])


def _resample_skill(p: Predictions, error: Floats, base_error: Floats) -> Interval | None:
    account = np.unique(p.account, return_inverse=True)[1]
    sums = np.column_stack([_sum_by_account(account, e) for e in (error, base_error)])
    drawn = resample_sums(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        return find_interval(1 - drawn[:, 0] / drawn[:, 1])


def _resample_auc(p: Predictions) -> Interval | None:
    """Return the interval of the area, from counts by rank."""
    account = np.unique(p.account, return_inverse=True)[1]
    place = np.unique(p.probability, return_inverse=True)[1]
    if place.max() >= RANK_BINS:
        place = np.argsort(np.argsort(p.probability, kind="stable")) * RANK_BINS // len(place)
    width, accounts = int(place.max()) + 1, int(account.max()) + 1
    cell = account * width + place
    counts = np.empty((accounts, 2 * width), np.float32)
    for half, some in enumerate((p.event, ~p.event)):
        flat = np.bincount(cell[some], minlength=accounts * width)
        counts[:, half * width : (half + 1) * width] = flat.reshape(accounts, width)
    drawn = resample_sums(counts)
    events, others = drawn[:, :width], drawn[:, width:]
    below = np.cumsum(others, axis=1) - others / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return find_interval((events * below).sum(1) / (events.sum(1) * others.sum(1)))


def _sum_by_account(account: Ints, values: Floats) -> Floats:
    return np.bincount(account, weights=values).astype(np.float64)


def _calculate_precision(p: Predictions, called: Ints) -> float:
    total = int(called.sum())
    return _count_hits(p, called) / total if total else 0.0


def _count_hits(p: Predictions, called: Ints) -> float:
    """Count the events among the first of each cutoff."""
    hits = 0.0
    for cutoff in np.flatnonzero(called):
        rows = np.flatnonzero(p.cutoff == cutoff)
        score, event, number = p.probability[rows], p.event[rows], int(called[cutoff])
        least = np.partition(score, len(score) - number)[len(score) - number]
        above, equal = score > least, score == least
        room = number - int(above.sum())
        hits += float(event[above].sum()) + float(event[equal].mean()) * room
    return hits


def _build_bins(p: Predictions) -> list[CalibrationBin]:
    """Build bins of equal size by predicted probability; equal predictions stay together."""
    probability = p.probability
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, CALIBRATION_BINS + 1))[1:-1])
    place = np.searchsorted(edges, probability, side="left")
    return [
        CalibrationBin(
            float(probability[own].max()),
            int(own.sum()),
            len(np.unique(p.account[own])),
            float(probability[own].mean()),
            float(p.event[own].mean()),
        )
        for own in (place == number for number in np.unique(place))
    ]

"""Outcomes of follow-ups, and their effect; pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

from cs_sync.metrics.intervals import compare_proportions

Outcome = Literal[
    "waiting", "open", "ignored", "done", "too_late", "deleted", "resolved", "held_out"
]
BAND_RANKS = {"red": 0, "yellow": 1, "green": 2, "excellent": 3}


class PastFollowUp(Struct, frozen=True):
    """A follow-up with the later course of its account.

    `recovered` is None if it is too early to say, or nothing had to recover.
    """

    playbook: str
    outcome: Outcome
    recovered: bool | None


class AccountAfterwards(Struct, frozen=True):
    """An account after a follow-up: its bands by day, and its MRR at their end."""

    bands: Sequence[tuple[date, str]]
    mrr: Mapping[str, int]


def classify_outcome(row: Mapping[str, Any], now: datetime, ignored_after: timedelta) -> Outcome:
    """Classify the outcome of a follow-up.

    Args:
        row: A row of `follow_up`.
        now: The current time.
        ignored_after: The time after which an untouched, overdue follow-up is ignored.
    """
    state: Outcome = row["state"]
    if state == "done":
        return "done" if row["ended_at"] <= row["due_at"] else "too_late"
    late = state == "open" and not row["touched"] and now > row["due_at"] + ignored_after
    return "ignored" if late else state


def has_recovered(row: Mapping[str, Any], after: AccountAfterwards) -> bool | None:
    """Return whether a red or yellow account improved without paying less.

    Improved: the last known band is above that of the follow-up's day.

    Args:
        row: A row of `follow_up`.
        after: The account after the follow-up.

    Returns:
        None if the account was neither red nor yellow, or no later band is known.
    """
    was, bands = row["band"], [band for _, band in after.bands if band in BAND_RANKS]
    if was not in ("red", "yellow") or not bands:
        return None
    paying = all(after.mrr.get(code, 0) >= amount for code, amount in row["mrr"].items())
    return BAND_RANKS[bands[-1]] > BAND_RANKS[was] and paying


def summarize_playbooks(past: Iterable[PastFollowUp], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row per playbook: counts, recovery rate and effect.

    The effect is the recovery rate less that of the held-out accounts, with the 95 %
    interval of a difference of proportions (R. G. Newcombe, 1998, method 10).

    Args:
        past: The follow-ups with their outcomes.
        names: The playbooks, in the order of the rows.
    """
    by_name: dict[str, list[PastFollowUp]] = {name: [] for name in names}
    for follow_up in past:
        by_name.setdefault(follow_up.playbook, []).append(follow_up)
    return [_summarize_playbook(name, group) for name, group in by_name.items()]


def _summarize_playbook(name: str, past: Sequence[PastFollowUp]) -> dict[str, Any]:
    counts = Counter(follow_up.outcome for follow_up in past)
    written = [follow_up for follow_up in past if follow_up.outcome not in ("waiting", "held_out")]
    helped, judged = _count_recoveries(written)
    alone, compared = _count_recoveries(
        [follow_up for follow_up in past if follow_up.outcome == "held_out"]
    )
    effect = compare_proportions((helped, judged), (alone, compared))
    return {
        "playbook": name,
        "created": len(written),
        **{outcome: counts[outcome] for outcome in _OUTCOME_COLUMNS},
        "judged": judged,
        "recovered": helped,
        "recovery_rate": helped / judged if judged else None,
        "held_out": counts["held_out"],
        "held_out_judged": compared,
        "held_out_recovered": alone,
        "held_out_recovery_rate": alone / compared if compared else None,
        "effect": effect[0] if effect else None,
        "effect_low": effect[1] if effect else None,
        "effect_high": effect[2] if effect else None,
    }


_OUTCOME_COLUMNS: tuple[Outcome, ...] = (
    "open", "done", "too_late", "ignored", "deleted", "resolved", "waiting",
)  # fmt: skip


def _count_recoveries(past: Iterable[PastFollowUp]) -> tuple[int, int]:
    """Return (recovered, known), in numbers of follow-ups."""
    recoveries = [follow_up.recovered for follow_up in past if follow_up.recovered is not None]
    return sum(recoveries), len(recoveries)

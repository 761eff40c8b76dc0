"""What came of follow-ups, and whether they made a difference; pure."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from cs_sync.metrics.intervals import wilson

Outcome = Literal[
    "waiting", "open", "ignored", "done", "too_late", "deleted", "resolved", "held_out"
]
RANK = {"red": 0, "yellow": 1, "green": 2, "excellent": 3}


@dataclass(frozen=True, slots=True)
class Past:
    """A follow-up with what became of its account.

    `recovered` is None while it is too early to say, or where nothing had to recover.
    """

    playbook: str
    outcome: Outcome
    recovered: bool | None


@dataclass(frozen=True, slots=True)
class Afterwards:
    """An account in the days after a follow-up: its bands by day, its MRR at their end."""

    bands: Sequence[tuple[date, str]]
    mrr: Mapping[str, int]


def outcome_of(row: Mapping[str, Any], now: datetime, ignored_after: timedelta) -> Outcome:
    """What people made of a follow-up (a row of `follow_up`)."""
    state: Outcome = row["state"]
    if state == "done":
        return "done" if row["ended_at"] <= row["due_at"] else "too_late"
    late = state == "open" and not row["touched"] and now > row["due_at"] + ignored_after
    return "ignored" if late else state


def recovered(row: Mapping[str, Any], after: Afterwards) -> bool | None:
    """Whether an account that was red or yellow came to do better without paying less.

    Better: the last band known is above that of the day of the follow-up.
    """
    was, known = row["band"], [band for _, band in after.bands if band in RANK]
    if was not in ("red", "yellow") or not known:
        return None
    paying = all(after.mrr.get(code, 0) >= amount for code, amount in row["mrr"].items())
    return RANK[known[-1]] > RANK[was] and paying


def summarised(past: Iterable[Past], names: Sequence[str]) -> list[dict[str, Any]]:
    """One row per playbook: counts, the share of accounts that recovered, and the effect.

    The effect is that share less the share among accounts that were held out, with the 95 %
    interval of a difference of proportions (R. G. Newcombe, 1998, method 10).
    """
    by_name: dict[str, list[Past]] = {name: [] for name in names}
    for one in past:
        by_name.setdefault(one.playbook, []).append(one)
    return [_row(name, found) for name, found in by_name.items()]


def _row(name: str, found: Sequence[Past]) -> dict[str, Any]:
    counts = Counter(one.outcome for one in found)
    written = [one for one in found if one.outcome not in ("waiting", "held_out")]
    helped, judged = _recoveries(written)
    alone, compared = _recoveries([one for one in found if one.outcome == "held_out"])
    effect = difference((helped, judged), (alone, compared))
    return {
        "playbook": name,
        "created": len(written),
        **{outcome: counts[outcome] for outcome in _SHOWN},
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


_SHOWN: tuple[Outcome, ...] = (
    "open", "done", "too_late", "ignored", "deleted", "resolved", "waiting",
)  # fmt: skip


def _recoveries(found: Iterable[Past]) -> tuple[int, int]:
    """(how many recovered, of how many it is known)."""
    known = [one.recovered for one in found if one.recovered is not None]
    return sum(known), len(known)


def difference(one: tuple[int, int], other: tuple[int, int]) -> tuple[float, float, float] | None:
    """The difference of two proportions with its interval; None when either has no cases."""
    first, second = wilson(*one), wilson(*other)
    if first is None or second is None:
        return None
    p, q = one[0] / one[1], other[0] / other[1]
    low = math.hypot(p - first[0], second[1] - q)
    high = math.hypot(first[1] - p, q - second[0])
    return p - q, p - q - low, p - q + high

"""Priority of a follow-up: that of its playbook, less where little money is at risk."""

from cs_sync.follow_ups.settings import FollowUpSettings, Priority
from cs_sync.follow_ups.view import AccountView

_LEVELS: tuple[Priority, ...] = ("low", "medium", "high")
URGENCY: dict[Priority, int] = {"high": 0, "medium": 1, "low": 2}
HIGH_SHARE, LOW_SHARE = 0.5, 0.2
"""`high_from` and `low_below` by default, as shares of the customers' median MRR."""


LEAST_PART = 0.25
"""Below this part of an amount that always counts nothing counts, whatever its share."""


def is_substantial(view: AccountView, lost: float, share: float, amount: float | None) -> bool:
    """Return whether a loss is large, absolutely or as a share.

    Args:
        view: The account after the loss, with the customers' median MRR.
        lost: Money per month, in currency units.
        share: The share of the earlier MRR that counts.
        amount: The money that counts whatever its share; None: a fifth of the median MRR.
    """
    enough = (view.typical_mrr or 0.0) * LOW_SHARE if amount is None else amount
    is_large_share = lost >= share * (view.monthly + lost)
    return (enough > 0 and lost >= enough) or (is_large_share and lost >= enough * LEAST_PART)


def weigh_priority(
    highest: Priority, stake: float, view: AccountView, settings: FollowUpSettings
) -> Priority:
    """Return a priority by the money at risk per month.

    Below `high_from` it falls by one level, below `low_below` by two. Where no threshold is
    set and nobody pays, it stays.

    Args:
        highest: The priority of the playbook.
        stake: Money per month, in currency units.
        view: The account, with the customers' median MRR.
        settings: The thresholds.
    """
    typical = view.typical_mrr or 0.0
    high_from = HIGH_SHARE * typical if settings.high_from is None else settings.high_from
    low_below = LOW_SHARE * typical if settings.low_below is None else settings.low_below
    steps = 2 if stake < min(low_below, high_from) else 1 if stake < high_from else 0
    if not view.pays:  # a trial has no money to weigh yet
        steps = min(steps, 1)
    return _LEVELS[max(_LEVELS.index(highest) - steps, 0)]

"""The accounts to look at first."""

from collections.abc import Mapping, Sequence
from typing import Any

from cs_sync.jobs.follow_ups import consider
from cs_sync.jobs.score import Scored
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.lookup import mrr_at
from cs_sync_schemas.money import CURRENCY_EXPONENT

LENGTH = 10


def watch_list(workspace: Workspace, scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """The customers with the most money at risk: MRR × the share of the score that is missing.

    Currencies are ranked side by side at par: an order to look in, not a sum.
    """
    with workspace.store.read() as connection:
        paying = mrr_at(connection, workspace.clock())
    ranked = sorted(
        (one for one in scored if one.score.band in ("red", "yellow")),
        key=lambda one: (-_at_risk(one, paying.get(one.account["id"], {})), one.account["id"]),
    )[:LENGTH]
    actions = _next_actions(consider(workspace, scored, company=False).live())
    return [
        {
            **one.row(workspace.today),
            "mrr": paying.get(one.account["id"], {}),
            "next_action": actions.get(one.account["id"]),
        }
        for one in ranked
    ]


def _at_risk(scored: Scored, mrr: Mapping[str, int]) -> float:
    score = float(scored.score.score or 0)
    units: float = sum(amount / 10 ** CURRENCY_EXPONENT[code] for code, amount in mrr.items())
    return units * (100 - score) / 100


def _next_actions(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Account id → title of its most urgent follow-up."""
    urgent = sorted(rows, key=lambda row: (row["due_at"], row["key"]), reverse=True)
    return {row["account_id"]: row["title"] for row in urgent}

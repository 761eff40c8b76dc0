"""The watch list: customers with the most money at risk."""

from collections.abc import Mapping, Sequence
from typing import Any

from cs_sync.jobs.follow_ups import decide_follow_ups
from cs_sync.queries.score import ScoredAccount
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import read_mrr_at
from cs_sync_schemas.money import CURRENCY_EXPONENT

WATCH_LIST_LENGTH = 10


def build_watch_list(workspace: Workspace, scored: Sequence[ScoredAccount]) -> list[dict[str, Any]]:
    """Return the customers with the most money at risk.

    That is MRR × (100 − score) ÷ 100. Currencies are ranked at par: this is an order of
    attention, not a sum.
    """
    with workspace.store.read() as connection:
        paying = read_mrr_at(connection, workspace.clock())
    ranked = sorted(
        (item for item in scored if item.score.band in ("red", "yellow")),
        key=lambda item: (
            -_compute_money_at_risk(item, paying.get(item.account["id"], {})),
            item.account["id"],
        ),
    )[:WATCH_LIST_LENGTH]
    actions = _find_next_actions(decide_follow_ups(workspace, scored, company=False).live())
    return [
        {
            **item.row(workspace.today),
            "mrr": paying.get(item.account["id"], {}),
            "next_action": actions.get(item.account["id"]),
        }
        for item in ranked
    ]


def _compute_money_at_risk(scored: ScoredAccount, mrr: Mapping[str, int]) -> float:
    score = float(scored.score.score or 0)
    units: float = sum(amount / 10 ** CURRENCY_EXPONENT[code] for code, amount in mrr.items())
    return units * (100 - score) / 100


def _find_next_actions(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return account id → title of its most urgent follow-up."""
    urgent = sorted(rows, key=lambda row: (row["due_at"], row["key"]), reverse=True)
    return {row["account_id"]: row["title"] for row in urgent}

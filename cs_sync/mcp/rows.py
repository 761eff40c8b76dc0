"""Rows of answers, from the rows of the commands."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from cs_sync.mcp.answers import Json, build_interval, build_money, format_decimal, mark_words
from cs_sync.metrics.bridge import BridgeRow
from cs_sync.metrics.kpi import KpiRow

MOVEMENTS = (
    "opening", "new", "reactivation", "expansion", "contraction", "churn", "fx", "reclass",
    "restatement", "closing",
)  # fmt: skip
MAX_EVIDENCE = 20


def build_kpi_row(row: KpiRow, tables: Iterable[str], run: str | None) -> Json:
    """Build the row of a KPI: money as decimals, segments marked.

    Args:
        row: The KPI.
        tables: The tables that it is computed from.
        run: The run that brought them.
    """
    money, currency = row.unit == "money_minor", row.currency
    low, high = row.low, row.high
    interval = build_interval(low, high)
    if money and currency and low is not None and high is not None:
        interval = build_interval(format_decimal(low, currency), format_decimal(high, currency))
    return {
        "metric": row.metric,
        "period_start": row.period_start.isoformat(),
        "period_end": row.period_end.isoformat(),
        "segment": {name: mark_words(value) for name, value in row.segment.items()},
        "unit": "money" if money else row.unit,
        "value": build_money(row.value, currency) if money else row.value,
        "numerator": row.numerator,
        "denominator": row.denominator,
        "currency": currency,
        "n": row.n,
        "interval": interval,
        "status": row.status,
        "stale_since": row.stale_since and row.stale_since.isoformat(),
        "policy": row.policy,
        "evidence": [*(f"table:{table}" for table in tables), *_name_run(run)],
    }


def build_mrr_row(row: BridgeRow, accounts: Sequence[BridgeRow], run: str | None) -> Json:
    """Build the row of a bridge.

    Args:
        row: The bridge of a period and currency.
        accounts: The same by account.
        run: The run that brought it.
    """
    paying = [account for account in accounts if account.closing]
    moved = sorted(
        (account for account in accounts if account.opening != account.closing),
        key=lambda account: -abs(account.closing - account.opening),
    )
    return {
        "account": row.account,
        "segment": {name: mark_words(value) for name, value in row.segment.items()},
        "period_start": row.period_start.isoformat(),
        "period_end": row.period_end.isoformat(),
        "currency": row.currency,
        **{name: format_decimal(getattr(row, name), row.currency) for name in MOVEMENTS},
        "n": len(paying),
        "interval": None,
        "evidence": [
            *(f"account:{account.account}" for account in moved[:MAX_EVIDENCE]),
            *_name_run(run),
        ],
    }


def build_score_row(
    row: Mapping[str, Any], evidence: Sequence[str], mrr: Mapping[str, int] | None
) -> Json:
    """Build the row of a score.

    Names and reasons are marked, money is a decimal.

    Args:
        row: A row of `cs-sync score`.
        evidence: Ids of the account's records.
        mrr: Currency → minor units; None if it is not asked for.
    """
    priority = build_money(row["priority_minor"], row["currency"])
    return {
        "account": row["account"],
        "name": mark_words(row["name"]),
        "is_customer": row["is_customer"],
        "mrr": None if mrr is None else _list_amounts(mrr),
        "as_of": row["as_of"],
        "score": row["score"],
        "band": row["band"],
        "status": "insufficient" if row["score"] is None else "final",
        "coverage": row["coverage"],
        "change_30d": row["change_30d"],
        "reasons": [mark_words(reason) for reason in row["reasons"]],
        "churn_probability": row["churn_probability"],
        "churn_from": _format_day(row["churn_from"]),
        "churn_until": _format_day(row["churn_until"]),
        "priority": priority,
        "currency": row["currency"],
        "n": len(row["contributions"]),
        "interval": None,
        "evidence": evidence or [f"account:{row['account']}"],
    }


def build_explanation(row: Mapping[str, Any]) -> Json:
    """Build the row of an explanation (of `cs-sync explain`)."""
    links = dict.fromkeys(f"{link['source']}:{link['source_id']}" for link in row["links"])
    return {
        **build_score_row(row, list(links), row["mrr"]),
        "contributions": row["contributions"],
        "left_out": row["left_out"],
        "trend": row["trend"],
        "change": row["change"],
        "links": [
            {"record": mark_words(link["source_id"]), "url": mark_words(link["url"])}
            for link in row["links"]
        ],
        "follow_ups": [
            {
                **{name: follow_up[name] for name in ("key", "playbook", "priority", "state")},
                "title": mark_words(follow_up["title"]),
                "due_at": follow_up["due_at"].isoformat(),
            }
            for follow_up in row["follow_ups"]
        ],
    }


def build_account_row(account: str, records: Sequence[Mapping[str, Any]]) -> Json:
    """Build the row of an account and its linked records.

    Args:
        account: Its id.
        records: Rows of `cs-sync accounts`.
    """
    linked = [row for row in records if row["source"]]
    return {
        "account": account,
        "name": mark_words(records[0]["name"]),
        "merged_into": records[0]["merged_into"],
        "records": [
            {
                "source": row["source"],
                "source_id": mark_words(row["source_id"]),
                "rule": row["rule"],
            }
            for row in linked
        ],
        "currency": None,
        "n": len(linked),
        "interval": None,
        "evidence": [f"{row['source']}:{row['source_id']}" for row in linked],
    }


def build_follow_up_row(row: Mapping[str, Any], name: str | None) -> Json:
    """Build the row of a follow-up (of `follow_up`)."""
    ids = [str(fact["id"]) for fact in row["evidence"] if "id" in fact]
    subject = f"account:{row['account_id']}" if row["account_id"] else f"follow_up:{row['key']}"
    return {
        "key": row["key"],
        "account": row["account_id"] or None,
        "name": mark_words(name),
        "playbook": row["playbook"],
        "title": mark_words(row["title"]),
        "why": mark_words(row["why"]),
        "priority": row["priority"],
        "state": row["state"],
        "due_at": row["due_at"].isoformat(),
        "assignee": row["assignee"],
        "score": row["score"],
        "band": row["band"],
        "mrr": _list_amounts(row["mrr"]),
        "currency": next(iter(sorted(row["mrr"])), None),
        "n": len(row["evidence"]),
        "interval": None,
        "evidence": ids or [subject],
    }


def build_backtest_row(row: Mapping[str, Any], judgement: Mapping[str, Any]) -> Json:
    """Build the row of a judged subject.

    Args:
        row: A row of `cs-sync backtest`, as it was kept.
        judgement: What it is part of (of `foresight_judgement`).
    """
    enough = row["verdict"] != "too little data"
    names = (
        "subject", "target", "verdict", "horizon_days", "cutoffs", "churned", "needed_churned",
        "auc", "brier_skill", "lift_top_decile", "precision_red", "recall_red",
    )  # fmt: skip
    return {
        **{name: row[name] for name in names},
        "auc_within": row.get("auc_within"),  # older judgements have none
        "status": "final" if enough else "insufficient",
        "currency": None,
        "n": row["accounts"],
        "interval": build_interval(row["auc_low"], row["auc_high"]),
        "policy": judgement["policy"],
        "judged_at": judgement["judged_at"].isoformat(),
        "data_cut": judgement["data_cut"].isoformat(),
        "evidence": [f"run:{judgement['run_id']}", f"version:{judgement['version']}"],
    }


def _list_amounts(mrr: Mapping[str, int]) -> list[Json | None]:
    return [build_money(amount, currency) for currency, amount in sorted(mrr.items())]


def _name_run(run: str | None) -> list[str]:
    return [] if run is None else [f"run:{run}"]


def _format_day(day: date | datetime | str | None) -> str | None:
    return day.isoformat() if isinstance(day, date) else day

"""How follow-ups put money, moments and an account's standing into words."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from cs_sync.follow_ups.company import CompanyView
from cs_sync.follow_ups.view import AccountView
from cs_sync.health.wording import day_text, number_text
from cs_sync_schemas.money import CURRENCY_EXPONENT


def money_text(amount: int, currency: str) -> str:
    """`1,250.00 EUR` from minor units."""
    exponent = CURRENCY_EXPONENT.get(currency, 2)
    return f"{Decimal(amount).scaleb(-exponent):,.{exponent}f} {currency}"


def mrr_text(mrr: Mapping[str, int]) -> str:
    """All currencies of an MRR in a row."""
    return " + ".join(money_text(amount, currency) for currency, amount in sorted(mrr.items()))


def instant_text(at: datetime, view: AccountView | CompanyView) -> str:
    """`12 Nov, 14:05` in the reporting zone."""
    local = at.astimezone(ZoneInfo(view.zone))
    return f"{day_text(local.date(), view.today)}, {local:%H:%M}"


def standing(view: AccountView) -> str:
    """Score, MRR and reasons: what whoever picks up the follow-up should know."""
    lines = []
    if view.score is not None:
        lines.append(f"Health: {number_text(view.score)} ({view.band})")
    if view.mrr:
        lines.append(f"MRR: {mrr_text(view.mrr)}")
    return "\n".join([*lines, *(f"- {reason}" for reason in view.reasons)])


def paragraphs(*parts: str) -> str:
    """The parts that say something, an empty line between them."""
    return "\n\n".join(part for part in parts if part)

"""The causes of alerts: what is wrong after a run, or without one; pure."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from cs_sync.contracts.errors import extract_cause

FAILED, PARTIAL, EMPTIER = "failed", "partial", "emptier"
MONEY_AT_RISK, OVERDUE = "money_at_risk", "overdue"
DEAD_BAND = 0.1
"""Money at risk is over once it is below the threshold by this share, so that it does not flap."""
MAX_DETAILS = 20
MAX_LENGTH = 500


class Cause(Struct, frozen=True):
    """Something wrong; its key stays the same for as long as it lasts."""

    key: str
    title: str
    details: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The first word of the key."""
        return self.key.partition(" ")[0]

    @property
    def text(self) -> str:
        """The title and the details, one a line."""
        return "\n".join([self.title, *_shorten(self.details)])


class Judgement(Struct, frozen=True):
    """The causes that were found, and the kinds of cause that were looked for."""

    causes: Sequence[Cause]
    judged: frozenset[str]


class Drop(Struct, frozen=True):
    """A stream, or table, that is much emptier than usual."""

    source: str
    subject: str
    text: str

    @property
    def message(self) -> str:
        """What a run says of it."""
        return f"unusual: {self.source} {self.subject}: {self.text}"


class RunOutcome(Struct, frozen=True):
    """The end of a run; `rejected` maps `source stream` to its rejected records."""

    status: str
    messages: Sequence[str] = ()
    rejected: Sequence[tuple[str, int]] = ()
    drops: Sequence[Drop] = ()


class MoneyAtRisk(Struct, frozen=True):
    """The MRR at risk beside its threshold, in units of the currency."""

    amount: float
    threshold: float
    currency: str


def judge_run(outcome: RunOutcome, money: MoneyAtRisk | None = None) -> Judgement:
    """Find what a finished run shows to be wrong.

    A failed run says nothing about the causes that only a complete one can end.

    Args:
        outcome: The end of the run.
        money: The MRR at risk; None if it is not known or has no threshold.
    """
    if outcome.status == FAILED:
        cause = Cause(FAILED, "the run failed", _split_lines(outcome.messages))
        return Judgement([cause], frozenset({FAILED, OVERDUE}))
    judged = {FAILED, PARTIAL, EMPTIER, OVERDUE}
    causes = [
        Cause(
            f"{EMPTIER} {drop.source} {drop.subject}", f"{drop.source} {drop.subject}", (drop.text,)
        )
        for drop in outcome.drops
        for name in [f"{drop.source} {drop.subject}"]
    ]
    details = (
        *_split_lines(outcome.messages),
        *(f"{name}: {n:,} rejected; see `cs-sync rejects list`" for name, n in outcome.rejected),
    )
    if outcome.status == PARTIAL and (details or not causes):
        causes.append(Cause(PARTIAL, "the run is partial", details))
    if money is not None:
        if money.amount > money.threshold:
            causes.append(_describe_money(money))
        if not money.threshold * (1 - DEAD_BAND) <= money.amount <= money.threshold:
            judged.add(MONEY_AT_RISK)
    return Judgement(causes, frozenset(judged))


def judge_silence(last: datetime | None, now: datetime, allowed: timedelta) -> Judgement:
    """Find whether no run has ended for too long.

    Args:
        last: The end of the last finished run; None without any.
        now: The time.
        allowed: How long no run may end.
    """
    judged = frozenset({OVERDUE})
    if last is not None and now - last <= allowed:
        return Judgement([], judged)
    detail = (
        "no run has ended yet"
        if last is None
        else f"the last one ended at {last:%Y-%m-%d %H:%M} UTC"
    )
    remedy = "→ look at the scheduler, then start `cs-sync run`"
    return Judgement(
        [Cause(OVERDUE, f"no run for {_format_span(allowed)}", (detail, remedy))], judged
    )


def _format_span(span: timedelta) -> str:
    """Format a span in hours, a shorter one in minutes."""
    if span < timedelta(hours=1):
        return f"{span / timedelta(minutes=1):.3g} min"
    return f"{span / timedelta(hours=1):.4g} h"


def has_news(text: str, before: str) -> bool:
    """Return whether a text has a new line, numbers aside.

    The earlier text is `before`.
    """
    return not {*map(_reduce, text.splitlines())} <= {*map(_reduce, before.splitlines())}


def _describe_money(money: MoneyAtRisk) -> Cause:
    amount, threshold = (
        f"{number:,.2f}".removesuffix(".00") + f" {money.currency}"
        for number in (money.amount, money.threshold)
    )
    detail = f"more than the {threshold} of [alerts] money_at_risk_above"
    return Cause(MONEY_AT_RISK, f"MRR at risk: {amount}", (detail, "→ open `cs-sync report`"))


def _split_lines(messages: Iterable[str]) -> tuple[str, ...]:
    return tuple(line for message in messages for line in message.splitlines() if line.strip())


def _shorten(lines: Sequence[str]) -> list[str]:
    """Shorten the first lines to what a chat shows.

    The last one says how many are left out.
    """
    shown = [line if len(line) <= MAX_LENGTH else f"{line[:MAX_LENGTH]}…" for line in lines]
    if len(shown) <= MAX_DETAILS:
        return shown
    return [*shown[:MAX_DETAILS], f"… and {len(shown) - MAX_DETAILS} more"]


def _reduce(text: str) -> str:
    return re.sub(r"\d[\d.,:]*", "#", extract_cause(text))

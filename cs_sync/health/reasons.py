"""Why a score is what it is: sentences with the fact and its evidence, the worst first."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from cs_sync.health.facts import AccountEvidence
from cs_sync.health.reasons_by_signal import SENTENCES
from cs_sync.health.scope import SignalScope
from cs_sync.health.score import Contribution, Missing, Score
from cs_sync.health.signals import SIGNALS
from cs_sync.health.wording import number_text


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence about one input; `loss` is how much the input keeps the score down."""

    input: str
    text: str
    loss: Fraction | None
    """None: the input is missing."""


def reasons_of(score: Score, evidence: AccountEvidence, scope: SignalScope) -> list[Reason]:
    """One reason per input, what costs most first, what is missing last."""
    known = [Reason(c.input, _sentence(c, evidence, scope), _loss(c, score.mode))
             for c in score.contributions]  # fmt: skip
    known.sort(key=lambda reason: -(reason.loss or Fraction(0)))
    return known + [Reason(m.input, _absence(m), None) for m in score.missing]


def _loss(contribution: Contribution, mode: str) -> Fraction:
    """Points lost against a full input; in points mode, what it takes away."""
    full = contribution.weight if mode == "weighted" else Fraction(0)
    return full - contribution.contribution


def _sentence(of: Contribution, evidence: AccountEvidence, scope: SignalScope) -> str:
    say: Callable[..., str] | None = SENTENCES.get(of.signal)
    if say:
        return say(of.value, evidence, scope)
    signal = SIGNALS[of.signal]
    return f"{signal.title}: {number_text(of.value)} {signal.unit}".rstrip()


def _absence(missing: Missing) -> str:
    signal = SIGNALS[missing.signal]
    if missing.why == "stale":
        return f"{signal.title}: only outdated facts, left out"
    return signal.absence

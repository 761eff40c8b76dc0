"""Why a score is what it is: sentences with the fact and its evidence, the worst first."""

from dataclasses import dataclass
from fractions import Fraction

from cs_sync.health.facts import AccountEvidence
from cs_sync.health.reasons_by_signal import sentence_of
from cs_sync.health.scope import SignalScope
from cs_sync.health.score import Contribution, Missing, Score
from cs_sync.health.signals import feature_in, signal_of
from cs_sync.health.wording import plain
from cs_sync.words import ENGLISH, Words


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence about one input; `loss` is how much the input keeps the score down."""

    input: str
    text: str
    loss: Fraction | None
    """None: the input is missing."""


def reasons_of(
    score: Score, evidence: AccountEvidence, scope: SignalScope, words: Words = ENGLISH
) -> list[Reason]:
    """One reason per input, what costs most first, what is missing last."""
    known = [
        Reason(
            c.input, sentence_of(c.signal)(c.value, evidence, scope, words), _loss(c, score.mode)
        )
        for c in score.contributions
    ]
    known.sort(key=lambda reason: -(reason.loss or Fraction(0)))
    return known + [Reason(m.input, _absence(m, words), None) for m in score.missing]


def _loss(contribution: Contribution, mode: str) -> Fraction:
    """Points lost against a full input; in points mode, what it takes away."""
    full = contribution.weight if mode == "weighted" else Fraction(0)
    return full - contribution.contribution


def _absence(missing: Missing, words: Words) -> str:
    key, feature = signal_of(missing.signal).key, plain(feature_in(missing.signal), 60)
    if missing.why == "stale":
        return words("reason.stale", title=words(f"signal.{key}.title", feature=feature))
    return words(f"signal.{key}.absence", feature=feature)

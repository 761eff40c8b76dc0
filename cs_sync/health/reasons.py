"""Reasons for a score: sentences with the fact and its evidence, worst first."""

from dataclasses import dataclass
from fractions import Fraction

from cs_sync.health.facts import AccountEvidence
from cs_sync.health.scope import SignalScope
from cs_sync.health.score import Contribution, HealthScore, MissingInput
from cs_sync.health.sentences import get_sentence_builder
from cs_sync.health.signal_words import describe_absence, name_signal
from cs_sync.i18n import ENGLISH, Translator


@dataclass(frozen=True, slots=True)
class ScoreReason:
    """One sentence about one input; `loss` is how many points the input costs."""

    input: str
    text: str
    loss: Fraction | None
    """None: the input is missing."""


def build_reasons(
    score: HealthScore, evidence: AccountEvidence, scope: SignalScope, words: Translator = ENGLISH
) -> list[ScoreReason]:
    """Return one reason per input, the most costly first, missing inputs last.

    A bonus that was not won is no reason, and nothing is said twice.

    Args:
        score: The score of the account.
        evidence: The facts of the account.
        scope: The day of the score.
        words: The translator of the sentences.
    """
    reasons = [
        ScoreReason(
            c.input,
            get_sentence_builder(c.signal)(c.value, evidence, scope, words),
            calculate_loss(c, score.mode),
        )
        for c in score.contributions
        if c.contribution > 0 or not c.bonus
    ]
    reasons.sort(key=lambda reason: -(reason.loss or Fraction(0)))
    reasons += [ScoreReason(m.input, _describe_missing(m, words), None) for m in score.missing]
    unique: dict[str, ScoreReason] = {}
    for reason in reasons:
        unique.setdefault(reason.text, reason)
    return list(unique.values())


def calculate_loss(contribution: Contribution, mode: str) -> Fraction:
    """Return the points lost against a full input, or deducted."""
    full = contribution.weight if mode == "weighted" and not contribution.bonus else Fraction(0)
    return full - contribution.contribution


def _describe_missing(missing: MissingInput, words: Translator) -> str:
    if missing.why == "stale":
        return words("reason.stale", title=name_signal(missing.signal, words))
    return describe_absence(missing.signal, words)

"""Reasons for a score: sentences with the fact and its evidence, worst first."""

from fractions import Fraction
from operator import itemgetter

from msgspec import Struct, field

from cs_sync.health.facts import AccountEvidence
from cs_sync.health.scope import SignalScope
from cs_sync.health.score import Contribution, HealthScore, MissingInput
from cs_sync.health.sentences import get_sentence_builder
from cs_sync.health.signal_words import describe_absence, name_signal
from cs_sync.i18n import ENGLISH, Translator


class ScoreReason(Struct, frozen=True, array_like=True):
    """One sentence about one input; `loss` is how many points the input costs."""

    input: str
    text: str
    loss: Fraction | None
    """None: the input is missing."""


class LossBook(Struct, frozen=True):
    """What contributions lose; accounts share equal ones, so each is asked once."""

    _losses: dict[int, tuple[Contribution, Fraction, tuple[float, Fraction]]] = field(
        default_factory=dict
    )

    def get_loss(
        self, contribution: Contribution, mode: str
    ) -> tuple[Fraction, tuple[float, Fraction]]:
        """Return the loss of a contribution, and its place among others.

        The largest comes first. Floats are compared faster than fractions, which decide
        where they are equal.
        """
        if (known := self._losses.get(id(contribution))) is None:
            loss = calculate_loss(contribution, mode)
            # The contribution is kept, so that nothing else takes its id.
            known = (contribution, loss, (-float(loss), -loss))
            self._losses[id(contribution)] = known
        return known[1], known[2]


def build_reasons(
    score: HealthScore,
    evidence: AccountEvidence,
    scope: SignalScope,
    words: Translator = ENGLISH,
    losses: LossBook | None = None,
) -> list[ScoreReason]:
    """Return one reason per input, the most costly first, missing inputs last.

    A bonus that was not won is no reason, and nothing is said twice.

    Args:
        score: The score of the account.
        evidence: The facts of the account.
        scope: The day of the score.
        words: The translator of the sentences.
        losses: What is known of other accounts' contributions.
    """
    losses = losses or LossBook()
    placed = []
    for part in score.contributions:
        if part.bonus and part.contribution <= 0:
            continue
        loss, place = losses.get_loss(part, score.mode)
        text = get_sentence_builder(part.signal)(part.value, evidence, scope, words)
        placed.append((place, ScoreReason(part.input, text, loss)))
    placed.sort(key=itemgetter(0))
    reasons = [reason for _, reason in placed]
    reasons += [ScoreReason(m.input, _describe_missing(m, words), None) for m in score.missing]
    unique: dict[str, ScoreReason] = {}
    for reason in reasons:
        unique.setdefault(reason.text, reason)
    return list(unique.values())


def calculate_loss(contribution: Contribution, mode: str) -> Fraction:
    """Return the points lost against a full input, or deducted."""
    full = contribution.weight if mode == "weighted" and not contribution.bonus else Fraction(0)
    return full - contribution.contribution


def measure_loss(contribution: Contribution, mode: str) -> float:
    """Return the loss as the nearest float, without a fraction in between."""
    (lost, parts), bonus = contribution.contribution.as_integer_ratio(), contribution.bonus
    full, shares = (0, 1)
    if mode == "weighted" and not bonus:
        full, shares = contribution.weight.as_integer_ratio()
    return (full * parts - lost * shares) / (shares * parts)


def _describe_missing(missing: MissingInput, words: Translator) -> str:
    if missing.why == "stale":
        return words("reason.stale", title=name_signal(missing.signal, words))
    return describe_absence(missing.signal, words)

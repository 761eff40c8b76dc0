"""What people's own words are about: texts grouped by topic, every word kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cs_sync.metrics.topic_words import telling_words

FEWEST = 10
"""Fewer texts than this are read faster than they are grouped."""
_PER_TOPIC = 8
_MOST = 12
_WORDS = 3
_DETRACTS = 6
"""An NPS answer of 0 to 6 (Reichheld, 2003)."""


@dataclass(frozen=True, slots=True)
class Verbatim:
    """What somebody of an account wrote, unchanged, and the score they gave with it.

    `score` is on a scale of 0 to 10 with 10 as the best, whatever the survey's own is; None for
    tickets and for answers in words only. `segment`: the account's values of chosen attributes.
    """

    account_id: str | None
    said_at: datetime
    text: str
    kind: str = "custom"
    survey: str | None = None
    score: float | None = None
    segment: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Topic:
    """Texts that share words, the most typical first; without words, those that share none."""

    words: tuple[str, ...]
    verbatims: tuple[Verbatim, ...]

    @property
    def account_ids(self) -> tuple[str, ...]:
        """Who spoke of it."""
        return tuple(sorted({v.account_id for v in self.verbatims if v.account_id is not None}))

    @property
    def accounts(self) -> int:
        """How many accounts spoke of it."""
        return len(self.account_ids)

    @property
    def mean_score(self) -> float | None:
        """Mean of the scores that came with the words, 0 to 10; None without any."""
        return _mean([v.score for v in self.verbatims if v.score is not None])

    @property
    def detractor_share(self) -> float | None:
        """Share of the NPS answers among them that were 0 to 6; None without any NPS answer."""
        scores = [v.score for v in self.verbatims if v.kind == "nps" and v.score is not None]
        return _mean([float(score <= _DETRACTS) for score in scores])

    def within(self, segment: tuple[str | None, ...]) -> "Topic":
        """What accounts of one segment said of it."""
        return Topic(self.words, tuple(v for v in self.verbatims if v.segment == segment))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def topics(verbatims: Sequence[Verbatim], most: int = _MOST) -> list[Topic]:
    """Topics by number of texts, what belongs to none last; every text is in exactly one.

    Words are weighted by how much they tell texts apart (TF-IDF), and split into topics by
    non-negative matrix factorisation (Lee and Seung, 1999), which starts from the data and not
    from chance: equal texts give equal topics. Fewer than `FEWEST` texts, or texts without any
    word in common, are one topic without words. ModuleNotFoundError without scikit-learn.
    """
    said = sorted(
        (v for v in verbatims if v.text.strip()), key=lambda v: (v.said_at, v.text, v.kind)
    )
    if len(said) < FEWEST:
        return [Topic((), tuple(said))] if said else []
    weights, words = _weighted([v.text for v in said])
    if weights is None:
        return [Topic((), tuple(said))]
    count = max(2, min(most, len(said) // _PER_TOPIC, *weights.shape))
    return _grouped(said, words, *_factors(weights, count))


def _weighted(texts: Sequence[str]) -> tuple[Any, Sequence[str]]:
    """TF-IDF of words that at least two texts share; None when there are not two of them."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    often = max(2, len(texts) * 3 // 5)
    vectorizer = TfidfVectorizer(analyzer=telling_words, min_df=2, max_df=often, sublinear_tf=True)
    try:
        weights = vectorizer.fit_transform(texts)
    except ValueError:  # no word is left
        return None, ()
    words = [str(word) for word in vectorizer.get_feature_names_out()]
    return (weights, words) if len(words) > 1 else (None, ())


def _factors(weights: Any, count: int) -> tuple[Any, Any]:
    """Texts by topics, and topics by words."""
    import numpy as np
    from sklearn.decomposition import NMF

    model = NMF(n_components=count, init="nndsvda", max_iter=2_000, tol=1e-3, random_state=0)
    with np.errstate(invalid="ignore"):  # of a perfect fit the error may come out below nought
        return model.fit_transform(weights), model.components_


def _grouped(
    said: Sequence[Verbatim], words: Sequence[str], by_topic: Any, by_word: Any
) -> list[Topic]:
    members: dict[int, list[tuple[float, Verbatim]]] = {}
    for verbatim, shares in zip(said, by_topic, strict=True):
        best = int(shares.argmax()) if shares.max() > 0 else -1
        members.setdefault(best, []).append((float(shares[best]), verbatim))
    rest = members.pop(-1, [])
    found = [
        Topic(_named(words, by_word[topic]), _typical_first(texts))
        for topic, texts in members.items()
    ]
    found.sort(key=lambda topic: (-len(topic.verbatims), topic.words))
    return [*found, Topic((), tuple(v for _, v in rest))] if rest else found


def _named(words: Sequence[str], weights: Any) -> tuple[str, ...]:
    return tuple(words[n] for n in weights.argsort()[::-1][:_WORDS] if weights[n] > 0)


def _typical_first(texts: Sequence[tuple[float, Verbatim]]) -> tuple[Verbatim, ...]:
    return tuple(v for _, v in sorted(texts, key=lambda one: -one[0]))

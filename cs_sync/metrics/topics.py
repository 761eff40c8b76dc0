"""What answers in people's own words are about: texts grouped by topic, every word kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_FEWEST = 6
"""Fewer texts than this are read faster than they are grouped."""
_PER_TOPIC = 8
_MOST = 12
_WORDS = 3


@dataclass(frozen=True, slots=True)
class Verbatim:
    """What somebody of an account wrote, unchanged."""

    account_id: str | None
    said_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Topic:
    """Texts that share words; without any, those that share none with others."""

    words: tuple[str, ...]
    verbatims: tuple[Verbatim, ...]

    @property
    def accounts(self) -> int:
        """How many accounts spoke of it."""
        return len({v.account_id for v in self.verbatims if v.account_id is not None})


def topics(verbatims: Sequence[Verbatim], most: int = _MOST) -> list[Topic]:
    """Topics by number of texts, what belongs to none last; every text is in exactly one.

    Words are weighted by how much they tell texts apart (TF-IDF), and split into topics by
    non-negative matrix factorisation (Lee and Seung, 1999), which starts from the data and not
    from chance: equal texts give equal topics. ModuleNotFoundError without scikit-learn.
    """
    said = sorted((v for v in verbatims if v.text.strip()), key=lambda v: (v.said_at, v.text))
    if len(said) < _FEWEST:
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
    vectorizer = TfidfVectorizer(min_df=2, max_df=often, stop_words="english", sublinear_tf=True)
    try:
        weights = vectorizer.fit_transform(texts)
    except ValueError:  # no word is left
        return None, ()
    words = [str(word) for word in vectorizer.get_feature_names_out()]
    return (weights, words) if len(words) > 1 else (None, ())


def _factors(weights: Any, count: int) -> tuple[Any, Any]:
    """Texts by topics, and topics by words."""
    from sklearn.decomposition import NMF

    model = NMF(n_components=count, init="nndsvda", max_iter=2_000, tol=1e-3, random_state=0)
    return model.fit_transform(weights), model.components_


def _grouped(
    said: Sequence[Verbatim], words: Sequence[str], by_topic: Any, by_word: Any
) -> list[Topic]:
    members: dict[int, list[Verbatim]] = {}
    for verbatim, shares in zip(said, by_topic, strict=True):
        best = int(shares.argmax()) if shares.max() > 0 else -1
        members.setdefault(best, []).append(verbatim)
    rest = members.pop(-1, [])
    found = [
        Topic(tuple(words[n] for n in by_word[topic].argsort()[::-1][:_WORDS]), tuple(texts))
        for topic, texts in members.items()
    ]
    found.sort(key=lambda topic: (-len(topic.verbatims), topic.words))
    return [*found, Topic((), tuple(rest))] if rest else found

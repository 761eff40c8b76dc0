"""Topics of people's texts; every text is kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from cs_sync.metrics.topics.factors import factorise_weights, weigh_words
from cs_sync.metrics.topics.forms import (
    ParsedText,
    Phrase,
    name_topic,
    parse_texts,
    write_phrase,
)

MIN_TEXTS = 10
"""Fewer texts than this are read faster than they are grouped."""
_TEXTS_PER_TOPIC = 8
_MAX_TOPICS = 24
_NAMES_PER_TOPIC = 2
_RANKED_WORDS = 6
_MAX_DETRACTOR_SCORE = 6
"""An NPS answer of 0 to 6 (Reichheld, 2003)."""


class Verbatim(Struct, frozen=True):
    """An unchanged text of somebody of an account, and its score.

    `score` is on a scale of 0 to 10 with 10 as the best, whatever the survey's own scale;
    None for tickets and for answers in words only. `segment` holds the account's values of
    chosen attributes.
    """

    account_id: str | None
    said_at: datetime
    text: str
    kind: str = "custom"
    survey: str | None = None
    score: float | None = None
    segment: tuple[str | None, ...] = ()


class Topic(Struct, frozen=True):
    """Texts with common words, the most typical first; without words: the unrelated texts.

    `words` are words or phrases, as most of the texts write them; each text has a word of them.
    """

    words: tuple[str, ...]
    verbatims: tuple[Verbatim, ...]

    @property
    def account_ids(self) -> tuple[str, ...]:
        """The accounts with texts on it, sorted."""
        return tuple(sorted({v.account_id for v in self.verbatims if v.account_id is not None}))

    @property
    def accounts(self) -> int:
        """The number of accounts with texts on it."""
        return len(self.account_ids)

    @property
    def mean_score(self) -> float | None:
        """The mean of the texts' scores, 0 to 10; None without any."""
        return _calculate_mean([v.score for v in self.verbatims if v.score is not None])

    @property
    def detractor_share(self) -> float | None:
        """The share of detractors (0 to 6) among the NPS answers.

        None without any.
        """
        scores = [v.score for v in self.verbatims if v.kind == "nps" and v.score is not None]
        return _calculate_mean([float(score <= _MAX_DETRACTOR_SCORE) for score in scores])

    def select_segment(self, segment: tuple[str | None, ...]) -> "Topic":
        """Return the topic with the texts of one segment only."""
        return Topic(self.words, tuple(v for v in self.verbatims if v.segment == segment))


def _calculate_mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def find_topics(verbatims: Sequence[Verbatim], most: int = _MAX_TOPICS) -> list[Topic]:
    """Group texts by topic, the largest first, unrelated texts last.

    Every text is in exactly one topic. Words are weighted by TF-IDF and split into topics
    by non-negative matrix factorisation (Lee and Seung, 1999) with a deterministic start:
    equal texts give equal topics. Fewer than `MIN_TEXTS` texts, or texts without common
    words, are one topic without words.

    Args:
        verbatims: The texts.
        most: The largest number of topics.

    Raises:
        ModuleNotFoundError: SciPy is not installed.
    """
    comments = sorted(
        (v for v in verbatims if v.text.strip()), key=lambda v: (v.said_at, v.text, v.kind)
    )
    if len(comments) < MIN_TEXTS:
        return [Topic((), tuple(comments))] if comments else []
    texts = parse_texts(comment.text for comment in comments)
    weights, words = weigh_words([text.words for text in texts])
    if weights is None:
        return [Topic((), tuple(comments))]
    count = max(2, min(most, len(comments) // _TEXTS_PER_TOPIC, *weights.shape))
    by_topic, by_word = factorise_weights(weights, count)
    names = _name_topics(texts, words, by_topic, by_word)
    return _group_texts(comments, texts, names, by_topic)


def _name_topics(
    texts: Sequence[ParsedText], words: Sequence[str], by_topic: Any, by_word: Any
) -> list[list[Phrase]]:
    """Name each topic by the texts that have most of it.

    More of it than of any other.
    """
    own: list[list[ParsedText]] = [[] for _ in by_word]
    for text, shares in zip(texts, by_topic, strict=True):
        if shares.max() > 0:
            own[int(shares.argmax())].append(text)
    return [
        name_topic(_rank_words(words, weights), members, _NAMES_PER_TOPIC)
        for weights, members in zip(by_word, own, strict=True)
    ]


def _rank_words(words: Sequence[str], weights: Any) -> list[str]:
    ranked = weights.argsort()[::-1][:_RANKED_WORDS]
    return [words[n] for n in ranked if weights[n] > 0]


def _group_texts(
    comments: Sequence[Verbatim],
    texts: Sequence[ParsedText],
    names: Sequence[Sequence[Phrase]],
    by_topic: Any,
) -> list[Topic]:
    """Assign each text to its strongest topic that names its words."""
    named = [{word for phrase in own for word in phrase} for own in names]
    members: dict[int, list[tuple[float, Verbatim, ParsedText]]] = {}
    for verbatim, text, shares in zip(comments, texts, by_topic, strict=True):
        words = set(text.words)
        fitting = [(float(shares[n]), -n) for n, own in enumerate(named) if own & words]
        share, place = max(fitting, default=(0.0, 1))
        members.setdefault(-place, []).append((share, verbatim, text))
    rest = members.pop(-1, [])
    topics = [_build_topic(names[n], own) for n, own in members.items()]
    topics.sort(key=lambda topic: (-len(topic.verbatims), topic.words))
    return [*topics, Topic((), tuple(v for _, v, _ in rest))] if rest else topics


def _build_topic(
    names: Sequence[Phrase], members: Sequence[tuple[float, Verbatim, ParsedText]]
) -> Topic:
    texts = [text for *_, text in members]
    typical = sorted(members, key=lambda member: -member[0])
    return Topic(
        tuple(write_phrase(phrase, texts) for phrase in names), tuple(v for _, v, _ in typical)
    )

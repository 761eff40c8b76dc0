"""Forms of one word, and phrases of two: what makes a topic read like a topic."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

_ENDINGS = ("", "s", "es", "ed", "d", "ing", "er", "ers", "'s")
"""Endings of English; a word of another language is its own form."""
_MIN_STEM = 4
_SPACED = re.compile(r"[a-z\u00c0-\u024f\u0370-\u04ff']+")
"""Words of scripts that put spaces between words."""
MIN_SHARE = 0.2
"""A phrase names a topic if so many of its texts have it."""


def merge_word_forms(texts: Iterable[Sequence[str]]) -> dict[str, str]:
    """Map each word with several forms to the most frequent of them.

    `exports` and `exported` are forms of `export` if that is a word of the texts, too.

    Args:
        texts: The words of each text.
    """
    counts = Counter(word for words in texts for word in set(words))
    groups: dict[str, list[str]] = {}
    for word in counts:
        groups.setdefault(_find_stem(word, counts), []).append(word)
    merged: dict[str, str] = {}
    for words in groups.values():
        best = min(words, key=lambda word: (-counts[word], len(word), word))
        merged |= {word: best for word in words if word != best}
    return merged


def _find_stem(word: str, known: Mapping[str, int]) -> str:
    """Return the shortest known word of which this one is a form; itself if there is none."""
    if not _SPACED.fullmatch(word):
        return word
    for ending in sorted(_ENDINGS, key=len, reverse=True):
        stem = word.removesuffix(ending) if ending and word.endswith(ending) else ""
        if len(stem) >= _MIN_STEM:
            for candidate in (stem, f"{stem}e"):
                if candidate in known and candidate != word:
                    return _find_stem(candidate, known)
    return word


def name_topic(ranked: Sequence[str], texts: Sequence[Sequence[str]], most: int) -> tuple[str, ...]:
    """Return the words of a topic, those that stand together as one phrase.

    Args:
        ranked: The words by weight, the heaviest first.
        texts: The words of each text of the topic, in order.
        most: How many words or phrases.
    """
    phrases: Counter[str] = Counter()
    for words in texts:
        phrases.update({f"{a} {b}" for a, b in pairwise(words) if a != b and _are_spaced(a, b)})
    needed = max(2.0, MIN_SHARE * len(texts))
    frequent = [phrase for phrase, count in phrases.most_common() if count >= needed]
    frequent.sort(key=lambda phrase: (-phrases[phrase], phrase))
    named: list[str] = []
    used: set[str] = set()
    for word in ranked:
        if len(named) == most:
            break
        if word not in used:
            own = (p for p in frequent if word in p.split() and not used & set(p.split()))
            chosen = next(own, word)
            named.append(chosen)
            used |= set(chosen.split())
    return tuple(named)


def _are_spaced(*words: str) -> bool:
    return all(_SPACED.fullmatch(word) for word in words)

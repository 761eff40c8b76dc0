"""Forms of one word, and phrases as people write them: what makes a topic read like one."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from cs_sync.metrics.topics.tokens import Token, find_clause_end, split_clauses

_ENDINGS = ("", "s", "es", "ed", "d", "ing", "er", "ers", "'s")
"""Endings of English; a word of another language is its own form."""
_MIN_STEM = 4
_SPACED = re.compile(r"[a-z\u00c0-\u024f\u0370-\u04ff']+")
"""Words of scripts that put spaces between words."""
MIN_SHARE = 0.2
"""A word or phrase names a topic if so many of its texts have it."""
_KEPT_SHARE = 0.8
"""A phrase grows by a word that stands beside it so often."""
_MAX_WORDS, _MAX_PIECES = 5, 9
"""Words of a phrase; pieces of one in a script without spaces."""
_SENTENCE = 3
"""A phrase of so many words that ends a clause takes the clause's last small words along."""
_THAI_LEADING = "\u0e40\u0e41\u0e42\u0e43\u0e44"
"""Vowels that begin a syllable of Thai: none ends a phrase."""


class ParsedText(Struct, frozen=True):
    """A text and its distinctive words by clause; forms of one word are one word."""

    text: str
    clauses: tuple[tuple[Token, ...], ...]

    @property
    def words(self) -> list[str]:
        """The words in order."""
        return [token.word for clause in self.clauses for token in clause]


def parse_texts(texts: Iterable[str]) -> list[ParsedText]:
    """Split texts into words in their most frequent form."""
    split = [(text, split_clauses(text)) for text in texts]
    forms = merge_word_forms([token.word for clause in own for token in clause] for _, own in split)
    return [
        ParsedText(
            text,
            tuple(
                tuple(Token(forms.get(t.word, t.word), t.start, t.end) for t in clause)
                for clause in own
            ),
        )
        for text, own in split
    ]


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
    """Return the shortest known word that this one is a form of."""
    if not _SPACED.fullmatch(word):
        return word
    for ending in sorted(_ENDINGS, key=len, reverse=True):
        stem = word.removesuffix(ending) if ending and word.endswith(ending) else ""
        if len(stem) >= _MIN_STEM:
            for candidate in (stem, f"{stem}e"):
                if candidate in known and candidate != word:
                    return _find_stem(candidate, known)
    return word


Phrase = tuple[str, ...]


def name_topic(ranked: Sequence[str], texts: Sequence[ParsedText], most: int) -> list[Phrase]:
    """Choose phrases that name a topic, each about another word.

    A word grows into the phrase that people write around it; small words stay inside.

    Args:
        ranked: The words by weight, the heaviest first.
        texts: The texts of the topic.
        most: How many phrases.
    """
    counts: Counter[Phrase] = Counter()
    for text in texts:
        counts.update({phrase for phrase, _ in _list_phrases(text)})
    needed = max(2.0, MIN_SHARE * len(texts))
    names: list[Phrase] = []
    used: set[str] = set()
    for word in ranked:
        if len(names) == most:
            break
        if word not in used and (not names or counts[word,] >= needed):
            phrase = _grow_phrase((word,), counts, needed)
            names.append(phrase)
            used |= set(phrase)
    return names


def _grow_phrase(phrase: Phrase, counts: Mapping[Phrase, int], needed: float) -> Phrase:
    """Extend a phrase by its most frequent neighbours."""
    while True:
        longer = [
            (-count, other)
            for other, count in counts.items()
            if count >= needed
            and len(other) == len(phrase) + 1
            and phrase in (other[1:], other[:-1])
        ]
        if not longer:
            return phrase
        phrase = min(longer)[1]
        needed = max(needed, _KEPT_SHARE * counts[phrase])


def write_phrase(phrase: Phrase, texts: Iterable[ParsedText]) -> str:
    """Return a phrase as the texts most often write it."""
    written: Counter[str] = Counter()
    for text in texts:
        written.update({text.text[a:b] for own, (a, b) in _list_phrases(text) if own == phrase})
    best = min(written, key=lambda surface: (-written[surface], surface), default=" ".join(phrase))
    first, _, rest = best.partition(" ")
    return f"{_lower_initial(first)} {' '.join(rest.split())}".strip()


def _lower_initial(word: str) -> str:
    """Return a word as it stands within a sentence; abbreviations stay."""
    return word.lower() if word.istitle() else word


def _list_phrases(text: ParsedText) -> Iterator[tuple[Phrase, tuple[int, int]]]:
    """Yield the phrases of a text, each with its place.

    Single words are included.
    """
    for clause in text.clauses:
        for first, token in enumerate(clause):
            most = _MAX_WORDS if _SPACED.fullmatch(token.word) else _MAX_PIECES
            for last in range(first, min(len(clause), first + most)):
                words = tuple(part.word for part in clause[first : last + 1])
                if len(set(words)) == len(words):
                    end = clause[last].end
                    if len(words) >= _SENTENCE and last == len(clause) - 1:
                        end = find_clause_end(text.text, end)
                    yield words, _fit_place(text.text, token.start, end)


def _fit_place(text: str, start: int, end: int) -> tuple[int, int]:
    """Fit a phrase's place to whole characters of Thai."""
    while start > 0 and unicodedata.category(text[start]) == "Mn":
        start -= 1
    while end < len(text) and unicodedata.category(text[end]) == "Mn":
        end += 1
    while end - start > 1 and text[end - 1] in _THAI_LEADING:
        end -= 1
    return start, end

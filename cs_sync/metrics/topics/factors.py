"""Weights of words in texts, and their factors: the texts by topics, and the topics by words.

The numbers are those of scikit-learn (`TfidfVectorizer`, `NMF`), which the tests compare. It is not
used itself: to load it takes 130 MB and two seconds, far more than the work.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import Any

_ITERATIONS, _TOLERANCE = 2_000, 1e-3
_MORE_VECTORS = 10
"""Vectors beyond those wanted that a randomised decomposition begins with."""
_NOTHING = 1e-6
"""A start below this is none."""


def weigh_words(texts: Sequence[Sequence[str]]) -> tuple[Any, Sequence[str]]:
    """Calculate TF-IDF of words in two or more texts.

    Those in more than three fifths of them are left out. A word's count enters by its logarithm,
    and the weights of each text have the length 1.

    Args:
        texts: The words of each text.

    Returns:
        A sparse matrix of texts by words, and the words; None and nothing if there are fewer than
        two words.
    """
    import numpy as np
    from scipy.sparse import csr_matrix

    most = max(2, len(texts) * 3 // 5)
    text_counts = Counter(word for text in texts for word in set(text))
    words = sorted(word for word, count in text_counts.items() if 2 <= count <= most)
    if len(words) < 2:
        return None, ()
    places = {word: place for place, word in enumerate(words)}
    # In the order in which the words first appear, so that sums are those of scikit-learn.
    order = {word: n for n, word in enumerate(dict.fromkeys(w for text in texts for w in text))}
    counts = [Counter(word for word in text if word in places) for text in texts]
    rows = [
        [(places[word], own[word]) for word in sorted(own, key=order.__getitem__)] for own in counts
    ]
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.array([place for row in rows for place, _ in row], dtype=np.int32)
    often = np.array([times for row in rows for _, times in row], dtype=np.float64)
    rarity = np.full(len(words), len(texts) + 1.0)
    rarity /= np.array([text_counts[word] for word in words], dtype=np.float64) + 1
    values = (np.log(often) + 1) * (np.log(rarity) + 1)[columns]
    for begin, end in pairwise(ends):
        own_values = values[begin:end]
        own_values /= sqrt(sum(value * value for value in own_values.tolist())) or 1
    return csr_matrix((values, columns, ends), shape=(len(texts), len(words))), words


def factorise_weights(weights: Any, count: int) -> tuple[Any, Any]:
    """Factorise non-negative weights by coordinate descent.

    After Cichocki and Phan, 2009. It begins with a singular value decomposition (Boutsidis and
    Gallopoulos, 2008), and ends when a step is a thousandth of the first.

    Args:
        weights: A sparse matrix of texts by words.
        count: The number of topics; at most the smaller side of the weights.

    Returns:
        Texts by topics, and topics by words.
    """
    import numpy as np

    by_text, by_word = _find_start(weights, count)
    first = 0.0
    for _ in range(_ITERATIONS):
        step = _improve_factor(by_text, weights @ by_word, np.dot(by_word.T, by_word))
        step += _improve_factor(by_word, weights.T @ by_text, np.dot(by_text.T, by_text))
        first = first or step
        if step <= _TOLERANCE * first:
            break
    return by_text, by_word.T


def _improve_factor(factor: Any, wanted: Any, others: Any) -> float:
    """Improve one factor by topic; return the size of the step."""
    import numpy as np

    columns, step = np.asfortranarray(factor), 0.0
    for topic in range(columns.shape[1]):
        own = columns[:, topic]
        slope = -wanted[:, topic]
        for other, weight in enumerate(others[topic]):
            slope += weight * columns[:, other]
        step += np.abs(np.where(own == 0, np.minimum(0, slope), slope)).sum()
        if others[topic, topic] != 0:
            np.maximum(own - slope / others[topic, topic], 0, out=own)
    factor[:] = columns
    return float(step)


def _find_start(weights: Any, count: int) -> tuple[Any, Any]:
    """Find factors to start with.

    Of each singular pair it is the side with more weight.
    """
    import numpy as np

    left, values, right = _decompose_matrix(weights, count)
    by_text, by_word = np.zeros_like(left), np.zeros_like(right)
    by_text[:, 0] = np.sqrt(values[0]) * np.abs(left[:, 0])
    by_word[0, :] = np.sqrt(values[0]) * np.abs(right[0, :])
    for topic in range(1, count):
        sides = []
        for sign in (1, -1):
            pair = (
                np.maximum(sign * left[:, topic], 0),
                np.maximum(sign * right[topic, :], 0),
            )
            lengths = [np.sqrt(np.dot(part, part)) for part in pair]
            sides.append((lengths[0] * lengths[1], pair, lengths))
        size, pair, lengths = sides[0] if sides[0][0] > sides[1][0] else sides[1]
        scale = np.sqrt(values[topic] * size)
        by_text[:, topic] = scale * (pair[0] / lengths[0])
        by_word[topic, :] = scale * (pair[1] / lengths[1])
    mean = weights.mean()
    for factor in (by_text, by_word):
        factor[factor < _NOTHING] = mean
    return np.ascontiguousarray(by_text), np.ascontiguousarray(by_word.T)


def _decompose_matrix(weights: Any, count: int) -> tuple[Any, Any, Any]:
    """Decompose into the largest singular values and their vectors.

    After Halko, Martinsson and Tropp, 2009, from a fixed random start; the longer side is sampled.
    """
    import numpy as np
    from scipy import linalg

    is_wide = weights.shape[0] < weights.shape[1]
    matrix = weights.T if is_wide else weights
    rounds = 7 if count < 0.1 * min(matrix.shape) else 4
    basis = np.random.RandomState(0).normal(size=(matrix.shape[1], count + _MORE_VECTORS))
    for _ in range(rounds):
        basis, _ = linalg.lu(matrix @ basis, permute_l=True, check_finite=False)
        basis, _ = linalg.lu(matrix.T @ basis, permute_l=True, check_finite=False)
    basis, _ = linalg.qr(matrix @ basis, mode="economic", check_finite=False)
    inner, values, right = linalg.svd(basis.T @ matrix, full_matrices=False)
    left = basis @ inner
    if is_wide:
        left, right = right.T, left.T
    return left[:, :count], values[:count], right[:count, :]

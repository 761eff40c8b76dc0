"""Raise the GC threshold during bulk loads."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

GC_THRESHOLD = 10_000
"""New objects between two searches: a page of records is some ten thousand, none of them in a
cycle, and searching after every few hundred costs a fifth of a sync and half of the reading of
billing facts. A hundred thousand would save no more, and cost memory.
"""

RUN_OBJECTS = 50_000
"""The threshold of a run: more than the objects of a batch of accounts, none of them in a cycle. To
search after every ten thousand takes a fifth of resolving accounts, and a tenth of a report.
"""


@contextmanager
def raise_gc_threshold(threshold: int = GC_THRESHOLD) -> Iterator[None]:
    """Raise the GC threshold inside the context; also usable as a decorator."""
    before = gc.get_threshold()
    if 0 < before[0] < threshold:  # zero: somebody turned it off
        gc.set_threshold(threshold, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)

"""Searching less often for garbage in cycles while many objects are made that are in none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

COLLECT_AFTER = 10_000
"""New objects between two searches: a page of records is some ten thousand, none of them in a
cycle, and searching after every few hundred costs a fifth of a sync and half of the reading of
billing facts. A hundred thousand would save no more, and cost memory.
"""


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Within it, and as a decorator of what makes many objects."""
    before = gc.get_threshold()
    if 0 < before[0] < COLLECT_AFTER:  # zero: somebody turned it off
        gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)

"""Lists that come in pages: they go on from another place each time, and they have an end."""

from collections.abc import Hashable

from cs_sync.contracts.errors import Unreachable

EMPTY_PAGES = 100
"""Pages in a row without a single record; a list that is read to its end has few of them."""


class ListWatch:
    """Watches one reading of a list: make one before its first page, tell it of every page.

    The host does this for the pages of a stream. Loops inside a connector (everything that one
    object has, a list that others are looked up in) need one of their own.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._places: set[Hashable] = set()
        self._empty = 0

    def goes_on(self, place: Hashable, found: int) -> None:
        """After a page of `found` records the list goes on from `place`.

        Raises Unreachable when it was there before, or brings nothing page after page.
        """
        if place in self._places:
            self._stop("gave the same place to go on from twice")
        self._places.add(place)
        self._empty = 0 if found else self._empty + 1
        if self._empty >= EMPTY_PAGES:
            self._stop(f"goes on, but {EMPTY_PAGES} pages in a row are empty")

    def _stop(self, problem: str) -> None:
        raise Unreachable(
            f"{self._name}: the list {problem}",
            "Nothing stored is lost. If it happens again, report it to the connector's author.",
        )

"""Guard against endless pagination: repeated cursors and endless empty pages."""

from collections.abc import Hashable

from cs_sync.contracts.errors import Unreachable

MAX_EMPTY_PAGES = 100
"""Pages in a row without a single record; a list that is read to its end has few of them."""


class PaginationGuard:
    """Guard of one list's pagination: create it before the first page, report every page.

    The host guards the pages of a stream. Loops inside a connector (all rows of one object,
    a lookup list) need a guard of their own.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._places: set[Hashable] = set()
        self._empty = 0

    def check_next_page(self, place: Hashable, item_count: int) -> None:
        """Check the cursor to the next page.

        Args:
            place: The cursor.
            item_count: Number of records on the last page.

        Raises:
            Unreachable: The cursor is repeated, or too many pages in a row were empty.
        """
        if place in self._places:
            self._stop("returned the same cursor twice")
        self._places.add(place)
        self._empty = 0 if item_count else self._empty + 1
        if self._empty >= MAX_EMPTY_PAGES:
            self._stop(f"continues, but {MAX_EMPTY_PAGES} pages in a row are empty")

    def _stop(self, problem: str) -> None:
        raise Unreachable(
            f"{self._name}: the list {problem}",
            "Nothing stored is lost. If it happens again, report it to the connector's author.",
        )

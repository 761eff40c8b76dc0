"""Reading of lists page by page, to their end and without passing anything over."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson
from msgspec import Struct
from msgspec.structs import asdict

from cs_sync.contracts.errors import Unreachable
from cs_sync.contracts.lists import PaginationGuard
from cs_sync.rest.pages import REMEDY, Answer, Paginator, Params

MAX_ROUNDS = 3
"""How often a list is read whose records move while it is read."""


def get_id(item: Any) -> str:
    """Return a record's usual id; without one a digest of it."""
    if isinstance(item, dict) and item.get("id") is not None:
        return str(item["id"])
    return blake2b(orjson.dumps(item), digest_size=16).hexdigest()


class Progress(Struct, frozen=True):
    """How far a list was read: the next page's place.

    Of pages by position also the last page: its place, its number of records, its last one's id.
    """

    place: Any = None
    before: Any = None
    count: int = 0
    last: str | None = None
    round: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return what a later process goes on from."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def start_over(self, name: str) -> "Progress":
        """Return the progress of another round.

        Raises:
            Unreachable: The list does not stand still.
        """
        if self.round == MAX_ROUNDS:
            raise Unreachable(
                f"{name}: records were deleted during each of {MAX_ROUNDS} readings",
                "Nothing stored is lost; the next run reads the list again.",
            )
        return Progress(round=self.round + 1)


class PageReader:
    """Reads a list page by page, and proves that nothing was passed over.

    Pages by position are asked for again after the next one: if a record before was deleted
    meanwhile, others moved up into what was read already, and the list is read again.

    Args:
        fetch: Asks for the page that these parameters name.
        pages: The paginator.
        name: What is read, for messages.
        find_id: Returns a record's id.
    """

    def __init__(
        self,
        fetch: Callable[[Params], Answer],
        pages: Paginator,
        name: str,
        find_id: Callable[[Any], str | None],
    ) -> None:
        self._fetch, self._pages, self._name = fetch, pages, name
        self._find_stated_id = find_id
        self._shown: Sequence[Any] | None = None

    def read(self, progress: Progress) -> Iterator[tuple[Answer, Progress | None]]:
        """Yield each page with the progress after it; None after the last.

        Raises:
            Unreachable: The list does not come to an end, or contradicts itself.
        """
        guard = PaginationGuard(self._name)
        while True:
            answer, place = self._read_page(progress.place)
            if progress.count and self._has_moved(progress):
                self._shown, guard = None, PaginationGuard(self._name)
                progress = progress.start_over(self._name)
                yield answer, progress
                continue
            if place is None:
                yield answer, None
                return
            guard.check_next_page(repr(place), len(answer.items))
            self._shown = answer.items
            progress = self._advance(progress, answer, place)
            yield answer, progress

    def _read_page(self, place: Any) -> tuple[Answer, Any]:
        """Return the page at a place, and the next place."""
        answer = self._fetch(self._pages.build_request(place))
        if answer.items and answer.items == self._shown and not self._pages.may_repeat(place):
            raise Unreachable(f"{self._name}: the list returned the same page twice", REMEDY)
        try:
            return answer, self._pages.find_next(answer, place)
        except Unreachable as error:
            raise Unreachable(f"{self._name}: {error.message}", error.remedy) from None

    def _advance(self, progress: Progress, answer: Answer, place: Any) -> Progress:
        if not (self._pages.goes_by_position() and answer.items):
            return Progress(place, round=progress.round)
        last = self._find_id(answer.items[-1])
        return Progress(place, progress.place, len(answer.items), last, progress.round)

    def _find_id(self, item: Any) -> str:
        return self._find_stated_id(item) or get_id(item)

    def _has_moved(self, progress: Progress) -> bool:
        """Return whether the last page shows other records than it did."""
        again = self._fetch(self._pages.build_request(progress.before)).items
        if self._shown is None:  # another process saw it
            whole = len(again) >= progress.count
            return not whole or self._find_id(again[progress.count - 1]) != progress.last
        common = min(len(again), len(self._shown))
        ids, shown = (list(map(self._find_id, each[:common])) for each in (again, self._shown))
        return not common or ids != shown


def read_pages(
    fetch: Callable[[Params], Answer],
    pages: Paginator,
    name: str,
    find_id: Callable[[Any], str | None] = get_id,
    progress: Mapping[str, Any] | None = None,
) -> Iterator[tuple[Answer, dict[str, Any] | None]]:
    """Yield each page of a list with where to go on.

    None after the last.

    Args:
        fetch: Asks for the page that these parameters name.
        pages: The paginator.
        name: What is read, for messages.
        find_id: Returns a record's id.
        progress: Where to go on; None at the beginning.

    Raises:
        Unreachable: The list does not come to an end, or contradicts itself.
    """
    reader = PageReader(fetch, pages, name, find_id)
    for answer, after in reader.read(Progress(**(progress or {}))):
        yield answer, None if after is None else after.to_json()


def read_list(
    fetch: Callable[[Params], Answer],
    pages: Paginator,
    name: str,
    find_id: Callable[[Any], str | None] = get_id,
) -> list[Any]:
    """Return all records of a list, as last read.

    Args:
        fetch: Asks for the page that these parameters name.
        pages: The paginator.
        name: What is read, for messages.
        find_id: Returns a record's id.

    Raises:
        Unreachable: The list does not come to an end, or contradicts itself.
    """
    items: list[Any] = []
    current = 1
    for answer, after in read_pages(fetch, pages, name, find_id):
        items += answer.items
        if after is not None and after["round"] != current:
            items, current = [], after["round"]
    return items

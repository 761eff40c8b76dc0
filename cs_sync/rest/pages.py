"""Paginators: where the next page of a list is, and what ends the list.

A place is JSON, so that a later process can go on from it. None is the end; a short page is not.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from msgspec import Struct
from pydantic import Field, model_validator

from cs_sync.contracts.errors import Unreachable
from cs_sync.rest.expressions import Expression, Part, evaluate_expression

Params = list[tuple[str, Any]]
REMEDY = "Nothing stored is lost. If it happens again, report it to the connector's author."


class Answer(Struct, frozen=True):
    """One page of a list: the decoded body, its items, and the URL after it in the headers."""

    body: Any
    items: Sequence[Any]
    next_url: str | None = None


class Paginator(Part):
    """What all paginators have: the size of a page, and the vendor's own mark of more."""

    size: int | None = Field(None, ge=1, description="Records a page.")
    size_param: str | None = Field(None, description="Parameter of the size.")
    more: Expression | None = Field(
        None, description="True in an answer's body while the list goes on."
    )

    def build_params(self, place: Any) -> Params:  # noqa: ARG002 - for subclasses
        """Return the parameters of a place; None is the first page."""
        return []

    def build_request(self, place: Any) -> Params:
        """Return the parameters of a place, and the size of its page."""
        sized = self.size_param is not None and self.size is not None
        return self.build_params(place) + ([(str(self.size_param), self.size)] if sized else [])

    def find_next(self, answer: Answer, place: Any) -> Any:
        """Return the place after an answer; None at the end.

        Raises:
            Unreachable: The list continues, but gives no cursor.
        """
        raise NotImplementedError

    def find_required_keys(self) -> tuple[str, ...]:
        """Return the expressions that find something in every answer."""
        return () if self.more is None else (self.more,)

    def may_repeat(self, place: Any) -> bool:  # noqa: ARG002 - for subclasses
        """Return whether a page may repeat the one before."""
        return False

    def goes_by_position(self) -> bool:
        """Return whether a deletion moves later records to other pages."""
        return False

    def _goes_on(self, answer: Answer) -> bool:
        """Return whether more pages follow.

        The vendor's mark says so; without one, an empty page is the last.

        Raises:
            Unreachable: The mark says so, and the page is empty.
        """
        if self.more is None:
            return bool(answer.items)
        goes_on = bool(evaluate_expression(self.more, answer.body))
        if goes_on and not answer.items:
            raise Unreachable("the list continues, but this page is empty", REMEDY)
        return goes_on


class SinglePage(Paginator):
    """One answer holds the whole list."""

    kind: Literal["single"] = "single"

    def find_next(self, answer: Answer, place: Any) -> Any:  # noqa: ARG002
        """Return the end."""
        return None


class CursorPages(Paginator):
    """Each answer holds the cursor of the next page; null or an empty text ends the list."""

    kind: Literal["cursor"] = "cursor"
    param: str
    next: Expression
    optional: bool = Field(default=False, description="The last answer leaves the cursor out.")

    def build_params(self, place: Any) -> Params:
        """Return the cursor."""
        return [] if place is None else [(self.param, place)]

    def find_next(self, answer: Answer, place: Any) -> Any:  # noqa: ARG002
        """Return the cursor in the body."""
        if self.more is not None and not evaluate_expression(self.more, answer.body):
            return None
        cursor = evaluate_expression(self.next, answer.body)
        if cursor in (None, "", False):
            if self.more is not None:
                raise Unreachable("the list continues, but gives no cursor", REMEDY)
            return None
        return cursor

    def find_required_keys(self) -> tuple[str, ...]:
        """Return the cursor too, unless the last answer may leave it out."""
        return super().find_required_keys() + (() if self.optional else (self.next,))


class UrlPages(Paginator):
    """The next page's URL: only its query is used, so that a key goes to no other address."""

    drop: tuple[str, ...] = Field((), description="Parameters to leave out, such as the key.")

    def build_params(self, place: Any) -> Params:
        """Return the parameters of the URL."""
        return parse_qsl(place or "", keep_blank_values=True)

    def _read_query(self, url: str | None) -> str | None:
        if not url:
            return None
        query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
        query = [(name, value) for name, value in query if name not in self.drop]
        if not query:
            raise Unreachable("the next page's URL has no parameters", REMEDY)
        return urlencode(query)


class NextUrlPages(UrlPages):
    """Each answer holds the URL of the next page; null ends the list."""

    kind: Literal["next_url"] = "next_url"
    next: Expression
    optional: bool = Field(default=False, description="The last answer leaves the URL out.")

    def find_next(self, answer: Answer, place: Any) -> Any:  # noqa: ARG002
        """Return the query of the URL in the body."""
        url = evaluate_expression(self.next, answer.body)
        return self._read_query(None if url is None else str(url))

    def find_required_keys(self) -> tuple[str, ...]:
        """Return the URL too, unless the last answer may leave it out."""
        return super().find_required_keys() + (() if self.optional else (self.next,))


class LinkPages(UrlPages):
    """The header `Link` with `rel="next"` holds the next page's URL; without it the list ends."""

    kind: Literal["link"] = "link"
    by_position: bool = Field(
        default=True, description="Pages have numbers or offsets; false for cursors."
    )

    def goes_by_position(self) -> bool:
        """Return what the description says."""
        return self.by_position

    def find_next(self, answer: Answer, place: Any) -> Any:  # noqa: ARG002
        """Return the query of the URL in the header."""
        return self._read_query(answer.next_url)


class OffsetPages(Paginator):
    """Pages begin after so many records; the total, the mark or an empty page ends the list."""

    kind: Literal["offset"] = "offset"
    param: str = "offset"
    total: Expression | None = Field(None, description="The number of records in the whole list.")

    def goes_by_position(self) -> bool:
        """Return that they do."""
        return True

    def build_params(self, place: Any) -> Params:
        """Return the offset."""
        return [(self.param, place or 0)]

    def find_next(self, answer: Answer, place: Any) -> Any:
        """Return the offset after the answer's records."""
        reached = (place or 0) + len(answer.items)
        if self.total is not None:
            return _continue_below(reached, _read_count(self.total, answer), answer)
        return reached if self._goes_on(answer) else None

    def find_required_keys(self) -> tuple[str, ...]:
        """Return the total too."""
        return super().find_required_keys() + (() if self.total is None else (self.total,))


class NumberPages(Paginator):
    """Pages have numbers; their count, the mark or an empty page ends the list."""

    kind: Literal["page"] = "page"
    param: str = "page"
    first: int = 1
    count: Expression | None = Field(None, description="The number of pages.")

    def goes_by_position(self) -> bool:
        """Return that they do."""
        return True

    def build_params(self, place: Any) -> Params:
        """Return the number."""
        return [(self.param, self.first if place is None else place)]

    def find_next(self, answer: Answer, place: Any) -> Any:
        """Return the next number."""
        number = self.first if place is None else place
        if self.count is None:
            return number + 1 if self._goes_on(answer) else None
        done = number - self.first + 1
        last = _continue_below(done, _read_count(self.count, answer), answer) is None
        return None if last else number + 1

    def find_required_keys(self) -> tuple[str, ...]:
        """Return the count too."""
        return super().find_required_keys() + (() if self.count is None else (self.count,))


class KeysetPages(Paginator):
    """Pages begin after the last record's key; the mark or an empty page ends the list."""

    kind: Literal["keyset"] = "keyset"
    param: str
    key: Expression = "id"

    def build_params(self, place: Any) -> Params:
        """Return the key."""
        return [] if place is None else [(self.param, place)]

    def find_next(self, answer: Answer, place: Any) -> Any:  # noqa: ARG002
        """Return the last record's key."""
        return _read_last(self.key, answer) if self._goes_on(answer) else None


class AnchorPages(Paginator):
    """A list by time of change, oldest first: each page is asked for from the last time seen.

    So nothing is skipped when records move while they are read, and no vendor's cap on pages is
    reached; only records of one instant are read by page number. The vendor's mark is `more`, or
    with `link` the header `Link`.
    """

    kind: Literal["anchor"] = "anchor"
    param: str
    at: Expression
    page_param: str = "page"
    link: bool = Field(default=False, description="The header Link says that the list goes on.")
    by_records: bool = Field(default=False, description="`page_param` counts records, from 0.")
    cap: int = Field(10_000, ge=1, description="Records that the vendor gives to one query.")

    @model_validator(mode="after")
    def _require_mark(self) -> Self:
        if self.link == (self.more is not None):
            raise ValueError("needs the one mark of a list that goes on; add more, or link = true")
        return self

    def build_params(self, place: Any) -> Params:
        """Return the time and the page among the records from it on."""
        if place is None:
            return []
        return [(self.param, place["at"]), (self.page_param, place["page"])]

    def may_repeat(self, place: Any) -> bool:
        """Return whether the page begins at a time again.

        Its records may have filled the page before.
        """
        return place is not None and place["page"] == self._first

    @property
    def _first(self) -> int:
        return 0 if self.by_records else 1

    def find_next(self, answer: Answer, place: Any) -> Any:
        """Return the last record's time, or its next page.

        Raises:
            Unreachable: More records of one instant than the vendor gives to one query.
        """
        goes_on = answer.next_url is not None if self.link else self._goes_on(answer)
        if not goes_on:
            return None
        at, before = _read_last(self.at, answer), place or {"at": None, "page": self._first}
        if at != before["at"]:
            return {"at": at, "page": self._first}
        page = before["page"] + (len(answer.items) if self.by_records else 1)
        if page * (1 if self.by_records else self.size or len(answer.items)) > self.cap:
            raise Unreachable(f"more than {self.cap} records changed at {at}", REMEDY)
        return {"at": at, "page": page}


Pages = Annotated[
    SinglePage
    | CursorPages
    | NextUrlPages
    | LinkPages
    | OffsetPages
    | NumberPages
    | KeysetPages
    | AnchorPages,
    Field(discriminator="kind"),
]


def _continue_below(reached: int, total: int, answer: Answer) -> int | None:
    if reached >= total:
        return None
    if not answer.items:
        raise Unreachable(
            f"the list has {total} parts, but nothing is shown after {reached}", REMEDY
        )
    return reached


def _read_count(expression: str, answer: Answer) -> int:
    count = evaluate_expression(expression, answer.body)
    if not isinstance(count, int) or isinstance(count, bool):
        raise Unreachable(f"{expression} is {count!r} instead of a number", REMEDY)
    return count


def _read_last(expression: str, answer: Answer) -> Any:
    if answer.items and (value := evaluate_expression(expression, answer.items[-1])) is not None:
        return value
    raise Unreachable(f"the last record has no {expression} to continue from", REMEDY)

"""Reading of all companies: a scroll, the one list of them that does not move while it is read."""

from collections.abc import Iterator
from typing import Any

from cs_sync import Page, Unreachable, Window
from cs_sync.rest import RestSource
from cs_sync_schemas import SourceAccount

_REMEDY = "Nothing stored is lost; the next run reads all companies again."
_MAX_SCROLLS = 5


def read_companies(source: RestSource, _window: Window) -> Iterator[Page]:
    """Yield all companies as one page, from one whole scroll.

    A scroll remembers where it is, and one address asks for every part of it. So a part whose
    answer is lost is passed over when it is asked for again, and no count may tell.
    """
    make_row = source.description.streams["companies"].make_row
    for _ in range(_MAX_SCROLLS):
        items = _read_scroll(source)
        if items is not None:
            yield Page.mapped(
                SourceAccount, items, lambda item: {**make_row(item), "raw": item}, None
            )
            return
    raise Unreachable(f"companies: {_MAX_SCROLLS} scrolls lost an answer each", _REMEDY)


def _read_scroll(source: RestSource) -> list[Any] | None:
    """Return all companies, or None where an answer was lost."""
    path = source.description.streams["companies"].path
    items: list[Any] = []
    seen: set[str] = set()
    scroll = None
    while True:
        params = None if scroll is None else {"scroll_param": scroll}
        facts = source.http.send("GET", path, params=params).extensions
        if scroll is not None and facts["attempt"] > 1:
            return None
        answer = facts["json"]
        items += answer["data"]
        _require_progress(answer, seen, len(items))
        if not answer["data"]:
            return items
        seen |= _list_ids(answer["data"])
        scroll = answer["scroll_param"]


def _require_progress(answer: Any, seen: set[str], count: int) -> None:
    """Require new companies in each part, and all at the end."""
    items, total = answer["data"], answer.get("total_count")
    if items and not answer.get("scroll_param"):
        raise Unreachable("companies: the list continues, but gives no cursor", _REMEDY)
    ids = _list_ids(items)
    if ids and ids <= seen:
        raise Unreachable("companies: the list returned the same page twice", _REMEDY)
    if not items and isinstance(total, int) and count < total:
        raise Unreachable(f"companies: {count} of {total} were shown", _REMEDY)


def _list_ids(items: list[Any]) -> set[str]:
    return {str(item["id"]) for item in items if isinstance(item, dict) and "id" in item}

"""Reading of all companies: a scroll, the one list of them that does not move while it is read."""

from collections.abc import Iterator
from typing import Any

from cs_sync import Page, RequestRefused, Unreachable, Window
from cs_sync.rest import RestSource
from cs_sync_schemas import SourceAccount

_REMEDY = "Nothing stored is lost; the next run reads all companies again."


def read_companies(source: RestSource, window: Window) -> Iterator[Page]:
    """Yield all companies.

    An answer that is lost may be passed over when it is asked for again: so they are counted.
    """
    rule = source.description.streams["companies"]
    seen: set[Any] = set()
    answer, count = _open_scroll(source, window.resume)
    while True:
        items, scroll = answer["data"], answer.get("scroll_param")
        count += len(items)
        _require_progress(answer, seen, count)
        seen |= _list_ids(items)
        resume = {"scroll": scroll, "count": count} if items else None
        yield Page.mapped(
            SourceAccount, items, lambda item: {**rule.make_row(item), "raw": item}, resume
        )
        if not items:
            return
        answer = source.http.get(rule.path, {"scroll_param": scroll})


def _open_scroll(source: RestSource, resume: Any) -> tuple[Any, int]:
    """Return the first answer and how many companies came before it.

    A scroll that was left for a minute is over: all companies are read again.
    """
    path = source.description.streams["companies"].path
    if resume is not None:
        try:
            return source.http.get(path, {"scroll_param": resume["scroll"]}), resume["count"]
        except RequestRefused:
            pass
    return source.http.get(path), 0


def _require_progress(answer: Any, seen: set[Any], count: int) -> None:
    """Require new companies on every page, and all of them at the end."""
    items, total = answer["data"], answer.get("total_count")
    if items and not answer.get("scroll_param"):
        raise Unreachable("companies: the list goes on, but does not say from where", _REMEDY)
    ids = _list_ids(items)
    if ids and ids <= seen:
        raise Unreachable("companies: the list shows one page twice", _REMEDY)
    if not items and isinstance(total, int) and count < total:
        raise Unreachable(f"companies: {count} of {total} were shown", _REMEDY)


def _list_ids(items: list[Any]) -> set[str]:
    return {str(item["id"]) for item in items if isinstance(item, dict) and "id" in item}

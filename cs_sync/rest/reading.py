"""Reading of one described stream: its lists page by page, and the records of each page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx
import orjson
from msgspec import Struct, field, structs

from cs_sync.config.problems import suggest_nearest
from cs_sync.contracts.errors import RequestRefused, Unreachable
from cs_sync.contracts.http import Http
from cs_sync.contracts.source import Page, Rejection, Row, Window
from cs_sync.rest.description import Gone, Listing, LookUp, StreamRule, Table
from cs_sync.rest.expressions import (
    evaluate_expression,
    fill_template,
    list_expressions,
    split_plain_path,
)
from cs_sync.rest.lists import read_list, read_pages
from cs_sync.rest.objects import Mapped, build_page
from cs_sync.rest.pages import Answer, Params

_JSON = {"Accept": "application/json"}
NOT_FOUND = 404


class Api(Struct, frozen=True):
    """The vendor's API: its client, and the settings that expressions may use."""

    http: Http
    settings: Mapping[str, Any]

    def request(self, listing: Listing | LookUp, params: Params, context: Any) -> httpx.Response:
        """Send one request; parameters go into the body of a POST."""
        path = fill_template(listing.path, context, in_path=True)
        if path is None:
            empty = _find_empty(listing.path, context)
            raise Unreachable(
                f"{listing.path} cannot be filled: nothing is at {empty}",
                f"Correct the connector: {_suggest_key(empty, context)}",
            )
        if isinstance(listing, LookUp) or listing.method == "GET":
            return self.http.send("GET", path, params=params, headers=_JSON)
        body: dict[str, Any] = {}
        for name, value in params:
            _set_dotted(body, name, value)
        headers = {**_JSON, "Content-Type": "application/json"}
        content = orjson.dumps(body)
        return self.http.send("POST", path, headers=headers, content=content, idempotent=True)

    def fetch(self, listing: Listing, params: Params, context: Any) -> Answer:
        """Return one page of a list.

        Raises:
            Unreachable: The answer has no list.
        """
        response = self.request(listing, params, context)
        body = response.extensions.get("json")
        items = evaluate_expression(listing.items, body)
        if not isinstance(items, list):
            raise Unreachable(
                f"{response.request.url.path}: the answer has no list at {listing.items}",
                "Nothing stored is lost. If it happens again, check base_url.",
            )
        return Answer(body, items, (response.links.get("next") or {}).get("url"))

    def look_up(self, rules: Mapping[str, LookUp], context: Mapping[str, Any]) -> dict[str, Any]:
        """Return what further calls for one object find, by `_NAME`."""
        return {f"_{name}": self._find_one(rule, context) for name, rule in rules.items()}

    def _find_one(self, rule: LookUp, context: Mapping[str, Any]) -> Any:
        if rule.when is not None and not evaluate_expression(rule.when, context):
            return None
        params = fill_params(rule.params, context)
        try:
            response = self.request(rule, params, context)
        except RequestRefused as error:
            if rule.optional and error.status == NOT_FOUND:
                return None
            raise
        return evaluate_expression(rule.item, response.extensions.get("json"))


class Step(Struct, frozen=True):
    """One list to read: the number of its rule, 0 is the stream itself, and its parent."""

    number: int
    listing: Listing
    parent: Mapping[str, Any] | None = None
    parent_id: str = ""

    @property
    def position(self) -> tuple[int, str]:
        """Its place in the order of all lists."""
        return self.number, self.parent_id


class StreamReader(Struct, frozen=True):
    """Reads one stream; `get_pages` returns a list's paginator, `custom` maps instead of fields."""

    api: Api
    name: str
    rule: StreamRule
    get_pages: Callable[[Listing], Any]
    custom: Callable[[Mapping[str, Any]], Row | Mapped] | None = None
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def read(self, window: Window) -> Iterator[Page]:
        """Yield every page of a window, from where it was stopped."""
        tables = {f"_{name}": self._read_table(rule) for name, rule in self.rule.tables.items()}
        yield from structs.replace(self, tables=tables)._read_lists(window)

    def _read_lists(self, window: Window) -> Iterator[Page]:
        """Yield every page of a window, once the tables are read."""
        listed = list(self._list_steps())
        by_position = {step.position: step for step in listed if isinstance(step, Step)}
        unreadable = [each for each in listed if isinstance(each, Rejection)]
        resume = window.resume or {"list": 0, "parent": "", "at": None}
        begin = (resume["list"], resume["parent"])
        steps = [by_position[position] for position in sorted(by_position) if position >= begin]
        if not steps:
            yield Page({self.rule.type: []}, rejected=unreadable)
            return
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            at = resume["at"] if step.position == begin else None
            whole = self._complete(step)
            for answer, after in self._read_list(whole, window, at):
                goal = following if after is None else step
                page = self._build_page(whole, answer.items, _write_resume(goal, after))
                if page.resume is None:
                    page = replace(page, rejected=[*page.rejected, *unreadable])
                    page = self._keep_cursor(page, whole, answer, at)
                at = after
                yield page

    def _keep_cursor(self, page: Page, step: Step, answer: Answer, at: Any) -> Page:
        """Return the last page with the cursor for the next run.

        An answer without a cursor has nothing newer than the one it was asked for.
        """
        if self.rule.cursor is None:
            return page
        pages = self.get_pages(step.listing)
        cursor = evaluate_expression(pages.next, answer.body) or (at or {}).get("place")
        if cursor is None:
            raise Unreachable(
                f"{self.name}: {step.listing.path} gives no {pages.next} to continue from",
                "Nothing stored is lost. If it happens again, correct the connector.",
            )
        return replace(page, resume=_write_resume(step, {"place": cursor}), last=True)

    def read_first(self, window: Window) -> Answer | None:
        """Ask for one record of the stream and what it needs.

        None if there is no parent.
        """
        for table in self.rule.tables.values():
            self._list_aside(table, table.find_key, first=True)
        step = next(iter(self._list_steps(first=True)), None)
        if not isinstance(step, Step):
            return None
        step = self._complete(step)
        begin = self.get_pages(step.listing).build_request(None)
        params = _merge(self._collect_params(step, window), begin)
        return self.api.fetch(step.listing, self._limit_size(step.listing, params), self._see(step))

    def _list_steps(self, *, first: bool = False) -> Iterator[Step | Rejection]:
        """Yield the lists to read, and parents without an id.

        With `first` one of them.
        """
        for number, listing in enumerate((self.rule, *self.rule.gone)):
            if number or self.rule.parent is None:
                yield Step(number, listing)
                continue
            rule = self.rule.parent
            for parent in self._list_aside(rule, rule.find_id, first=first):
                id = rule.find_id(parent)
                if id is not None:
                    yield Step(number, listing, parent, id)
                    continue
                reason = f"{rule.path} shows an object without {rule.id}"
                yield Rejection(self.rule.type, None, "no_id", reason, parent)

    def _read_table(self, rule: Table) -> Mapping[str, Any]:
        """Return a list's objects by their keys; nothing can name one without."""
        keyed = [(rule.find_key(item), item) for item in self._list_aside(rule, rule.find_key)]
        return {key: item for key, item in keyed if key is not None}

    def _list_aside(
        self, rule: Listing, find_id: Callable[[Any], str | None], *, first: bool = False
    ) -> Sequence[Any]:
        """Return the objects of a list beside the stream's own.

        With `first` one of them.
        """
        context = {"_settings": self.api.settings}
        params, pages = fill_params(rule.params, context), self.get_pages(rule)
        if first:
            place = self._limit_size(rule, pages.build_request(None))
            return self.api.fetch(rule, _merge(params, place), context).items[:1]
        return read_list(
            lambda asked: self.api.fetch(rule, _merge(params, asked), context),
            pages,
            f"{self.name}: {rule.path}",
            find_id,
        )

    def _complete(self, step: Step) -> Step:
        """Return the step with what is looked up of its parent."""
        if step.parent is None or self.rule.parent is None:
            return step
        seen = {**step.parent, "_settings": self.api.settings}
        looked_up = self.api.look_up(self.rule.parent.look_up, seen)
        return structs.replace(step, parent={**step.parent, **looked_up})

    def _read_list(self, step: Step, window: Window, at: Any) -> Iterator[tuple[Answer, Any]]:
        """Yield each page of a list with where to go on.

        None after the last.
        """
        listing, seen, pages = step.listing, self._see(step), self.get_pages(step.listing)
        params = self._collect_params(step, window)
        without_edges = fill_params(listing.params, seen)

        def fetch(asked: Params) -> Answer:
            """Ask for a page; a kept cursor replaces the window's edges."""
            goes_on = self.rule.cursor and any(name == pages.param for name, _ in asked)
            return self.api.fetch(
                listing, _merge(without_edges if goes_on else params, asked), seen
            )

        return read_pages(
            fetch,
            pages,
            f"{self.name}: {listing.path}",
            lambda item: self._find_id(item, seen),
            at,
        )

    def _find_id(self, item: Any, seen: Mapping[str, Any]) -> str | None:
        """Return an object's id; None if it has none."""
        if not isinstance(item, dict):
            return None
        if self.rule.fields:
            return self.rule.find_source_id({**item, **seen})
        return None if item.get("id") is None else str(item["id"])

    def _collect_params(self, step: Step, window: Window) -> Params:
        """Return the parameters of a list in a window.

        Without `since` all of it is asked for.
        """
        params = fill_params(step.listing.params, self._see(step))
        if isinstance(step.listing, Gone):
            edges = [(step.listing.since, window.since)]
        else:
            edges = [(self.rule.since, window.since), (self.rule.until, window.until)]
        written = [(rule.param, rule.write(at)) for rule, at in edges if rule is not None]
        return _merge(params, [(name, value) for name, value in written if value is not None])

    def _limit_size(self, listing: Listing, params: Params) -> Params:
        size = self.get_pages(listing).size_param
        return _merge(params, [(size, 1)]) if size else params

    def _see(self, step: Step) -> dict[str, Any]:
        """Return what expressions see beside the object."""
        return {"_settings": self.api.settings, "_parent": step.parent, **self.tables}

    def _build_page(self, step: Step, items: Sequence[Any], resume: Any) -> Page:
        """Map the objects of a page; those that are deleted are ids."""
        seen = self._see(step)
        return build_page(
            self.rule.type,
            items,
            resume,
            map_object=lambda item: self._map_item(item, seen),
            find_id=lambda item: self._find_id(item, seen),
            is_gone=lambda item: self._is_gone(step, item, seen),
        )

    def _is_gone(self, step: Step, item: Any, seen: Mapping[str, Any]) -> bool:
        if step.number:
            return True
        if self.rule.deleted is None:
            return False
        return self.rule.is_deleted({**item, **seen} if isinstance(item, dict) else item)

    def _map_item(self, item: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[Any]:
        """Yield the records of one object: its own, and those inside it."""
        looked_up = self.api.look_up(self.rule.look_up, {**item, **seen})
        yield from self.rule.map_object(item, seen, looked_up)
        if self.custom is not None:
            made = self.custom({**item, **seen, **looked_up})
            yield from [(self.rule.type, made)] if isinstance(made, Mapping) else made


def _find_empty(template: str, context: Any) -> str:
    """Return the first expression of a text that finds nothing."""
    return next(
        each for each in list_expressions(template) if evaluate_expression(each, context) is None
    )


def _suggest_key(expression: str, context: Any) -> str:
    """Return what to write for an expression that finds nothing."""
    for key in split_plain_path(expression) or ():
        if not isinstance(context, Mapping) or key not in context:
            break
        context = context[key]
    else:
        return "it is null here"
    return suggest_nearest(key, list(context) if isinstance(context, Mapping) else [])


def fill_params(params: Mapping[str, Any], context: Any) -> Params:
    """Fill the expressions of parameters; what finds nothing is not sent."""
    filled = [(name, fill_template(value, context)) for name, value in params.items()]
    return [(name, value) for name, value in filled if value is not None]


def _merge(params: Params, others: Params) -> Params:
    """Return the parameters, replaced by others of the same names."""
    names = {name for name, _ in others}
    return [(name, value) for name, value in params if name not in names] + list(others)


def _set_dotted(body: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".")
    for key in path:
        body = body.setdefault(key, {})
    body[last] = value


def _write_resume(step: Step | None, at: Any) -> dict[str, Any] | None:
    if step is None:
        return None
    return {"list": step.number, "parent": step.parent_id, "at": at}

"""The streams of an org: owners, accounts with their renewals, contacts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from cs_sync import (
    CredentialRefused,
    Finding,
    Http,
    MappingError,
    Page,
    Row,
    Stream,
    Unreachable,
    VendorError,
    Window,
    map_each,
)
from cs_sync_salesforce import mapping
from cs_sync_salesforce.client import SalesforceClient
from cs_sync_salesforce.config import SalesforceConfig
from cs_sync_salesforce.soql import build_query, list_values, quote_text, quote_time
from cs_sync_schemas import Alias, Owner, Record, SourceAccount, SourceContact

LOOKBACK = timedelta(minutes=15)
"""A record is seen when its transaction ends, with the time at which it was saved in it."""
HISTORY = timedelta(days=14)
"""The recycle bin shows what was deleted for 15 days; one is left for clocks and long runs."""
_REMEDY = "Nothing stored is lost; the next run reads on."
_CHANGED = "SystemModstamp"


@dataclass(frozen=True, slots=True)
class Place:
    """How far a list was read: its number, and the last record's time and id."""

    number: int = 0
    at: str | None = None
    id: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the place for `Page.resume`."""
        return {"list": self.number, "at": self.at, "id": self.id}

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> "Place":
        """Restore the place from `Window.resume`."""
        return cls(value["list"], value["at"], value["id"]) if value else cls()

    def build_condition(self, since: datetime | None) -> str | None:
        """Return what holds of the records after this place; None for all."""
        if self.at is None:
            return _build_since(since) if since else None
        at = quote_time(datetime.fromisoformat(self.at))
        return f"{_CHANGED} > {at} OR ({_CHANGED} = {at} AND Id > {quote_text(self.id)})"


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One type of Salesforce's records: what is read of it, and what it becomes."""

    name: str
    sobject: str
    record: type[Record]
    columns: tuple[str, ...]
    make_row: Callable[[Mapping[str, Any]], Row]
    condition: str | None = None


class OrgReader:
    """Reads an org, page by page, each from the time and id of the last record seen.

    So a killed run goes on after any time, where Salesforce's own locators end after two days, and
    what changes while it is read moves to the end of the list.
    """

    def __init__(self, config: SalesforceConfig, http: Http) -> None:
        self._config = config
        self._client = SalesforceClient(config, http)
        self._types = _build_types(config)

    def streams(self) -> Sequence[Stream]:
        """Return owners, accounts, contacts."""
        owners, *others = self._types
        read = partial(self._read, owners)
        shared: dict[str, Any] = {"cursor": "time", "lookback": LOOKBACK}
        return (
            Stream(owners.name, owners.record, read, **shared, scope=_name_scope(owners)),
            *(
                Stream(
                    kind.name,
                    kind.record,
                    partial(self._read, kind),
                    **shared,
                    history=HISTORY,
                    deletes="feed",
                    scope=_name_scope(kind),
                    extra=(Alias,),
                )
                for kind in others
            ),
        )

    def check(self) -> Iterator[Finding]:
        """Read one record of every stream."""
        for kind in self._types:
            try:
                self._client.query(self._build_query(kind, Place(), None, limit=1))
            except CredentialRefused as error:
                yield Finding(
                    ok=False, subject=kind.name, message=error.message, remedy=error.remedy
                )
                return
            except VendorError as error:
                yield Finding(
                    ok=False, subject=kind.name, message=error.message, remedy=error.remedy
                )
            else:
                yield Finding(ok=True, subject=kind.name, message="readable")

    def _read(self, kind: ObjectType, window: Window) -> Iterator[Page]:
        """Yield what changed; then, of accounts, those of which a renewal changed."""
        place = Place.from_json(window.resume)
        last = 1 if self._has_renewals(kind) and window.since is not None else 0
        while True:
            answer = self._client.query(
                self._build_query(kind, place, window.since), everything=True
            )
            items, following = answer["records"], None
            if not answer["done"]:
                following = _find_place(items, place)
            elif place.number < last:
                following = Place(place.number + 1)
            yield _build_page(kind, items, following)
            if following is None:
                return
            place = following

    def _has_renewals(self, kind: ObjectType) -> bool:
        return kind.record is SourceAccount and bool(self._config.renewal_types)

    def _build_query(
        self, kind: ObjectType, place: Place, since: datetime | None, *, limit: int = 0
    ) -> str:
        """Build the query of what follows a place.

        A renewal that changes leaves no mark on its account, so these are asked for by it.
        """
        moved = None
        if place.number and since is not None:
            changed = build_query(("AccountId",), "Opportunity", _build_since(since))
            moved = f"Id IN ({changed})"
        after = place.build_condition(None if place.number else since)
        order = f"{_CHANGED}, Id"
        return build_query(
            kind.columns, kind.sobject, kind.condition, after, moved, order=order, limit=limit
        )


def _build_types(config: SalesforceConfig) -> Sequence[ObjectType]:
    account = [*mapping.ACCOUNT, *config.account_fields, config.account_key_field]
    contact = [*mapping.CONTACT, config.contact_key_field]
    renewals = [_build_renewals(config)] if config.renewal_types else []
    make_account = partial(mapping.map_account, config=config)
    make_contact = partial(mapping.map_contact, config=config)
    columns = (_list_columns(mapping.OWNER), _list_columns(account), _list_columns(contact))
    return (
        ObjectType("owners", "User", Owner, columns[0], mapping.map_owner, "UserType = 'Standard'"),
        ObjectType("accounts", "Account", SourceAccount, (*columns[1], *renewals), make_account),
        ObjectType("contacts", "Contact", SourceContact, columns[2], make_contact),
    )


def _build_since(since: datetime) -> str:
    return f"{_CHANGED} >= {quote_time(since)}"


def _list_columns(names: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("Id", _CHANGED, *(name for name in names if name))))


def _build_renewals(config: SalesforceConfig) -> str:
    """Build the inner query of an account's next open renewal."""
    day = config.renewal_date_field
    conditions = (
        f"Type IN {list_values(config.renewal_types)}",
        "IsClosed = FALSE",
        "IsDeleted = FALSE",
        f"{day} != NULL",
    )
    inside = build_query((day,), mapping.RENEWALS, *conditions, order=day, limit=1)
    return f"({inside})"


def _find_place(items: Sequence[Any], before: Place) -> Place:
    """Return the place of the last record that has one.

    Raises:
        Unreachable: The list goes on, but not from any later place.
    """
    for item in reversed(items):
        try:
            at = mapping.parse_time(item[_CHANGED])
            place = replace(
                before, at=None if at is None else at.isoformat(), id=mapping.get_id(item)
            )
        except (AttributeError, LookupError, MappingError, TypeError):
            continue
        if place.at is not None and place != before:
            return place
        break
    raise Unreachable("Salesforce: the list continues, but with no later record", _REMEDY)


def _build_page(kind: ObjectType, items: Sequence[Any], following: Place | None) -> Page:
    """Map the records of a page.

    Deleted ones are ids, and aliases where they were merged.
    """

    def make(item: Any) -> Any:
        if item.get("IsDeleted"):
            return mapping.map_alias(item, kind.record)
        return kind.make_row(item)

    gone = [item for item in items if isinstance(item, dict) and item.get("IsDeleted")]
    ids, _ = map_each(kind.record, gone, mapping.get_id, _find_id)
    resume = None if following is None else following.as_json()
    return Page.mapped(
        kind.record, items, make, resume, deleted={kind.record: ids}, source_id=_find_id
    )


def _find_id(item: Any) -> object:
    return item.get("Id")


def _name_scope(kind: ObjectType) -> str:
    return f"read access to {kind.sobject}"

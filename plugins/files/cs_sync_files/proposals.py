"""A section of the configuration, proposed from what a folder holds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, get_args, get_origin

from cs_sync_files.cells import find_field_type, is_money
from cs_sync_files.inference import (
    Answer,
    find_date_format,
    find_decimal_mark,
    find_unit,
    is_numeric,
)
from cs_sync_files.layouts import OPEN, ColumnMap, normalize_column
from cs_sync_files.matching import (
    Match,
    find_reference,
    fold_name,
    list_candidates,
    match_sample,
    translate_value,
)
from cs_sync_files.samples import Sample
from cs_sync_files.tables import ATTRIBUTE, BY_NAME, Table

_MOST_VALUES = 30
_MONTHLY, _YEARLY = ("mrr", "month", "monat"), ("arr", "annual", "year", "jahr", "jähr")
_DOUBTFUL = 0.5
_ID_NAME = re.compile(r"(id|nr|no|num|number|nummer|code|key)$")
_SEATS_NOTE = "is the price for one of them, or for all?"


@dataclass
class TableProposal:
    """What is proposed for one table: keys of `read` and `map`, remarks, open questions."""

    table: Table
    sample: Sample
    layout: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)
    doubts: set[str] = field(default_factory=set)
    """Fields whose column is more likely wrong than right."""

    def set_column(self, name: str, column: str, remark: str = "", **options: Any) -> None:
        """Map a field to a column, with options of its own."""
        given = {key: value for key, value in options.items() if value is not None}
        self.columns[name] = {"column": column, **given} if given else column
        if remark:
            self.remarks[name] = remark

    def set_constant(self, name: str, value: str, remark: str = "") -> None:
        """Map a field to one value for all rows."""
        self.columns[name] = f"={value}"
        if remark:
            self.remarks[name] = remark

    def list_questions(self) -> list[str]:
        """Return the fields that a person has to decide on."""
        return [
            name
            for name, value in self.columns.items()
            if name in self.doubts
            or ColumnMap.model_validate(value).is_open
            or (isinstance(value, Mapping) and "note" in value)
        ]


def propose_tables(
    samples: Sequence[Sample], ids: frozenset[str], currency: str
) -> list[TableProposal]:
    """Propose how to read the samples; one proposal per table.

    Args:
        samples: What was found in a folder.
        ids: Those of accounts in files that need no map.
        currency: The workspace's, where a file names none.
    """
    matches = _pick_matches(samples)
    accounts = matches.get("accounts")
    proposals: list[TableProposal] = []
    if accounts:
        others = [match for name, match in matches.items() if name != "accounts"]
        column = _find_account_id(accounts, others)
        ids = list_ids(accounts.sample, column)
        proposals.append(_propose_accounts(accounts, column))
    for name, match in matches.items():
        if name == "accounts":
            continue
        proposal = _propose(match, currency, ids)
        proposals.append(proposal)
        if name == "subscriptions":
            proposals += _propose_items(match, proposal)
    return proposals


def _pick_matches(samples: Sequence[Sample]) -> dict[str, Match]:
    """Return the best match of each table, in the order of tables."""
    matches = [match for sample in samples if (match := match_sample(sample))]
    best: dict[str, Match] = {}
    for match in sorted(matches, key=lambda match: -match.score):
        best.setdefault(match.table.name, match)
    return {name: best[name] for name in BY_NAME if name in best}


def _find_account_id(accounts: Match, others: Sequence[Match]) -> str:
    """Return the column by which other files refer to accounts."""
    sample = accounts.sample
    distinct = [column for column in sample.columns if column and _is_unique(sample, [column])]
    candidates = [
        *(accounts.columns[name] for name in ("source_id",) if name in accounts.columns),
        *(column for column in distinct if _ID_NAME.search(fold_name(column))),
        *(accounts.columns[name] for name in ("name",) if name in accounts.columns),
        *distinct,
    ]
    shares = {
        column: sum(find_reference(match, list_ids(sample, column))[1] for match in others)
        for column in dict.fromkeys(candidates)
    }
    return max(shares, key=lambda column: shares[column])


def list_ids(sample: Sample, column: str) -> frozenset[str]:
    """Return the values of a column as references have them."""
    return frozenset(str(cell).strip() for cell in sample.list_cells(column))


def _start(match: Match) -> TableProposal:
    """Return a proposal with the layout of its file."""
    sample = match.sample
    layout = sample.layout.model_dump(exclude_unset=True)
    return TableProposal(match.table, sample, {"file": sample.file, **layout})


def _propose_accounts(match: Match, source_id: str) -> TableProposal:
    proposal = _start(match)
    proposal.set_column("source_id", source_id)
    if source_id == match.columns.get("name"):
        proposal.remarks["source_id"] = "no column of ids: a name that changes is a new account"
    _propose_fields(proposal, match, "", skip=("source_id",))
    used = {normalize_column(column) for column in _list_used(proposal)}
    if any(column and normalize_column(column) not in used for column in match.sample.columns):
        proposal.columns[f"{ATTRIBUTE}*"] = "*"
    return proposal


def _list_used(proposal: TableProposal) -> list[str]:
    return [
        value if isinstance(value, str) else str(value.get("column", ""))
        for value in proposal.columns.values()
    ]


def _propose(match: Match, currency: str, ids: frozenset[str]) -> TableProposal:
    """Propose the map of a table that refers to accounts."""
    proposal = _start(match)
    _propose_id(proposal, match)
    skip = ["source_id"]
    if "account_source_id" in match.table.fields:
        column, share = find_reference(match, ids)
        if column is not None:
            missing = f"{share:.0%} of its values are in accounts" if share < 1 else ""
            proposal.set_column("account_source_id", column, missing)
            if share < _DOUBTFUL:
                proposal.doubts.add("account_source_id")
        skip.append("account_source_id")
    _propose_fields(proposal, match, currency, skip=skip)
    if "ended_at" in proposal.columns:
        proposal.remarks["ended_at"] = "an end is churn: leave this out if contracts renew"
    if match.table.name == "survey_responses" and "kind" not in proposal.columns:
        _propose_survey(proposal, match)
    if "currency" in match.table.required and "currency" not in proposal.columns:
        code, remark = _find_code(proposal) or _find_price_code(match, currency), ""
        if not code:
            remark = "assumed, as no column names it: the currency of the workspace"
        elif code == OPEN:
            remark = "which currency has this symbol?"
        proposal.set_constant("currency", code or currency, remark)
    return proposal


def _propose_survey(proposal: TableProposal, match: Match) -> None:
    """Propose kind and scale of a survey by its names."""
    name = fold_name(f"{match.sample.path.stem} {match.columns.get('score', '')}")
    kind = next((kind for kind in ("nps", "csat", "ces") if kind in name), OPEN)
    proposal.set_constant("kind", kind, "nps, csat, ces or custom?" if kind == OPEN else "")
    if kind == "nps":
        proposal.set_constant("scale_min", "0")
        proposal.set_constant("scale_max", "10")
    elif "score" in match.columns:
        proposal.set_constant("scale_min", OPEN, "the lowest answer that can be given")
        proposal.set_constant("scale_max", OPEN, "the highest answer that can be given")


def _find_code(proposal: TableProposal) -> str | None:
    """Return the currency that the units of a proposal name."""
    units = [value.get("unit") for value in proposal.columns.values() if isinstance(value, Mapping)]
    return next((unit for unit in units if unit and unit.isupper()), None)


def _find_price_code(match: Match, currency: str) -> str | None:
    """Return the currency that the prices of subscriptions show, if any."""
    if match.table.name != "subscriptions":
        return None
    column = next(list_candidates(match.sample, "subscription_items", "unit_amount"), None)
    if column is None:
        return None
    cells = match.sample.list_cells(column)
    unit = find_unit(column, cells, _find_mark(cells))
    if unit.choices and not unit.is_open:
        return currency if currency in unit.choices else OPEN
    return unit.value if unit.value and unit.value.isupper() else None


def _find_mark(cells: Sequence[Any]) -> str | None:
    mark = find_decimal_mark(cells)
    return None if mark.is_open else mark.value


def _propose_id(proposal: TableProposal, match: Match) -> None:
    """Propose the id of rows: one distinct column, else several."""
    sample = match.sample
    if "source_id" in match.columns and _is_unique(sample, [match.columns["source_id"]]):
        proposal.set_column("source_id", match.columns["source_id"])
        return
    if match.table.identity:
        return
    account = match.columns.get("account_source_id")
    product = next(list_candidates(sample, "subscription_items", "product"), None)
    for columns in ([account], [account, product]):
        named = [column for column in columns if column]
        if len(named) == len(columns) and _is_unique(sample, named):
            proposal.columns["source_id"] = (
                named[0] if len(named) == 1 else {"columns": named, "join": "/"}
            )
            return
    proposal.set_column("source_id", OPEN, "no column is different in every row")


def _is_unique(sample: Sample, columns: Sequence[str]) -> bool:
    places = [sample.columns.index(column) for column in columns]
    keys = [tuple(row[at] for at in places) for row in sample.rows]
    return len(set(keys)) == len(keys) and all(
        any(part not in (None, "") for part in key) for key in keys
    )


def _propose_fields(
    proposal: TableProposal, match: Match, currency: str, skip: Sequence[str]
) -> None:
    """Propose the other fields, in the notation that their cells show."""
    sample, table = match.sample, match.table
    wanted = {name: column for name, column in match.columns.items() if name not in skip}
    _propose_layout(proposal, table, wanted)
    has_currency = "currency" in wanted
    for name, column in wanted.items():
        cells = sample.list_cells(column)
        kind, _ = find_field_type(table.record, name)
        if kind in (datetime, date):
            _propose_date(proposal, name, column, find_date_format(cells))
        elif is_money(name):
            _propose_money(proposal, name, column, currency if not has_currency else "major")
        elif get_origin(kind) is Literal:
            _propose_values(proposal, name, column, get_args(kind))
        elif kind is str or is_numeric(cells):
            proposal.set_column(name, column)


def _propose_layout(proposal: TableProposal, table: Table, wanted: Mapping[str, str]) -> None:
    """Propose what all dates and numbers have in common."""
    numbers: list[Any] = []
    formats: list[str] = []
    for name, column in wanted.items():
        kind, _ = find_field_type(table.record, name)
        cells = proposal.sample.list_cells(column)
        if kind in (datetime, date):
            answer = find_date_format(cells)
            if answer and answer.value and not answer.is_open:
                formats.append(answer.value)
        elif is_numeric(cells) and kind is not str:
            numbers += cells
    if formats:
        proposal.layout["format"] = max(set(formats), key=formats.count)
    if mark := _find_mark(numbers):
        proposal.layout["decimal"] = mark


def _propose_date(proposal: TableProposal, name: str, column: str, answer: Answer | None) -> None:
    common = proposal.layout.get("format")
    if not proposal.sample.list_cells(column):
        proposal.set_column(name, column)
    elif answer is None:
        if name in proposal.table.required:
            proposal.set_column(name, column, "these do not look like dates", format=OPEN)
    elif answer.is_open and common not in answer.choices:
        proposal.set_column(name, column, f"{' or '.join(answer.choices)}?", format=OPEN)
    elif answer.is_open or answer.value in (None, common):
        proposal.set_column(name, column)
    else:
        proposal.set_column(name, column, format=answer.value)


def _propose_money(proposal: TableProposal, name: str, column: str, currency: str) -> None:
    """Propose the unit of an amount: `currency` where its cells show none."""
    answer = find_unit(column, proposal.sample.list_cells(column), proposal.layout.get("decimal"))
    if answer.is_open:
        remark = f'"{answer.choices[0]}" where 4900 is 49.00, else "{answer.choices[1]}"'
        proposal.set_column(name, column, remark, unit=OPEN)
    elif currency == "major" or answer.value == "minor":
        proposal.set_column(name, column, unit="minor" if answer.value == "minor" else "major")
    elif answer.choices and currency not in answer.choices:
        proposal.set_column(name, column, f"{', '.join(answer.choices)}?", unit=OPEN)
    elif answer.value == "major":
        remark = "assumed, as no column names it: the currency of the workspace"
        proposal.set_column(name, column, remark, unit=currency)
    else:
        proposal.set_column(name, column, unit=answer.value)


def _propose_values(proposal: TableProposal, name: str, column: str, ours: Sequence[str]) -> None:
    """Propose what each value of a column means; unknown ones are open."""
    texts = dict.fromkeys(str(cell).strip() for cell in proposal.sample.list_cells(column))
    if len(texts) > _MOST_VALUES:
        return
    table = proposal.table.name
    meant = {
        text: text.lower() if text.lower() in ours else translate_value(table, name, text) or OPEN
        for text in texts
    }
    remark = f"{', '.join(ours)}?" if OPEN in meant.values() else ""
    needed = any(theirs.lower() != word for theirs, word in meant.items())
    proposal.set_column(name, column, remark, values=meant if needed else None)


def _propose_items(match: Match, subscriptions: TableProposal) -> list[TableProposal]:
    """Propose the prices of subscriptions that stand in the same file."""
    items, sample = BY_NAME["subscription_items"], match.sample
    price = next(list_candidates(sample, items.name, "unit_amount"), None)
    if price is None or not is_numeric(sample.list_cells(price)):
        return []
    layout = {key: value for key, value in subscriptions.layout.items() if key != "decimal"}
    proposal = TableProposal(items, sample, layout)
    if mark := _find_mark(sample.list_cells(price)):
        proposal.layout["decimal"] = mark
    proposal.columns["source_id"] = subscriptions.columns["source_id"]
    proposal.columns["subscription_source_id"] = subscriptions.columns["source_id"]
    if product := next(list_candidates(sample, items.name, "product"), None):
        proposal.set_column("product", product)
    _propose_money(proposal, "unit_amount", price, "major")
    total = _propose_interval(proposal, price)
    seats = next(list_candidates(sample, items.name, "quantity"), None)
    if seats and not total and {str(cell) for cell in sample.list_cells(seats)} - {"1"}:
        options = {"values": {"1": "1"}, "note": f"{price} {_SEATS_NOTE}"}
        remark = f'"{seats}" if {price} is for one of them, "=1" if it is for all'
        proposal.set_column("quantity", seats, remark, **options)
    return [proposal]


def _propose_interval_values(proposal: TableProposal, column: str) -> None:
    """Propose what each interval means; a quarter is three months."""
    texts = dict.fromkeys(str(cell).strip() for cell in proposal.sample.list_cells(column))
    name = proposal.table.name
    counts = {text: translate_value(name, "interval_count", text) for text in texts}
    _propose_values(proposal, "interval", column, ("day", "week", "month", "year"))
    if any(counts.values()):
        meant = {text: "month" for text, count in counts.items() if count}
        given = proposal.columns["interval"]
        known = given["values"] if isinstance(given, Mapping) else {text: text for text in texts}
        proposal.columns["interval"] = {"column": column, "values": {**known, **meant}}
        if OPEN not in proposal.columns["interval"]["values"].values():
            proposal.remarks.pop("interval", None)
        values = {text: count or "1" for text, count in counts.items()}
        proposal.set_column("interval_count", column, values=values)


def _propose_interval(proposal: TableProposal, price: str) -> bool:
    """Propose a price's interval; return whether it is a total."""
    column = next(list_candidates(proposal.sample, proposal.table.name, "interval"), None)
    name = price.casefold()
    if column:
        _propose_interval_values(proposal, column)
    elif any(word in name for word in _YEARLY):
        proposal.set_constant("interval", "year")
    elif any(word in name for word in _MONTHLY):
        proposal.set_constant("interval", "month")
    else:
        proposal.set_constant("interval", OPEN, "month or year?")
    return "mrr" in name or "arr" in name.split()

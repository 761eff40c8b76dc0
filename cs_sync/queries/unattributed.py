"""Money, tickets, answers and usage without an account: shares and records."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

from msgspec.structs import asdict, replace

from cs_sync.contracts.events import Event
from cs_sync.metrics.days_of_use import Span
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_last_whole_period
from cs_sync.metrics.unattributed import ATTRIBUTED_TABLES, AttributedTable
from cs_sync.queries.kept_rows import Question, answer_questions
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.kept_figures import Rows
from cs_sync.store.queries.unattributed import (
    UnattributedShare,
    list_read_tables,
    read_records,
    read_shares,
    read_unattributed_records,
)
from cs_sync_schemas.money import format_amount

WEEK = timedelta(days=7)
COMMAND = "cs-sync accounts --unattributed"
_NAMES = ("kind", "currency", "source", "source_id", "contact_source_id", "account_source_id")


def list_unattributed(workspace: Workspace) -> list[dict[str, Any]]:
    """List records without an account, and emit their shares."""
    with workspace.store.read() as connection:
        rows = list(read_unattributed_records(connection, _build_scope(workspace)))
    for share in list_unattributed_shares(workspace):
        detail = {"step": "accounts", "message": f"without an account: {format_share(share)}"}
        workspace.emit(Event("step_ended", workspace.clock(), detail=detail))
    return rows


def list_unattributed_shares(workspace: Workspace) -> list[UnattributedShare]:
    """Return the share of stored records without an account, by kind."""
    scope = _build_scope(workspace)

    def compute_parts(kind: AttributedTable, spans: Sequence[Span | None]) -> list[Rows]:
        with workspace.store.read() as connection:
            parts = read_shares(connection, kind, scope, spans)
            return [[asdict(share) for share in shares] for shares in parts]

    parts = _keep_parts(workspace, scope, ("unattributed shares",), compute_parts)
    sums: dict[tuple[str, str | None], UnattributedShare] = {}
    for row in (row for part in parts for row in part):
        share = UnattributedShare(**row)
        before = sums.get((share.kind, share.currency), replace(share, unattributed=0, total=0))
        sums[share.kind, share.currency] = replace(
            share,
            unattributed=before.unattributed + share.unattributed,
            total=before.total + share.total,
        )
    return list(sums.values())


def list_newest_unattributed(
    workspace: Workspace, shares: Iterable[UnattributedShare], most: int
) -> list[dict[str, Any]]:
    """List the newest records without an account, as the source names them.

    Args:
        workspace: The workspace.
        shares: What `list_unattributed_shares` returned; of a kind without any none is looked for.
        most: The number of records per kind.
    """
    lacking = {share.kind for share in shares if share.unattributed}
    kinds = [kind for kind in ATTRIBUTED_TABLES if kind.amount or kind.name in lacking]
    scope = _build_scope(workspace)

    def compute_parts(kind: AttributedTable, spans: Sequence[Span | None]) -> list[Rows]:
        with workspace.store.read() as connection:
            return [
                [
                    {name: row[name] for name in _NAMES}
                    for row in read_records(connection, kind, scope, most, within)
                ]
                for within in spans
            ]

    newest: dict[str, list[dict[str, Any]]] = {}
    for part in _keep_parts(workspace, scope, ("unattributed records", most), compute_parts, kinds):
        for row in part:
            own = newest.setdefault(row["kind"], [])
            if row not in own and len(own) < most:  # somebody may have days in both parts
                own.append(row)
    return [row for own in newest.values() for row in own]


def _keep_parts(
    workspace: Workspace,
    scope: Scope,
    question: tuple[Any, ...],
    compute: Callable[[AttributedTable, Sequence[Span | None]], list[Rows]],
    kinds: Sequence[AttributedTable] = ATTRIBUTED_TABLES,
) -> list[Rows]:
    """Return the rows of each kind of record, kept or computed.

    Daily records come by week of this month, the last one first, then all months before: most that
    is new of them is of these days.
    """
    settings = tuple(asdict(scope.periods[0]).values())
    days = _list_spans(scope.periods[0].end, workspace.today)
    questions: list[Question] = []
    for kind in kinds:
        compute_spans, tables = partial(compute, kind), list_read_tables(kind.name)
        for span, until in days if kind.daily else [(None, None)]:
            parts = (*question, kind.name, span, *settings)
            questions.append(Question(parts, tables, compute_spans, until, span))
    return answer_questions(workspace, questions)


def describe_unattributed(shares: Iterable[UnattributedShare]) -> list[str]:
    """Return one line about the records without an account; empty without any."""
    parts = [format_share(share) for share in shares if share.unattributed]
    return [f"without an account: {', '.join(parts)}; list them with `{COMMAND}`"] if parts else []


def format_share(share: UnattributedShare) -> str:
    """Format a share: 12 of 300 tickets (4.0 %)."""
    part, whole = f"{share.unattributed:,}", f"{share.total:,} {share.kind}"
    if share.currency:
        part = format_amount(share.unattributed, share.currency)
        whole = f"{format_amount(share.total, share.currency)} of money"
    return f"{part} of {whole} ({(share.share or 0) * 100:.1f} %)"


def _list_spans(turn: date, today: date) -> list[tuple[Span, date | None]]:
    """List the spans of days, newest first, each with its end.

    The end is None for the last span, which is open.
    """
    edges = [turn]
    while (following := edges[-1] + WEEK) < today:
        edges.append(following)
    closed: list[tuple[Span, date | None]] = [
        ((since, until), until) for since, until in pairwise([date.min, *edges])
    ]
    return [((edges[-1], date.max), None), *reversed(closed)]


def _build_scope(workspace: Workspace) -> Scope:
    zone = str(workspace.config.workspace.timezone)
    return Scope((find_last_whole_period(workspace.today, "month", zone),))

"""Accounts of the report: today, their past 12 months, and what is known about each."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from itertools import chain
from typing import Any

import orjson
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from cs_sync.foresight.outlook import describe_chance
from cs_sync.health import (
    AccountEvidence,
    HealthScore,
    is_leaving,
    is_unpaid,
    measure_loss,
)
from cs_sync.health.facts import AnswerFact, TicketFact
from cs_sync.health.wording import name_topic, to_plain_line
from cs_sync.metrics.periods import add_months
from cs_sync.queries.account_batches import AccountBatch
from cs_sync.queries.account_lines import (
    AccountLine,
    LineReader,
    ReadLine,
    find_billed,
    keep_lines,
    read_cells,
    write_past,
    write_past_point,
    write_today,
)
from cs_sync.queries.day import DayView
from cs_sync.queries.health_model import read_health_model
from cs_sync.queries.kept_results import (
    WrittenResults,
    build_basis,
    hash_each,
    hash_parts,
    keep_results,
    refresh_results,
)
from cs_sync.queries.kept_use import KeptUse
from cs_sync.queries.past_states import PastStates, read_past_states
from cs_sync.queries.report_money import MoneyConverter
from cs_sync.queries.score import AccountResult, ScoredAccount
from cs_sync.report import (
    AccountCells,
    AccountDetails,
    AnswerLine,
    HistoryPoint,
    ReportedAccount,
    RiskKind,
    TaskLine,
    TicketLine,
    UseLine,
    build_cells,
    classify_risk,
    select_counted,
)
from cs_sync.report.formats import Formats
from cs_sync.report.risk import RiskSum, sum_risk
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.packed_json import PackedJson
from cs_sync.store.queries.attributes import read_attribute_names, read_current_attributes
from cs_sync.store.queries.crm_records import read_owner_names, read_remote_accounts
from cs_sync.store.queries.source_links import read_links_by_account

PAST_MONTHS = 12
SEGMENTS = ("segment", "tier", "industry", "size", "region", "country")
"""Attributes that segment the accounts, the first that any account has."""
PLAN = "plan"
MAX_LINES = 8
"""Tickets, and features, of one account at most."""
KIND = ("months", PackedJson[PastStates](PastStates))


class AccountContext(Struct, frozen=True):
    """What several accounts share: names, attributes, links and open follow-ups."""

    owners: Mapping[tuple[str, str], str]
    attributes: Mapping[str, Mapping[str, str]]
    segment: str
    links: Mapping[str, Mapping[str, str]]
    crm: Mapping[str, str]
    tasks: Mapping[str, Sequence[TaskLine]]
    titles: Mapping[str, str]


def list_month_ends(today: date) -> list[date]:
    """Return the last days of the past 12 months, oldest first."""
    first = today.replace(day=1)
    return [add_months(first, -n) - timedelta(days=1) for n in range(PAST_MONTHS - 1, -1, -1)]


class AccountSources(Struct, frozen=True):
    """What the accounts of the report are made of."""

    workspace: Workspace
    day: DayView
    """The scored accounts and their MRR."""
    months: WrittenResults[PastStates]
    """Account id → its past 12 months."""
    context: AccountContext
    money: MoneyConverter
    """Converts into the report's currency."""

    def list_parts(self) -> list[Any]:
        """List what tells these sources from others, for a digest."""
        day, money, context = self.day, self.money, self.context
        return [
            day.results.digest(),
            self.months.digest(),
            hash_each(item.account for item in day.scored),
            hash_each(day.mrr.items()),
            hash_each(day.forecast.chances.items()),
            replace(day.forecast, chances={}),
            money.list_parts(),
            [*context.owners.items()],
            context.segment,
            *(hash_each(of.items()) for of in (context.attributes, context.links, context.crm)),
            context.tasks,
            context.titles,
        ]


def read_account_sources(
    workspace: Workspace,
    day: DayView,
    follow_ups: Sequence[Mapping[str, Any]],
    money: MoneyConverter,
) -> AccountSources:
    """Read what the accounts of the report are made of.

    Args:
        workspace: The workspace.
        day: The scored accounts and their MRR.
        follow_ups: Rows of `follow_up`.
        money: Converts into the report's currency.
    """
    live = {item.account["id"]: item.account for item in day.scored}
    months = _read_month_states(workspace, live, list_month_ends(day.day))
    with workspace.store.read() as connection:
        context = _read_context(workspace, connection, follow_ups)
    return AccountSources(workspace, day, months, context, money)


def build_reported_accounts(sources: AccountSources) -> list[ReportedAccount]:
    """Build the customers, present and of the past 12 months.

    The sources are of no use afterwards: their past months are let go.
    """
    items = {
        item.account["id"]: item for item in sources.day.scored
        if item.account["id"] in sources.months
    }  # fmt: skip
    lines = _read_lines(sources, items)
    billed, taken = find_billed(lines)
    reader, accounts = LineReader(billed), list[ReportedAccount]()
    for id_, line in chain(taken, lines):
        sources.months.drop_result(id_)
        item, own = items[id_], reader.read(line)
        if item.is_customer or any(point.mrr for point in own.past):
            accounts.append(_build_account(sources, item, own, partial(read_cells, line.packed)))
    return accounts


def _read_lines(
    sources: AccountSources, items: Mapping[str, ScoredAccount]
) -> Iterator[tuple[str, AccountLine]]:
    """Read what the report says of each account.

    Kept lines, where nothing that they are made of changed.
    """
    workspace, money = sources.workspace, sources.money
    settings, titles = workspace.config.workspace, sources.context.titles
    parts = [settings.timezone, workspace.words.language, *money.list_parts(), titles]
    formats = Formats(workspace.words, settings.timezone, money.currency)
    return keep_lines(workspace, hash_parts(parts), items, _Lines(sources, items, formats))


class _Lines(Struct, frozen=True):
    """Makes the lines of accounts from their sources."""

    sources: AccountSources
    items: Mapping[str, ScoredAccount]
    formats: Formats

    def digest_past(self, account: str) -> bytes:
        """Digest what the past is made of."""
        return _digest_parts(self.sources.months.get_written(account))

    def digest_today(self, account: str) -> bytes:
        """Digest what today is made of, but for what all share."""
        day, context = self.sources.day, self.sources.context
        own = (day.get_mrr(account), context.links.get(account), context.crm.get(account))
        is_customer = self.items[account].is_customer
        return _digest_parts(day.results.get_written(account), orjson.dumps([is_customer, *own]))

    def write_past(self, account: str) -> bytes:
        """Write the past months."""
        return write_past(self.sources.months[account], self.sources.money)

    def write_today(self, account: str) -> Sequence[bytes]:
        """Write today, with 30 days ago."""
        item, sources = self.items[account], self.sources
        result = item.result
        details = _build_details(sources.workspace, account, result, sources.context)
        return write_today(
            write_past_point(result.before, sources.money),
            _build_current_point(item, sources.day.get_mrr(account), sources.money),
            None if result.change_30d is None else float(result.change_30d),
            select_counted(details),
            build_cells(details, self.formats),
        )


def _digest_parts(*parts: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        digest.update(part)
    return digest.hexdigest().encode()


def _read_month_states(
    workspace: Workspace, live: Mapping[str, Mapping[str, Any]], days: Sequence[date]
) -> WrittenResults[PastStates]:
    """Read the states of the accounts at month ends.

    Kept ones, where nothing of them changed but their use since.
    """
    model, use = read_health_model(workspace), KeptUse(workspace, list(live))

    def compute(batch: AccountBatch) -> Mapping[str, PastStates]:
        rows, uses = [live[account] for account in batch.ids], use.list_uses(batch)
        return read_past_states(workspace, model, rows, days, batch.chosen, uses)

    basis = build_basis(workspace, model, days)
    until = days[-1] + timedelta(days=1)
    refreshed = refresh_results(workspace, KIND, basis, list(live), compute, until)
    keep_results(workspace, refreshed)
    use.keep_new_use()
    return refreshed.results


def sum_current_risk(day: DayView, money: MoneyConverter) -> RiskSum:
    """Sum the MRR at risk of a day's customers.

    The report shows it so.
    """
    return sum_risk(
        _build_current_point(item, day.get_mrr(item.account["id"]), money) for item in day.customers
    )


def _build_current_point(
    item: ScoredAccount, paid: Mapping[str, int], money: MoneyConverter
) -> HistoryPoint:
    if not item.is_customer:
        return HistoryPoint(money.add_up(paid), any(paid.values()))
    result = item.result
    risk = _find_risk(result.score, result.evidence, unpaid=is_unpaid(result.evidence))
    return build_point(result.score, paid, risk, money)


def _find_risk(score: HealthScore, evidence: AccountEvidence, *, unpaid: bool) -> RiskKind | None:
    return classify_risk(score.band, leaving=is_leaving(evidence), unpaid=unpaid)


def build_point(
    score: HealthScore, paid: Mapping[str, int], risk: RiskKind | None, money: MoneyConverter
) -> HistoryPoint:
    """Build a customer's point from its score and MRR."""
    lost = {part.input: measure_loss(part, score.mode) for part in score.contributions}
    value = None if score.score is None else float(score.score)
    return HistoryPoint(money.add_up(paid), any(paid.values()), value, score.band, risk, lost)


def _read_context(
    workspace: Workspace, connection: Connection, follow_ups: Sequence[Mapping[str, Any]]
) -> AccountContext:
    names = read_attribute_names(connection)
    chosen = workspace.config.report.segment
    segment = chosen or next((name for name in SEGMENTS if name in names), "")
    crm = {
        account: url
        for name in reversed(workspace.config.write_back.destinations)
        for account, records in read_remote_accounts(connection, name).items()
        for _, url in records[:1]
    }
    tasks: dict[str, list[TaskLine]] = {}
    for row in follow_ups:
        if row["state"] == "open":
            tasks.setdefault(row["account_id"], []).append(_build_task(row, crm))
    return AccountContext(
        read_owner_names(connection),
        read_current_attributes(connection, (PLAN, segment)),
        segment,
        read_links_by_account(connection),
        crm,
        tasks,
        workspace.titles,
    )


def _build_task(row: Mapping[str, Any], crm: Mapping[str, str]) -> TaskLine:
    return TaskLine(
        account=row["account_id"],
        title=row["title"],
        due_at=row["due_at"],
        priority=row["priority"],
        assignee=row["assignee"] or "",
        link=crm.get(row["account_id"], ""),
    )


def _build_account(
    sources: AccountSources,
    item: ScoredAccount,
    line: ReadLine,
    cells: Callable[[], AccountCells],
) -> ReportedAccount:
    """Build an account from its line."""
    account, id_ = item.account, item.account["id"]
    day, context = sources.day, sources.context
    attributes = context.attributes.get(id_, {})
    owner = (account["owner_source"] or "", account["owner_source_id"] or "")
    churn = day.forecast.get_churn_probability(id_)
    words = sources.workspace.words
    return ReportedAccount(
        id=id_,
        name=to_plain_line(account["name"] or id_, 80),
        now=line.now,
        before=line.before,
        past=line.past,
        is_customer=item.is_customer,
        mrr=day.get_mrr(id_),
        owner=context.owners.get(owner, ""),
        plan=attributes.get(PLAN, ""),
        segment=attributes.get(context.segment, ""),
        change_30d=line.change_30d,
        churn_probability=churn,
        chance="" if churn is None else describe_chance(day.forecast.row(id_), words),
        first_paid=line.first_paid,
        tasks=context.tasks.get(id_, ()),
        counted=line.counted,
        read_cells=cells,
    )


def _build_details(
    workspace: Workspace, id_: str, result: AccountResult, context: AccountContext
) -> AccountDetails:
    evidence = result.evidence
    return AccountDetails(
        reasons=_list_reasons(result),
        tickets=[_build_ticket(workspace, fact) for fact in evidence.tickets[:MAX_LINES]],
        answers=[_build_answer(workspace, fact) for fact in evidence.answers[:MAX_LINES]],
        use=_build_use(evidence),
        features={
            to_plain_line(fact.feature, 60): fact.recent_days
            for fact in sorted(evidence.features, key=lambda fact: -fact.recent_days)
        },
        links=_list_links(context.titles, context.links.get(id_, {}), context.crm.get(id_)),
    )


def _build_ticket(workspace: Workspace, ticket: TicketFact) -> TicketLine:
    return TicketLine(
        ticket.opened_at.astimezone(workspace.config.workspace.timezone).date(),
        to_plain_line(ticket.subject or ticket.source_id, 100),
        name_topic(ticket.topic, workspace.words) if ticket.topic else "",
        ticket.is_open,
        ticket.url or "",
    )


def _build_answer(workspace: Workspace, answer: AnswerFact) -> AnswerLine:
    return AnswerLine(
        answer.answered_at.astimezone(workspace.config.workspace.timezone).date(),
        answer.kind,
        answer.score,
        answer.scale_max,
        to_plain_line(answer.person_name or "", 60),
        to_plain_line(answer.comment or "", 200),
    )


def _list_reasons(result: AccountResult) -> list[tuple[str, float | None]]:
    """Return urgent reasons, then those of the score, without repetition."""
    costs: dict[str, float | None] = dict.fromkeys(result.urgent)
    for reason in result.reasons:
        costs[reason.text] = None if reason.loss is None else float(reason.loss)
    return list(costs.items())


def _list_links(
    titles: Mapping[str, str], links: Mapping[str, str], crm: str | None
) -> list[tuple[str, str]]:
    """Return (name, URL) of an account per source, CRM first."""
    named = [(titles.get(source, source), url) for source, url in links.items()]
    if crm and crm not in links.values():
        named.append(("CRM", crm))
    return sorted(named, key=lambda link: (link[1] != crm, link[0]))


def _build_use(evidence: AccountEvidence) -> UseLine | None:
    usage = evidence.usage
    if usage is None:
        return None
    seats = [subscription.seats for subscription in evidence.subscriptions if subscription.seats]
    return UseLine(
        usage.recent_days,
        usage.earlier_days,
        usage.last_day,
        usage.people,
        max(seats, default=None),
    )

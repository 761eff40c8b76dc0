"""Accounts of the report: today, their past 12 months, and what is known about each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from cs_sync.foresight.outlook import describe_chance
from cs_sync.health import (
    AccountEvidence,
    HealthScore,
    calculate_loss,
    is_leaving,
    is_unpaid,
)
from cs_sync.health.facts import AnswerFact, TicketFact
from cs_sync.health.wording import name_topic, to_plain_line
from cs_sync.metrics.periods import add_months
from cs_sync.queries.account_batches import AccountBatch
from cs_sync.queries.day import DayView
from cs_sync.queries.health_model import read_health_model
from cs_sync.queries.kept_results import (
    WrittenResults,
    build_basis,
    keep_results,
    refresh_results,
)
from cs_sync.queries.past_states import PastState, PastStates, read_past_states
from cs_sync.queries.report_money import MoneyConverter
from cs_sync.queries.score import ScoredAccount
from cs_sync.report import (
    AccountDetails,
    AnswerLine,
    HistoryPoint,
    ReportedAccount,
    RiskKind,
    TaskLine,
    TicketLine,
    UseLine,
    classify_risk,
)
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
NO_POINT = HistoryPoint()
"""Of a day on which an account was no customer."""
KIND = ("months", PackedJson[PastStates](PastStates))


@dataclass(frozen=True, slots=True)
class AccountContext:
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


@dataclass(frozen=True, slots=True)
class AccountSources:
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
            [item.account for item in day.scored],
            day.mrr,
            day.forecast,
            [(code, str(money.find_rate(code))) for code in money.rates.currencies],
            [*context.owners.items()],
            (context.attributes, context.segment, context.links, context.crm, context.tasks),
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
    """Build the customers, present and of the past 12 months."""
    workspace, day, months = sources.workspace, sources.day, sources.months
    context, money = sources.context, sources.money
    shown = [item for item in day.scored if item.account["id"] in months]
    billed = _find_billed(_list_states(months, item) for item in shown)
    accounts, book = [], PointBook(money)
    for item in shown:
        id_ = item.account["id"]
        *points, before = book.build_all(_list_states(months, item), billed)
        if item.is_customer or any(point.mrr for point in points):
            account = _build_account(workspace, item, context, day.get_mrr(id_))
            account = replace(
                account,
                now=book.share_point(_build_current_point(item, day.get_mrr(id_), money)),
                before=before,
                past=tuple(points),
                churn_probability=day.forecast.get_churn_probability(id_),
                chance=describe_chance(day.forecast.row(id_), workspace.words),
                first_paid=months[id_].first_paid,
            )
            accounts.append(account)
    return accounts


def _read_month_states(
    workspace: Workspace, live: Mapping[str, Mapping[str, Any]], days: Sequence[date]
) -> WrittenResults[PastStates]:
    """Read the states of the accounts at month ends.

    Kept ones, where nothing of them changed.
    """
    model = read_health_model(workspace)

    def compute(batch: AccountBatch) -> Mapping[str, PastStates]:
        rows = [live[account] for account in batch.ids]
        with workspace.store.read() as connection:
            return read_past_states(workspace, connection, model, rows, days, batch.chosen)

    basis = build_basis(workspace, model, days)
    refreshed = refresh_results(workspace, KIND, basis, list(live), compute)
    keep_results(workspace, refreshed)
    return refreshed.results


def _list_states(months: Mapping[str, PastStates], item: ScoredAccount) -> Sequence[PastState]:
    """List an account's states at the month ends, and 30 days ago."""
    return (*months[item.account["id"]].states, item.result.before)


def _find_billed(states: Iterable[Sequence[PastState]]) -> list[bool]:
    """Return for each day whether billing knew anything of any account."""
    billed: list[bool] = []
    for of_account in states:
        own = [state.is_billed for state in of_account]
        billed = [any(pair) for pair in zip(billed or own, own, strict=True)]
        if all(billed):
            break
    return billed


@dataclass(frozen=True, slots=True)
class PointBook:
    """The points of accounts; equal ones of past days are one object, made once."""

    money: MoneyConverter
    """Converts into the report's currency."""
    _points: dict[Any, HistoryPoint] = field(default_factory=dict)
    _lost: dict[Any, Mapping[str, float]] = field(default_factory=dict)

    def build_all(self, states: Sequence[PastState], billed: Sequence[bool]) -> list[HistoryPoint]:
        """Build the points of an account's past days: see `build`."""
        points: list[HistoryPoint] = []
        before: tuple[PastState, bool] | None = None
        for state, any_ in zip(states, billed, strict=True):
            if before is None or state is not before[0] or any_ is not before[1]:
                points.append(self.build(state, billed=any_))
            else:
                points.append(points[-1])
            before = state, any_
        return points

    def build(self, state: PastState, *, billed: bool) -> HistoryPoint:
        """Build the point of a past day; empty without a customer.

        Args:
            state: The account at the end of the day.
            billed: Whether billing knew of any account then; if not, every one is a customer.
        """
        pays = any(state.paid.values())
        if not (pays or state.is_running) and billed:
            return NO_POINT
        risk = classify_risk(state.band, leaving=state.is_leaving, unpaid=state.is_unpaid)
        lost = tuple(state.lost.items())
        key = (tuple(state.paid.items()), state.score, state.band, risk, lost)
        if key not in self._points:
            mrr = self.money.add_up(state.paid)
            point = HistoryPoint(mrr, pays, state.score, state.band, risk, state.lost)
            self._points[key] = self.share_point(point)
        return self._points[key]

    def share_point(self, point: HistoryPoint) -> HistoryPoint:
        """Return the point with its lost points shared with others."""
        lost = tuple(point.lost.items())
        return replace(point, lost=self._lost.setdefault(lost, point.lost))


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
    risk = _find_risk(item.score, item.evidence, unpaid=is_unpaid(item.evidence))
    return build_point(item.score, paid, risk, money)


def _find_risk(score: HealthScore, evidence: AccountEvidence, *, unpaid: bool) -> RiskKind | None:
    return classify_risk(score.band, leaving=is_leaving(evidence), unpaid=unpaid)


def build_point(
    score: HealthScore, paid: Mapping[str, int], risk: RiskKind | None, money: MoneyConverter
) -> HistoryPoint:
    """Build a customer's point from its score and MRR."""
    lost = {part.input: float(calculate_loss(part, score.mode)) for part in score.contributions}
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
    workspace: Workspace, item: ScoredAccount, context: AccountContext, mrr: Mapping[str, int]
) -> ReportedAccount:
    account, id_ = item.account, item.account["id"]
    attributes = context.attributes.get(id_, {})
    owner = (account["owner_source"] or "", account["owner_source_id"] or "")
    return ReportedAccount(
        id=id_,
        name=to_plain_line(account["name"] or id_, 80),
        now=HistoryPoint(),
        before=HistoryPoint(),
        is_customer=item.is_customer,
        mrr=mrr,
        owner=context.owners.get(owner, ""),
        plan=attributes.get(PLAN, ""),
        segment=attributes.get(context.segment, ""),
        change_30d=None if item.change_30d is None else float(item.change_30d),
        tasks=context.tasks.get(id_, ()),
        read_details=partial(_build_details, workspace, item, context),
    )


def _build_details(
    workspace: Workspace, item: ScoredAccount, context: AccountContext
) -> AccountDetails:
    id_, evidence = item.account["id"], item.evidence
    return AccountDetails(
        reasons=_list_reasons(item),
        tickets=[_build_ticket(workspace, fact) for fact in evidence.tickets[:MAX_LINES]],
        answers=[_build_answer(workspace, fact) for fact in evidence.answers[:MAX_LINES]],
        use=_build_use(item),
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


def _list_reasons(item: ScoredAccount) -> list[tuple[str, float | None]]:
    """Return urgent reasons, then those of the score, without repetition."""
    costs: dict[str, float | None] = dict.fromkeys(item.urgent)
    for reason in item.reasons:
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


def _build_use(item: ScoredAccount) -> UseLine | None:
    usage = item.evidence.usage
    if usage is None:
        return None
    seats = [
        subscription.seats for subscription in item.evidence.subscriptions if subscription.seats
    ]
    return UseLine(
        usage.recent_days,
        usage.earlier_days,
        usage.last_day,
        usage.people,
        max(seats, default=None),
    )

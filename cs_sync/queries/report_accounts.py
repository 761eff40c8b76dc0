"""Accounts of the report: today, their past 12 months, and what is known about each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from cs_sync.health import (
    AccountEvidence,
    HealthConfig,
    HealthScore,
    SignalScope,
    build_day_scope,
    calculate_loss,
    is_leaving,
    is_unpaid,
    score_account,
)
from cs_sync.health.wording import name_topic, to_plain_line
from cs_sync.metrics.periods import add_months
from cs_sync.queries.day import DayView
from cs_sync.queries.health_model import read_health_model
from cs_sync.queries.report_money import MoneyConverter
from cs_sync.queries.score import CHANGE_PERIOD, ScoredAccount, select_model
from cs_sync.report import (
    AnswerLine,
    HistoryPoint,
    ReportedAccount,
    RiskKind,
    TaskLine,
    TicketLine,
    UseLine,
    classify_risk,
)
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import (
    Span,
    find_first_paid,
    get_mrr_before,
    read_mrr_spans,
)
from cs_sync.store.queries.attributes import read_attribute_names, read_current_attributes
from cs_sync.store.queries.crm_records import read_owner_names, read_remote_accounts
from cs_sync.store.queries.health import (
    read_billing_evidence,
    read_live_accounts,
    read_signals,
)
from cs_sync.store.queries.source_links import read_links_by_account

PAST_MONTHS = 12
SEGMENTS = ("segment", "tier", "industry", "size", "region", "country")
"""Attributes that segment the accounts, the first that any account has."""
PLAN = "plan"
MAX_LINES = 8
"""Tickets, and features, of one account at most."""
Snapshot = Mapping[str, HistoryPoint]


@dataclass(frozen=True, slots=True)
class AccountContext:
    """What several accounts share: names, attributes, links and open follow-ups."""

    owners: Mapping[tuple[str, str], str]
    attributes: Mapping[str, Mapping[str, str]]
    segment: str
    links: Mapping[str, Mapping[str, str]]
    crm: Mapping[str, str]
    tasks: Mapping[str, Sequence[TaskLine]]


def list_month_ends(today: date) -> list[date]:
    """Return the last days of the past 12 months, oldest first."""
    first = today.replace(day=1)
    return [add_months(first, -n) - timedelta(days=1) for n in range(PAST_MONTHS - 1, -1, -1)]


def build_reported_accounts(
    workspace: Workspace,
    day: DayView,
    follow_ups: Sequence[Mapping[str, Any]],
    money: MoneyConverter,
) -> tuple[list[ReportedAccount], str]:
    """Build the customers, and the accounts that were customers in the past 12 months.

    Args:
        workspace: The workspace.
        day: The scored accounts and their MRR.
        follow_ups: Rows of `follow_up`.
        money: Converts into the report's currency.

    Returns:
        The accounts, and the attribute that segments them.
    """
    with workspace.store.read() as connection:
        spans = read_mrr_spans(connection, get_mrr_policy(workspace).hash)
        history = _SnapshotReader(workspace, connection, spans, money)
        past = [history.read(end) for end in list_month_ends(day.day)]
        before = history.read(day.day - CHANGE_PERIOD)
        context = _read_context(workspace, connection, follow_ups)
    accounts = []
    for item in day.scored:
        id_ = item.account["id"]
        points = tuple(snapshot.get(id_, HistoryPoint()) for snapshot in past)
        if item.is_customer or any(point.mrr for point in points):
            account = _build_account(workspace, item, context, day.get_mrr(id_))
            account = replace(
                account,
                now=_build_current_point(item, day.get_mrr(id_), money),
                before=before.get(id_, HistoryPoint()),
                past=points,
                first_paid=find_first_paid(spans.get(id_, ()), workspace.config.workspace.timezone),
            )
            accounts.append(account)
    return accounts, context.segment


class _SnapshotReader:
    """Reads scores and MRR of all accounts at the ends of past days, by today's model.

    Accounts with equal readings have equal scores, so each is computed once.
    """

    def __init__(
        self,
        workspace: Workspace,
        connection: Connection,
        spans: Mapping[str, Sequence[Span]],
        money: MoneyConverter,
    ) -> None:
        self._model = read_health_model(workspace)
        self._policy = get_mrr_policy(workspace).hash
        self._zone = str(workspace.config.workspace.timezone)
        self._features = workspace.config.metrics.active_features
        self._connection, self._spans, self._money = connection, spans, money
        self._accounts = read_live_accounts(connection)
        self._scores: dict[Any, HealthScore] = {}

    def read(self, day: date) -> Snapshot:
        """Return account id → its point at the end of a day, of the customers of that day."""
        scope = replace(
            build_day_scope(day, self._zone),
            active_features=self._features,
            policy=self._policy,
        )
        readings = read_signals(self._connection, self._model.list_signals(), scope)
        billing = read_billing_evidence(self._connection, scope)
        points = {}
        for account in self._accounts:
            id_ = account["id"]
            paid = get_mrr_before(self._spans.get(id_, ()), scope.until)
            facts = billing.get(id_)
            if any(paid.values()) or (facts and facts.subscriptions) or not billing:
                model = select_model(account, self._model, scope)
                score = self._score(readings.get(id_, {}), model, scope)
                risk = _find_risk(score, facts or AccountEvidence(), unpaid=_has_overdue(facts))
                points[id_] = build_point(score, paid, risk, self._money)
        return points

    def _score(
        self, readings: Mapping[str, Any], model: HealthConfig, scope: SignalScope
    ) -> HealthScore:
        dated = any(item.max_age_days for item in model.active().values())
        key = (
            id(model),
            scope.day if dated else None,
            tuple(
                (name, reading.value, reading.observed_at if dated else None)
                for name, reading in sorted(readings.items())
            ),
        )
        if key not in self._scores:
            self._scores[key] = score_account(readings, model, scope)
        return self._scores[key]


def _build_current_point(
    item: ScoredAccount, paid: Mapping[str, int], money: MoneyConverter
) -> HistoryPoint:
    if not item.is_customer:
        return HistoryPoint(money.add_up(paid), any(paid.values()))
    risk = _find_risk(item.score, item.evidence, unpaid=is_unpaid(item.evidence))
    return build_point(item.score, paid, risk, money)


def _has_overdue(evidence: AccountEvidence | None) -> bool:
    """Return whether an invoice was overdue; the status of a subscription is today's alone."""
    return bool(evidence and evidence.invoices)


def _find_risk(score: HealthScore, evidence: AccountEvidence, *, unpaid: bool) -> RiskKind | None:
    return classify_risk(score.band, leaving=is_leaving(evidence), unpaid=unpaid)


def build_point(
    score: HealthScore, paid: Mapping[str, int], risk: RiskKind | None, money: MoneyConverter
) -> HistoryPoint:
    """Build the point of a customer from its score and its MRR by currency."""
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
    account, evidence = item.account, item.evidence
    id_, zone = account["id"], workspace.config.workspace.timezone
    attributes = context.attributes.get(id_, {})
    owner = (account["owner_source"] or "", account["owner_source_id"] or "")
    links = context.links.get(id_, {})
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
        reasons=_list_reasons(item),
        tickets=[
            TicketLine(
                ticket.opened_at.astimezone(zone).date(),
                to_plain_line(ticket.subject or ticket.source_id, 100),
                name_topic(ticket.topic, workspace.words) if ticket.topic else "",
                ticket.is_open,
                ticket.url or "",
            )
            for ticket in evidence.tickets[:MAX_LINES]
        ],
        answers=[
            AnswerLine(
                answer.answered_at.astimezone(zone).date(),
                answer.kind,
                answer.score,
                answer.scale_max,
                to_plain_line(answer.person_name or "", 60),
                to_plain_line(answer.comment or "", 200),
            )
            for answer in evidence.answers[:MAX_LINES]
        ],
        use=_build_use(item),
        features={
            to_plain_line(fact.feature, 60): fact.recent_days
            for fact in sorted(evidence.features, key=lambda fact: -fact.recent_days)
        },
        tasks=context.tasks.get(id_, ()),
        links=_list_links(workspace.titles, links, context.crm.get(id_)),
    )


def _list_reasons(item: ScoredAccount) -> list[tuple[str, float | None]]:
    """Return what is urgent, then what the score rests on with its cost; nothing twice."""
    costs: dict[str, float | None] = dict.fromkeys(item.urgent)
    for reason in item.reasons:
        costs[reason.text] = None if reason.loss is None else float(reason.loss)
    return list(costs.items())


def _list_links(
    titles: Mapping[str, str], links: Mapping[str, str], crm: str | None
) -> list[tuple[str, str]]:
    """Return (name, URL) of an account in each source, that in the CRM first."""
    named = [(titles.get(source, source), url) for source, url in links.items()]
    if crm and crm not in links.values():
        named.append(("CRM", crm))
    return sorted(named, key=lambda link: (link[1] != crm, link[0]))


def _build_use(item: ScoredAccount) -> UseLine | None:
    usage = item.evidence.usage
    if usage is None:
        return None
    seats = [one.seats for one in item.evidence.subscriptions if one.seats]
    return UseLine(
        usage.recent_days,
        usage.earlier_days,
        usage.last_day,
        usage.people,
        max(seats, default=None),
    )

"""Further value metrics: usage MRR, transactional CLV, cost lines, profit levers."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Double,
    FromClause,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
)

from cs_sync.metrics.catalogue.economics import match_cost_months, null_if_zero, select_economics
from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.periods import Period, add_months, get_day_start
from cs_sync.metrics.sql.attribution import select_attributed
from cs_sync.metrics.sql.currency_conversion import convert_rows
from cs_sync.metrics.sql.mrr_relations import select_customers, select_mrr_pairs
from cs_sync.metrics.sql.relations import (
    get_segment_columns,
    is_present,
    select_period_rows,
    select_totals,
)
from cs_sync_schemas.tables import COST, INVOICE, INVOICE_LINE

LINE = INVOICE_LINE


def _select_usage_mrr(scope: Scope) -> Select[Any]:
    """Select the metered lines of the last months, per month."""
    months = scope.policy.usage_months

    def since(period: Period) -> Any:
        return get_day_start(add_months(period.end, -months), period.zone)

    periods = select_period_rows(scope, since=since, until=lambda period: period.ends_at)
    fields = ("source", "source_id", "issued_at")
    bills = select_attributed(
        scope,
        INVOICE,
        *(INVOICE.c[name] for name in fields),
        where=INVOICE.c.status.not_in(("draft", "void")),
    )
    same_invoice = and_(
        LINE.c.source == bills.c.source, LINE.c.invoice_source_id == bills.c.source_id
    )
    ended = func.coalesce(LINE.c.period_end, bills.c.issued_at)
    rows = (
        select(
            periods.c.period,
            *get_segment_columns(scope, bills),
            LINE.c.currency,
            _subtract_tax(scope, LINE.c.amount - LINE.c.discount_amount).label("amount"),
        )
        .select_from(bills.join(LINE, same_invoice))
        .join(periods, and_(ended > periods.c.since, ended <= periods.c.until))
        .where(LINE.c.usage_type == "metered", is_present(LINE, scope.known_at))
        .cte("metered")
    )
    rows = convert_rows(scope, rows)
    return select_totals(
        scope,
        rows,
        numerator=func.sum(rows.c.amount),
        denominator=literal(months),
        n=func.count(),
        currency=True,
    )


def _subtract_tax(scope: Scope, charged: ColumnElement[int]) -> ColumnElement[int]:
    if scope.policy.inclusive_tax == "kept":
        return charged
    return charged - func.coalesce(LINE.c.inclusive_tax_amount, 0)


def _select_transactional_clv(scope: Scope) -> Select[Any]:
    """Select purchase value × purchases per account × lifetime (1 ÷ churn)."""
    e, bought = select_economics(scope), _select_purchases(scope)
    same = and_(e.c.period == bought.c.period, e.c.currency == bought.c.currency)
    rows = select(*bought.c, e.c.churn).select_from(bought.outerjoin(e, same)).cte("purchases")
    value = cast(rows.c.paid, Double) / rows.c.purchases
    often = cast(rows.c.purchases, Double) / null_if_zero(rows.c.buyers)
    return select_totals(
        scope,
        rows,
        numerator=func.max(value * often),
        denominator=func.max(rows.c.churn),
        n=func.max(rows.c.purchases),
        currency=True,
    )


def _select_purchases(scope: Scope) -> CTE:
    """Select paid amount, purchases and buyers per period and currency."""
    periods = select_period_rows(
        scope, begins=lambda period: period.starts_at, ends=lambda period: period.ends_at
    )
    paid_at = func.coalesce(INVOICE.c.paid_at, INVOICE.c.issued_at).label("paid_at")
    bills = select_attributed(
        scope,
        INVOICE,
        paid_at,
        INVOICE.c.currency,
        INVOICE.c.amount_paid,
        where=and_(INVOICE.c.amount_paid > 0, INVOICE.c.status == "paid"),
    )
    inside = and_(bills.c.paid_at >= periods.c.begins, bills.c.paid_at < periods.c.ends)
    paid = (
        select(
            periods.c.period, bills.c.account_id, bills.c.currency,
            bills.c.amount_paid.label("amount"),
        )
        .select_from(periods.join(bills, inside))
        .cte("paid")
    )  # fmt: skip
    paid = convert_rows(scope, paid)
    return (
        select(
            paid.c.period,
            paid.c.currency,
            cast(func.sum(paid.c.amount), Double).label("paid"),
            func.count().label("purchases"),
            func.count(paid.c.account_id.distinct()).label("buyers"),
        )
        .group_by(paid.c.period, paid.c.currency)
        .cte("bought")
    )


def _select_short_clv(scope: Scope) -> Select[Any]:
    """Select revenue per account × lifetime (1 ÷ churn)."""
    e = select_economics(scope)
    worth = e.c.mrr * e.c.months / null_if_zero(e.c.payers) / null_if_zero(e.c.churn)
    return select_totals(
        scope, e, numerator=func.max(worth), n=func.max(e.c.starters), currency=True
    )


def _select_retention_cost_lines(scope: Scope) -> Select[Any]:
    """Select the retention cost per customer, by cost line."""
    accounts = select_customers(select_mrr_pairs(scope), scope)
    heads = (
        select(accounts.c.period, func.sum(accounts.c.now).label("heads"))
        .group_by(accounts.c.period)
        .cte("heads")
    )
    periods, inside = match_cost_months(scope)
    line = func.coalesce(COST.c.line, literal("other")).label("dimension_0")
    rows = (
        select(periods.c.period, line, COST.c.currency, COST.c.amount, heads.c.heads)
        .select_from(periods.join(COST, inside))
        .outerjoin(heads, heads.c.period == periods.c.period)
        .where(COST.c.purpose == "retention", is_present(COST, scope.known_at))
        .cte("retention_costs")
    )
    rows = convert_rows(scope, rows)
    customers = func.max(rows.c.heads)
    return select_totals(
        scope,
        rows,
        numerator=func.sum(rows.c.amount),
        denominator=customers,
        n=customers,
        currency=True,
    )


GainBuilder = Callable[[FromClause], ColumnElement[Any]]


def _build_upkeep(e: FromClause) -> ColumnElement[Any]:
    return func.coalesce(e.c.service, 0.0) + func.coalesce(e.c.retention, 0.0)


def _build_churn_gain(e: FromClause) -> ColumnElement[Any]:
    margin = e.c.mrr * e.c.months / null_if_zero(e.c.payers) - _build_upkeep(e) / null_if_zero(
        e.c.heads
    )
    return e.c.lost * margin


_LEVERS: dict[str, GainBuilder] = {
    "churn": _build_churn_gain,
    "cost of service": _build_upkeep,
    "revenue per account": lambda e: e.c.mrr * e.c.months,
}


def _select_levers(scope: Scope) -> Select[Any]:
    share = float(scope.settings["improvement"])
    e = select_economics(scope)
    rows = union_all(
        *(
            select(
                e.c.period,
                literal(lever).label("dimension_0"),
                e.c.currency,
                case((e.c.costed == 1, gain(e) * literal(share, Double))).label("gain"),
                e.c.heads,
            )
            for lever, gain in _LEVERS.items()
        )
    ).cte("levers")
    return select_totals(
        scope, rows, numerator=func.max(rows.c.gain), n=func.max(rows.c.heads), currency=True
    )


CUSTOMER_VALUE: tuple[Metric, ...] = (
    Metric(
        "usage_mrr", "Usage MRR", "money_minor",
        "metered lines of the invoices of the three months (the policy's `usage_months`) up to the "
        "period's end ÷ 3",
        ("Stripe, Billing analytics glossary",), _select_usage_mrr, ("invoice", "invoice_line"),
        strategy=("profitability",), divides=True,
        edge_cases="Apart from MRR, as what is metered is not agreed in advance. After discounts; "
        "by the end of the service period of each line.",
    ),
    Metric(
        "clv_transactional", "Transactional customer lifetime value", "money_minor",
        "mean value of a paid invoice × paid invoices per buying account × 1 ÷ customer churn rate",
        ("Standard definition of retail",), _select_transactional_clv, ("invoice", *BILLING),
        stage=("expansion",), strategy=("profitability",), family="customer ROI",
        divides=True, splits=False,
        edge_cases="For those who also sell by the piece; subscriptions are better told by ltv. "
        "Undefined when nobody left.",
    ),
    Metric(
        "clv_short", "Short customer lifetime value", "money_minor",
        "revenue per account in the period × mean lifetime in periods (1 ÷ customer churn rate)",
        ("Standard definition",), _select_short_clv, BILLING, stage=("expansion",),
        strategy=("profitability",), family="customer ROI", splits=False,
        edge_cases="Revenue and not profit, as ltv_revenue. Undefined when nobody left.",
    ),
    Metric(
        "crc_by_line", "Customer retention cost by line", "money_minor",
        "cost of retention in the period ÷ customers at its end, for each line of cost",
        ("Five cost lines: salaries, engagement programmes, services, training, marketing",),
        _select_retention_cost_lines, ("cost", *BILLING), stage=("expansion",),
        strategy=("profitability",),
        family="customer ROI", divides=True, splits=False, dimensions=("line",),
        edge_cases="Their sum is crc, up to rounding.",
    ),
    Metric(
        "saas_profit_levers", "What profit would gain", "money_minor",
        "gain of the period if churn, the cost of service or revenue per account were 10 % better",
        ("J. York, Chaotic Flow",), _select_levers, ("cost", *BILLING), stage=("expansion",),
        strategy=("profitability",), family="customer ROI", splits=False,
        settings={"improvement": 0.1}, dimensions=("lever",),
        edge_cases="Each alone. Churn: customers kept × (revenue − cost of service and retention "
        "per customer), in the period alone. Undefined in a period without any costs.",
    ),
)  # fmt: skip

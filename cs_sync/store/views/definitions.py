"""The views' definitions: statements over the tables, with a meaning for every column.

Columns are only ever appended: whoever reads a view by name is not broken by a newer cs-sync, and
PostgreSQL replaces a view in place, with its grants and with the views that others built on it.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Numeric,
    Select,
    and_,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlmodel import SQLModel

from cs_sync.metrics.sql.dialects import readable_instant
from cs_sync.metrics.sql.relations import is_counted
from cs_sync_schemas import (
    FollowUp,
    HealthScore,
    Publication,
    PublishedKpi,
    PublishedMrr,
    get_table,
)
from cs_sync_schemas.money import CURRENCY_EXPONENT
from cs_sync_schemas.tables import (
    ACCOUNT,
    FOLLOW_UP,
    HEALTH_SCORE,
    KPI,
    MRR_MONTH,
    MRR_SPAN,
    OWNER,
    PUBLICATION,
)
from cs_sync_schemas.times import Instant

SCORE = HEALTH_SCORE
SPAN, LAST = MRR_SPAN, PUBLICATION
MRR = MRR_MONTH


class ViewColumn(Struct, frozen=True):
    """A column of a view, and what it means."""

    expression: ColumnElement[Any]
    meaning: str


class View(Struct, frozen=True):
    """A view: its columns in order, and the rows they are of."""

    name: str
    purpose: str
    columns: Mapping[str, ViewColumn]
    source: FromClause
    where: ColumnElement[bool] | None = None

    def build_statement(self) -> Select[Any]:
        """Build the statement of the view."""
        labelled = (_make_readable(c.expression).label(name) for name, c in self.columns.items())
        statement = select(*labelled).select_from(self.source)
        return statement if self.where is None else statement.where(self.where)


def _make_readable(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return an instant as people read it.

    Anything else stays as it is.
    """
    return readable_instant(column) if isinstance(column.type, Instant) else column


def copy_columns(model: type[SQLModel], *names: str, **renamed: str) -> dict[str, ViewColumn]:
    """Take columns of a model with their descriptions.

    Args:
        model: The model.
        *names: Its fields.
        **renamed: Name in the view → field.
    """
    table, fields = get_table(model), {**dict(zip(names, names, strict=True)), **renamed}
    return {
        name: ViewColumn(table.c[field], model.model_fields[field].description or "")
        for name, field in fields.items()
    }


def to_decimal(amount: ColumnElement[Any], currency: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return an amount of minor units in units of its currency."""
    by_decimals: dict[int, list[str]] = {}
    for code, decimals in CURRENCY_EXPONENT.items():
        by_decimals.setdefault(decimals, []).append(code)
    del by_decimals[2]  # the usual number
    units: list[tuple[ColumnElement[bool], ColumnElement[Any]]] = [
        (currency.in_(sorted(codes)), literal_column(f"{10**decimals}.0"))
        for decimals, codes in sorted(by_decimals.items())
    ]
    return amount / case(*units, else_=literal_column("100.0"))


def to_money(amount: ColumnElement[Any], currency: ColumnElement[Any]) -> ColumnElement[Any]:
    """Build an exact decimal of an integer amount.

    Where the database has decimals.
    """
    return cast(to_decimal(amount, currency), Numeric(20, 3))


def clear_empty(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return null for an empty text: keys hold no null."""
    return func.nullif(column, "")


def _build_kpi() -> View:
    scaled = {
        name: case(
            (KPI.c.unit == "money_minor", to_decimal(KPI.c[name], KPI.c.currency)),
            else_=KPI.c[name],
        )
        for name in ("value", "low", "high")
    }
    minor = case((KPI.c.unit == "money_minor", KPI.c.value))
    columns = {
        **copy_columns(PublishedKpi, "metric", "period_start", "period_end"),
        "dimension": ViewColumn(
            clear_empty(KPI.c.dimension), "What the metric is split by, such as reason, if any."
        ),
        "dimension_value": ViewColumn(
            clear_empty(KPI.c.dimension_value), "Value of the dimension; empty is unknown."
        ),
        "currency": ViewColumn(clear_empty(KPI.c.currency), "ISO 4217; empty if not money."),
        "unit": ViewColumn(
            case((KPI.c.unit == "money_minor", "money"), else_=KPI.c.unit),
            "ratio (0.25 is 25 %), money, count, score, days or seconds.",
        ),
        "value": ViewColumn(scaled["value"], "Money in units of its currency; empty: undefined."),
        "value_minor": ViewColumn(minor, "Money in minor units, as computed; else empty."),
        "low": ViewColumn(scaled["low"], "Lower end of the 95 % interval, in units of value."),
        "high": ViewColumn(scaled["high"], "Upper end of the 95 % interval, in units of value."),
        **copy_columns(PublishedKpi, "numerator", "denominator", "n", "status", "stale_since"),
        **copy_columns(Publication, "policy"),
        **copy_columns(PublishedKpi, "changed_at"),
    }
    purpose = "One row per metric, month, currency and value of the metric's dimension."
    return View("cs_kpi", purpose, columns, KPI.join(LAST, true()))


def _build_mrr_monthly() -> View:
    movements = (
        "opening", "new", "reactivation", "expansion", "contraction", "churn", "fx",
        "restatement", "closing",
    )  # fmt: skip
    money = {
        name: ViewColumn(
            to_money(MRR.c[name], MRR.c.currency), PublishedMrr.model_fields[name].description or ""
        )
        for name in movements
    }
    minor = {
        f"{name}_minor": ViewColumn(MRR.c[name], f"{name} in minor units.") for name in movements
    }
    columns = {
        **copy_columns(PublishedMrr, "month", "currency"),
        **money,
        **minor,
        **copy_columns(Publication, "policy"),
        **copy_columns(PublishedMrr, "changed_at"),
    }
    purpose = (
        "The MRR bridge per month and currency, as `cs-sync mrr` shows it: opening + new +"
        " reactivation + expansion − contraction − churn + fx + restatement = closing."
    )
    return View("cs_mrr_monthly", purpose, columns, MRR.join(LAST, true()))


def _select_current_mrr() -> FromClause:
    """Select each account's largest MRR of a currency at the publication."""
    by_size = func.row_number().over(
        partition_by=SPAN.c.account_id, order_by=(SPAN.c.amount.desc(), SPAN.c.currency)
    )
    paid = (
        select(
            SPAN.c.account_id,
            SPAN.c.currency,
            SPAN.c.amount,
            by_size.label("place"),
            func.count().over(partition_by=SPAN.c.account_id).label("currencies"),
        )
        .select_from(SPAN.join(LAST, SPAN.c.policy == LAST.c.policy))
        .where(
            SPAN.c.known_to.is_(None),
            SPAN.c.valid_from <= LAST.c.published_at,
            or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to > LAST.c.published_at),
            SPAN.c.amount > 0,
        )
        .subquery("paid")
    )
    return select(paid).where(paid.c.place == 1).subquery("mrr")


def _build_account() -> View:
    mrr = _select_current_mrr()
    today = and_(
        SCORE.c.account_id == ACCOUNT.c.id,
        SCORE.c.as_of == LAST.c.day,
        SCORE.c.mode == LAST.c.mode,
    )
    source = (
        ACCOUNT.join(LAST, true())
        .outerjoin(OWNER, _is_owner(ACCOUNT))
        .outerjoin(mrr, mrr.c.account_id == ACCOUNT.c.id)
        .outerjoin(SCORE, today)
    )
    columns = {
        "account": ViewColumn(ACCOUNT.c.id, "Id of the account, in all views."),
        "name": ViewColumn(ACCOUNT.c.name, "Its name."),
        "domain": ViewColumn(ACCOUNT.c.domain, "Its domain."),
        "external_key": ViewColumn(ACCOUNT.c.external_key, "Your own id of it."),
        "owner": ViewColumn(OWNER.c.name, "Name of the colleague who looks after it."),
        "owner_email": ViewColumn(OWNER.c.email, "E-mail address of that colleague."),
        "attributes": ViewColumn(ACCOUNT.c.attributes, "JSON: plan, industry, region …"),
        "created_at": ViewColumn(ACCOUNT.c.created_at, "When it was created at its source."),
        "mrr": ViewColumn(to_money(mrr.c.amount, mrr.c.currency), "MRR at the last run."),
        "mrr_minor": ViewColumn(mrr.c.amount, "mrr in minor units."),
        "currency": ViewColumn(mrr.c.currency, "ISO 4217; empty without MRR."),
        "mrr_currencies": ViewColumn(
            func.coalesce(mrr.c.currencies, 0),
            "How many currencies it pays in; of several mrr is the largest, the others are in"
            " cs_account_mrr.",
        ),
        "score": ViewColumn(SCORE.c.score, "Health score at the last run; empty: unknown."),
        "band": ViewColumn(
            SCORE.c.band, "red, yellow, green, excellent or insufficient; empty: no customer."
        ),
        "coverage": ViewColumn(SCORE.c.coverage, "Known share of the score's weights, 0 to 1."),
        "as_of": ViewColumn(LAST.c.day, "The day of score and MRR."),
    }
    purpose = "One row per account that is neither merged nor a test: owner, MRR and health now."
    return View("cs_account", purpose, columns, source, is_counted())


def _build_account_mrr() -> View:
    visible = and_(
        SPAN.c.policy == LAST.c.policy,
        SPAN.c.known_to.is_(None),
        SPAN.c.currency == MRR.c.currency,
        SPAN.c.valid_from < MRR.c.ends_at,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= MRR.c.ends_at),
        SPAN.c.amount > 0,
    )
    source = (
        MRR.join(LAST, true()).join(SPAN, visible).join(ACCOUNT, ACCOUNT.c.id == SPAN.c.account_id)
    )
    columns = {
        **copy_columns(PublishedMrr, "month"),
        "account": ViewColumn(ACCOUNT.c.id, "Id of the account."),
        "currency": ViewColumn(SPAN.c.currency, "ISO 4217."),
        "mrr": ViewColumn(to_money(SPAN.c.amount, SPAN.c.currency), "MRR at the month's end."),
        "mrr_minor": ViewColumn(SPAN.c.amount, "mrr in minor units."),
    }
    purpose = (
        "MRR per account, month and currency, as known now: of a closed month that was restated it"
        " adds up to what is known today, `cs_mrr_monthly` to what was reported."
    )
    return View("cs_account_mrr", purpose, columns, source, is_counted())


def _build_score_daily() -> View:
    source = SCORE.join(LAST, LAST.c.mode == SCORE.c.mode).join(
        ACCOUNT, ACCOUNT.c.id == SCORE.c.account_id
    )
    columns = {
        "day": ViewColumn(SCORE.c.as_of, "The day, in the reporting zone."),
        "account": ViewColumn(SCORE.c.account_id, "Id of the account."),
        "name": ViewColumn(ACCOUNT.c.name, "Its name."),
        "score": ViewColumn(SCORE.c.score, "Health score; empty below the least coverage."),
        **copy_columns(HealthScore, "band"),
        "coverage": ViewColumn(SCORE.c.coverage, "Known share of the score's weights, 0 to 1."),
        "reasons": ViewColumn(SCORE.c.reasons, "JSON: the reasons in words, most costly first."),
        **copy_columns(HealthScore, "model"),
        "computed_at": ViewColumn(SCORE.c.computed_at, "When the run computed it."),
    }
    purpose = "The health of every customer on every day with a run."
    return View("cs_score_daily", purpose, columns, source, is_counted())


def _build_follow_up() -> View:
    merged = ACCOUNT.alias("named")
    source = (
        FOLLOW_UP.join(LAST, true())
        .outerjoin(merged, merged.c.id == FOLLOW_UP.c.account_id)
        .outerjoin(ACCOUNT, ACCOUNT.c.id == func.coalesce(merged.c.merged_into, merged.c.id))
        .outerjoin(OWNER, _is_owner(FOLLOW_UP))
    )
    columns = {
        "key": ViewColumn(FOLLOW_UP.c.key, "Identifies the follow-up, also in the CRM."),
        "account": ViewColumn(ACCOUNT.c.id, "Id of the account; empty: the company as a whole."),
        "name": ViewColumn(ACCOUNT.c.name, "The account's name."),
        "playbook": ViewColumn(FOLLOW_UP.c.playbook, "The rule that asked for it."),
        "title": ViewColumn(FOLLOW_UP.c.title, "What to do."),
        "why": ViewColumn(FOLLOW_UP.c.why, "The reason in a sentence."),
        **copy_columns(FollowUp, "priority", "kind", "state"),
        "due_at": ViewColumn(FOLLOW_UP.c.due_at, "When it is due."),
        "created_at": ViewColumn(FOLLOW_UP.c.created_at, "When a run decided it."),
        **copy_columns(FollowUp, "opened_at", "ended_at"),
        "owner": ViewColumn(OWNER.c.name, "Name of the account's owner."),
        **copy_columns(FollowUp, "assignee"),
        "score": ViewColumn(FOLLOW_UP.c.score, "Health score at its creation."),
        "band": ViewColumn(FOLLOW_UP.c.band, "Band at its creation."),
    }
    purpose = "One row per follow-up: what was asked of whom, and what became of it."
    of_nobody_else = or_(FOLLOW_UP.c.account_id == "", is_counted())
    return View("cs_follow_up", purpose, columns, source, of_nobody_else)


def _build_freshness() -> View:
    columns = copy_columns(
        Publication, "run_id", "published_at", "day", "policy", "mode", "timezone", "currency"
    )
    purpose = "One row: the run that last filled the views. Before the first run all are empty."
    return View("cs_freshness", purpose, columns, LAST)


def _is_owner(table: FromClause) -> ColumnElement[bool]:
    return and_(
        OWNER.c.source == table.c.owner_source, OWNER.c.source_id == table.c.owner_source_id
    )


VIEWS = (
    _build_kpi(),
    _build_mrr_monthly(),
    _build_account(),
    _build_account_mrr(),
    _build_score_daily(),
    _build_follow_up(),
    _build_freshness(),
)

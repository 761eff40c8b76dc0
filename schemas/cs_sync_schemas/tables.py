"""All tables, as the models define them; written by `make migration`."""

from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, Float, Integer, String, Table

from cs_sync_schemas.digests import Digest
from cs_sync_schemas.history import add_history_tables
from cs_sync_schemas.metadata import METADATA as METADATA
from cs_sync_schemas.money import ExactDecimal
from cs_sync_schemas.packed import PackedText
from cs_sync_schemas.rowids import leave_out_rowids
from cs_sync_schemas.times import Instant


def _define(name: str, /, **columns: Column[Any]) -> Table:
    """Define a table; where its model was there before, return that one's."""
    for key, column in columns.items():  # a plain text: JSON takes no key of SQLAlchemy's own kind
        column.name = column.key = key
    return Table(name, METADATA, *columns.values(), keep_existing=True)


ACCOUNT = _define(
    "account",
    id=Column(String, primary_key=True),
    name=Column(String),
    external_key=Column(String),
    domain=Column(String),
    owner_source=Column(String),
    owner_source_id=Column(String),
    attributes=Column(JSON, nullable=False, default=dict),
    created_at=Column(Instant),
    is_test=Column(Boolean, nullable=False, default=False),
    merged_into=Column(String),
    first_seen_at=Column(Instant, nullable=False),
    changed_at=Column(Instant, nullable=False),
)

ACCOUNT_ANSWER = _define(
    "account_answer",
    answer=Column(Integer, primary_key=True),
    position=Column(Integer, primary_key=True),
    kind=Column(String, nullable=False),
    source=Column(String, nullable=False),
    source_id=Column(String, nullable=False),
    reason=Column(String),
    decided_at=Column(Instant, nullable=False),
    undone_at=Column(Instant),
)

ACCOUNT_ATTRIBUTE = _define(
    "account_attribute",
    account_id=Column(String, primary_key=True),
    name=Column(String, primary_key=True),
    valid_from=Column(Instant, primary_key=True),
    known_from=Column(Instant, primary_key=True),
    valid_to=Column(Instant),
    known_to=Column(Instant),
    value=Column(String, nullable=False),
    derived=Column(Boolean, nullable=False, default=False),
)

ACCOUNT_CHANGE = _define(
    "account_change",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    account_source_id=Column(String, nullable=False, index=True),
    field=Column(String, nullable=False),
    value=Column(String),
    happened_at=Column(Instant, nullable=False),
    value_at=Column(Instant),
)

ACCOUNT_LINK = _define(
    "account_link",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    account_id=Column(String, nullable=False, index=True),
    rule=Column(String, nullable=False),
    reason=Column(String, nullable=False),
    decided_by=Column(String, nullable=False, default="cs-sync"),
    since=Column(Instant, nullable=False),
)

ACCOUNT_QUESTION = _define(
    "account_question",
    kind=Column(String, primary_key=True),
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    candidates=Column(JSON, nullable=False, default=list),
    reason=Column(String, nullable=False),
    remedy=Column(String, nullable=False),
    since=Column(Instant, nullable=False),
)

ALERT = _define(
    "alert",
    cause=Column(String, primary_key=True),
    since=Column(Instant, nullable=False),
    text=Column(String, nullable=False),
    is_over=Column(Boolean, nullable=False, default=False),
    knowing=Column(JSON, nullable=False, default=list),
    waiting=Column(JSON, nullable=False, default=list),
)

ALIAS = _define(
    "alias",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    record=Column(String, nullable=False),
    survivor_source_id=Column(String, nullable=False, index=True),
)

CONTACT = _define(
    "contact",
    id=Column(String, primary_key=True),
    account_id=Column(String, index=True),
    email=Column(String),
    external_key=Column(String),
    name=Column(String),
    role=Column(String),
    first_seen_at=Column(Instant, nullable=False),
    changed_at=Column(Instant, nullable=False),
)

CONTACT_ACCOUNT = _define(
    "contact_account",
    contact_id=Column(String, primary_key=True),
    valid_from=Column(Instant, primary_key=True),
    valid_to=Column(Instant),
    day_from=Column(Date, nullable=False),
    day_to=Column(Date),
    source=Column(String, nullable=False),
    account_source_id=Column(String, nullable=False),
    stated=Column(Boolean, nullable=False),
    changed_at=Column(Instant, nullable=False),
)

CONTACT_LINK = _define(
    "contact_link",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    contact_id=Column(String, nullable=False, index=True),
    rule=Column(String, nullable=False),
    reason=Column(String, nullable=False),
    decided_by=Column(String, nullable=False, default="cs-sync"),
    since=Column(Instant, nullable=False),
)

COST = _define(
    "cost",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    month=Column(Date, nullable=False),
    purpose=Column(String, nullable=False),
    line=Column(String),
    amount=Column(BigInteger, nullable=False),
    currency=Column(String, nullable=False),
)

DISCOUNT = _define(
    "discount",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    account_source_id=Column(String, index=True),
    subscription_source_id=Column(String, index=True),
    subscription_item_source_id=Column(String, index=True),
    name=Column(String),
    percent_off=Column(ExactDecimal),
    amount_off=Column(BigInteger),
    currency=Column(String),
    duration=Column(String, nullable=False, default="forever"),
    products=Column(JSON),
    is_fallback=Column(Boolean, nullable=False, default=False),
    starts_at=Column(Instant, nullable=False),
    ends_at=Column(Instant),
)

FEATURE_DAY = _define(
    "feature_day",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    account_source_id=Column(String, nullable=False, index=True),
    contact_source_id=Column(String, index=True),
    feature=Column(String, nullable=False),
    day=Column(Date, nullable=False, index=True),
    users=Column(Integer, nullable=False, default=0),
    events=Column(Integer, nullable=False, default=0),
    seconds=Column(Integer),
)

FIGURE = _define(
    "figure",
    question=Column(String, primary_key=True),
    name=Column(String, nullable=False),
    policy=Column(String, nullable=False),
    known_at=Column(Instant, nullable=False, index=True),
    basis=Column(String, nullable=False),
    rows=Column(JSON, nullable=False, default=list),
)

FOLLOW_UP = _define(
    "follow_up",
    key=Column(String, primary_key=True),
    account_id=Column(String, nullable=False, index=True),
    playbook=Column(String, nullable=False),
    occasion=Column(String, nullable=False),
    title=Column(String, nullable=False),
    body=Column(String, nullable=False),
    priority=Column(String, nullable=False),
    kind=Column(String, nullable=False, default="todo"),
    due_at=Column(Instant, nullable=False),
    owner_source=Column(String),
    owner_source_id=Column(String),
    assignee=Column(String),
    evidence=Column(JSON, nullable=False, default=list),
    at_risk=Column(Float, nullable=False, default=0.0),
    score=Column(Float),
    band=Column(String),
    mrr=Column(JSON, nullable=False, default=dict),
    state=Column(String, nullable=False, default="open"),
    touched=Column(Boolean, nullable=False, default=False),
    created_at=Column(Instant, nullable=False),
    opened_at=Column(Instant),
    ended_at=Column(Instant),
    reason=Column(String),
    why=Column(String),
    advice=Column(JSON),
    language=Column(String),
    happened_at=Column(Instant),
    contact_id=Column(String),
    lead=Column(String),
    task=Column(JSON),
)

FORESIGHT_JUDGEMENT = _define(
    "foresight_judgement",
    version=Column(Integer, primary_key=True),
    run_id=Column(String, nullable=False),
    judged_at=Column(Instant, nullable=False),
    policy=Column(String, nullable=False),
    model=Column(String, nullable=False),
    data_cut=Column(Date, nullable=False),
    horizon_days=Column(Integer, nullable=False),
    lead_days=Column(Integer, nullable=False),
    subjects=Column(JSON, nullable=False, default=list),
    bands=Column(JSON, nullable=False, default=list),
    forecasts=Column(JSON, nullable=False, default=list),
)

FORESIGHT_MODEL = _define(
    "foresight_model",
    target=Column(String, primary_key=True),
    version=Column(Integer, primary_key=True),
    run_id=Column(String, nullable=False),
    fitted_at=Column(Instant, nullable=False),
    accepted=Column(Boolean, nullable=False),
    policy=Column(String, nullable=False),
    revision=Column(String, nullable=False),
    data_cut=Column(Date, nullable=False),
    horizon_days=Column(Integer, nullable=False),
    lead_days=Column(Integer, nullable=False),
    coefficients=Column(JSON, nullable=False, default=dict),
    judgement=Column(JSON, nullable=False, default=dict),
)

FUNNEL_DAY = _define(
    "funnel_day",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    day=Column(Date, nullable=False, index=True),
    goal=Column(String),
    visitors=Column(Integer, nullable=False, default=0),
    leads=Column(Integer, nullable=False, default=0),
    conversions=Column(Integer, nullable=False, default=0),
)

FX_RATE = _define(
    "fx_rate",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    day=Column(Date, nullable=False, index=True),
    base=Column(String, nullable=False),
    quote=Column(String, nullable=False),
    rate=Column(ExactDecimal, nullable=False),
)

HEALTH_SCORE = _define(
    "health_score",
    account_id=Column(String, primary_key=True),
    as_of=Column(Date, primary_key=True),
    mode=Column(String, primary_key=True),
    model=Column(String, nullable=False),
    computed_at=Column(Instant, nullable=False),
    score=Column(Float),
    band=Column(String, nullable=False),
    coverage=Column(Float, nullable=False),
    contributions=Column(JSON, nullable=False, default=list),
    reasons=Column(JSON, nullable=False, default=list),
)

INVOICE = _define(
    "invoice",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    account_source_id=Column(String, nullable=False, index=True),
    subscription_source_id=Column(String, index=True),
    number=Column(String),
    status=Column(String, nullable=False, default="open"),
    currency=Column(String, nullable=False),
    total=Column(BigInteger, nullable=False, default=0),
    amount_due=Column(BigInteger, nullable=False, default=0),
    amount_paid=Column(BigInteger, nullable=False, default=0),
    amount_remaining=Column(BigInteger),
    attempt_count=Column(Integer, nullable=False, default=0),
    issued_at=Column(Instant, nullable=False, index=True),
    due_at=Column(Instant),
    paid_at=Column(Instant),
    given_up_at=Column(Instant),
    period_start=Column(Instant),
    period_end=Column(Instant),
    url=Column(String),
)

INVOICE_LINE = _define(
    "invoice_line",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    invoice_source_id=Column(String, nullable=False, index=True),
    subscription_source_id=Column(String, index=True),
    subscription_item_source_id=Column(String, index=True),
    product=Column(String),
    price=Column(String),
    currency=Column(String, nullable=False),
    amount=Column(BigInteger, nullable=False),
    discount_amount=Column(BigInteger, nullable=False, default=0),
    inclusive_tax_amount=Column(BigInteger),
    discounts=Column(JSON),
    quantity=Column(ExactDecimal),
    unit_amount=Column(ExactDecimal),
    interval=Column(String),
    interval_count=Column(Integer),
    usage_type=Column(String, nullable=False, default="licensed"),
    is_proration=Column(Boolean, nullable=False, default=False),
    period_start=Column(Instant),
    period_end=Column(Instant),
)

KEPT_RESULT = _define(
    "kept_result",
    kind=Column(String, primary_key=True),
    key=Column(String, primary_key=True),
    content=Column(PackedText, nullable=False),
)

KPI = _define(
    "kpi",
    metric=Column(String, primary_key=True),
    period_start=Column(Date, primary_key=True),
    currency=Column(String, primary_key=True),
    dimension_value=Column(String, primary_key=True),
    period_end=Column(Date, nullable=False),
    dimension=Column(String, nullable=False),
    value=Column(Float),
    unit=Column(String, nullable=False),
    numerator=Column(Float),
    denominator=Column(Float),
    n=Column(BigInteger),
    low=Column(Float),
    high=Column(Float),
    status=Column(String, nullable=False),
    stale_since=Column(Instant),
    changed_at=Column(Instant, nullable=False),
)

LEASE = _define(
    "lease",
    name=Column(String, primary_key=True),
    holder=Column(String, nullable=False),
    token=Column(Integer, nullable=False),
    expires_at=Column(Instant, nullable=False),
)

MEMBERSHIP = _define(
    "membership",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    contact_source_id=Column(String, nullable=False, index=True),
    account_source_id=Column(String, nullable=False, index=True),
    is_primary=Column(Boolean, nullable=False, default=False),
)

MONTH_CLOSE = _define(
    "month_close",
    policy=Column(String, primary_key=True),
    turn=Column(Date, primary_key=True),
    known_at=Column(Instant, nullable=False),
    closed_at=Column(Instant, nullable=False),
    totals=Column(JSON, nullable=False, default=dict),
    hash=Column(String, nullable=False),
)

MONTH_REOPENED = _define(
    "month_reopened",
    policy=Column(String, primary_key=True),
    turn=Column(Date, primary_key=True),
    reopened_at=Column(Instant, primary_key=True),
    reason=Column(String, nullable=False),
    known_at=Column(Instant, nullable=False),
    closed_at=Column(Instant, nullable=False),
    totals=Column(JSON, nullable=False, default=dict),
    hash=Column(String, nullable=False),
)

MRR_MONTH = _define(
    "mrr_month",
    month=Column(Date, primary_key=True),
    currency=Column(String, primary_key=True),
    ends_at=Column(Instant, nullable=False),
    opening=Column(BigInteger, nullable=False),
    new=Column(BigInteger, nullable=False),
    reactivation=Column(BigInteger, nullable=False),
    expansion=Column(BigInteger, nullable=False),
    contraction=Column(BigInteger, nullable=False),
    churn=Column(BigInteger, nullable=False),
    fx=Column(BigInteger, nullable=False),
    restatement=Column(BigInteger, nullable=False),
    closing=Column(BigInteger, nullable=False),
    changed_at=Column(Instant, nullable=False),
)

MRR_MOVEMENT = _define(
    "mrr_movement",
    account_id=Column(String, primary_key=True),
    policy=Column(String, primary_key=True),
    currency=Column(String, primary_key=True),
    at=Column(Instant, primary_key=True),
    known_from=Column(Instant, primary_key=True),
    known_to=Column(Instant),
    kind=Column(String, nullable=False),
    amount=Column(BigInteger, nullable=False),
    cause=Column(String, nullable=False),
    reason=Column(String),
)

MRR_SPAN = _define(
    "mrr_span",
    account_id=Column(String, primary_key=True),
    policy=Column(String, primary_key=True),
    currency=Column(String, primary_key=True),
    valid_from=Column(Instant, primary_key=True),
    known_from=Column(Instant, primary_key=True),
    valid_to=Column(Instant),
    known_to=Column(Instant),
    amount=Column(BigInteger, nullable=False),
    parts=Column(JSON, nullable=False, default=list),
    reconstructed=Column(Boolean, nullable=False, default=False),
)

ONBOARDING_STEP = _define(
    "onboarding_step",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    account_source_id=Column(String, nullable=False, index=True),
    checklist=Column(String, nullable=False, default="onboarding"),
    step=Column(String, nullable=False),
    required=Column(Boolean, nullable=False, default=True),
    due_at=Column(Instant),
    done_at=Column(Instant),
)

OWNER = _define(
    "owner",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    name=Column(String),
    email=Column(String),
    is_active=Column(Boolean, nullable=False, default=True),
)

PRODUCT = _define(
    "product",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    name=Column(String),
    is_active=Column(Boolean, nullable=False, default=True),
)

PUBLICATION = _define(
    "publication",
    name=Column(String, primary_key=True),
    run_id=Column(String, nullable=False),
    published_at=Column(Instant, nullable=False),
    day=Column(Date, nullable=False),
    policy=Column(String, nullable=False),
    mode=Column(String, nullable=False),
    timezone=Column(String, nullable=False),
    currency=Column(String),
    views=Column(String, nullable=False),
)

QUALITY_DAY = _define(
    "quality_day",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    day=Column(Date, nullable=False, index=True),
    defects=Column(Integer),
    downtime_seconds=Column(Integer),
    response_seconds=Column(Float),
    requests=Column(Integer),
)

REFERRAL = _define(
    "referral",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    account_source_id=Column(String, nullable=False, index=True),
    referred=Column(String),
    referred_at=Column(Instant, nullable=False),
    converted_at=Column(Instant),
)

REFUND = _define(
    "refund",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    account_source_id=Column(String, index=True),
    invoice_source_id=Column(String),
    amount=Column(BigInteger, nullable=False),
    currency=Column(String, nullable=False),
    status=Column(String),
    reason=Column(String),
    refunded_at=Column(Instant, nullable=False),
)

REJECTED_RECORD = _define(
    "rejected_record",
    id=Column(String, primary_key=True),
    source=Column(String, nullable=False, index=True),
    stream=Column(String, nullable=False),
    record=Column(String, nullable=False),
    source_id=Column(String),
    code=Column(String, nullable=False),
    reason=Column(String, nullable=False),
    raw=Column(JSON, nullable=False),
    run_id=Column(String, nullable=False),
    first_rejected_at=Column(Instant, nullable=False),
    rejected_at=Column(Instant, nullable=False),
    attempts=Column(Integer, nullable=False, default=1),
)

RUN = _define(
    "run",
    id=Column(String, primary_key=True),
    command=Column(String, nullable=False),
    started_at=Column(Instant, nullable=False, index=True),
    ended_at=Column(Instant),
    status=Column(String, nullable=False),
    error=Column(String),
    writes=Column(JSON, nullable=False, default=dict),
)

RUN_STREAM = _define(
    "run_stream",
    run_id=Column(String, primary_key=True),
    source=Column(String, primary_key=True),
    stream=Column(String, primary_key=True),
    tables=Column(JSON, nullable=False, default=list),
    status=Column(String, nullable=False),
    ended_at=Column(Instant, nullable=False),
    records=Column(Integer, nullable=False, default=0),
    changed=Column(Integer, nullable=False, default=0),
    rejected=Column(Integer, nullable=False, default=0),
    deleted=Column(Integer, nullable=False, default=0),
    requests=Column(Integer, nullable=False, default=0),
    waited_seconds=Column(Float, nullable=False, default=0.0),
    error=Column(String),
)

SCHEDULE_SLOT = _define(
    "schedule_slot",
    job=Column(String, primary_key=True),
    slot=Column(Instant, primary_key=True),
    status=Column(String, nullable=False),
    holder=Column(String, nullable=False),
    claimed_at=Column(Instant, nullable=False),
    ended_at=Column(Instant),
)

SOURCE_ACCOUNT = _define(
    "source_account",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    name=Column(String),
    domain=Column(String),
    extra_domains=Column(JSON, nullable=False, default=list),
    external_key=Column(String),
    email=Column(String),
    owner_source_id=Column(String),
    attributes=Column(JSON, nullable=False, default=dict),
    created_at=Column(Instant),
    last_contacted_at=Column(Instant),
    is_test=Column(Boolean, nullable=False, default=False),
    url=Column(String),
)

SOURCE_CONTACT = _define(
    "source_contact",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    account_source_id=Column(String, index=True),
    email=Column(String),
    extra_emails=Column(JSON, nullable=False, default=list),
    external_key=Column(String),
    name=Column(String),
    role=Column(String),
    created_at=Column(Instant),
)

STREAM_STATE = _define(
    "stream_state",
    source=Column(String, primary_key=True),
    stream=Column(String, primary_key=True),
    partition=Column(String, primary_key=True),
    cursor=Column(JSON, nullable=False),
    resume=Column(JSON, nullable=False),
    since=Column(Instant),
    until=Column(Instant),
    backfill=Column(Boolean, nullable=False, default=False),
    records=Column(Integer, nullable=False, default=0),
    done=Column(Boolean, nullable=False, default=False),
    opened_at=Column(Instant, nullable=False),
    updated_at=Column(Instant, nullable=False),
    run_id=Column(String, nullable=False),
)

SUBSCRIPTION = _define(
    "subscription",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    account_source_id=Column(String, nullable=False, index=True),
    status=Column(String, nullable=False, default="active"),
    started_at=Column(Instant, nullable=False),
    trial_start=Column(Instant),
    trial_end=Column(Instant),
    cancel_at=Column(Instant),
    canceled_at=Column(Instant),
    ended_at=Column(Instant),
    cancel_reason=Column(String),
    collection_paused=Column(String),
    paused_at=Column(Instant),
    resumes_at=Column(Instant),
    currency=Column(String, nullable=False),
    url=Column(String),
)

SUBSCRIPTION_CHANGE = _define(
    "subscription_change",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    subscription_source_id=Column(String, nullable=False, index=True),
    happened_at=Column(Instant, nullable=False),
    before=Column(JSON, nullable=False),
    after=Column(JSON),
)

SUBSCRIPTION_ITEM = _define(
    "subscription_item",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    valid_from=Column(Instant, primary_key=True),
    valid_to=Column(Instant),
    subscription_source_id=Column(String, nullable=False, index=True),
    product=Column(String),
    price=Column(String),
    unit_amount=Column(ExactDecimal),
    quantity=Column(ExactDecimal, nullable=False, default=Decimal("1")),
    interval=Column(String, nullable=False, default="month"),
    interval_count=Column(Integer, nullable=False, default=1),
    usage_type=Column(String, nullable=False, default="licensed"),
    tiers=Column(JSON),
    divide_by=Column(Integer),
    divide_round=Column(String),
    inclusive_tax_percent=Column(ExactDecimal),
    is_snapshot=Column(Boolean, nullable=False, default=False),
)

SUPPRESSION = _define(
    "suppression",
    digest=Column(String, primary_key=True),
    kind=Column(String, nullable=False),
    salt=Column(String, nullable=False),
    replacement=Column(String, nullable=False),
    since=Column(Instant, nullable=False),
)

SURVEY_RESPONSE = _define(
    "survey_response",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    account_source_id=Column(String, index=True),
    contact_source_id=Column(String, index=True),
    kind=Column(String, nullable=False),
    survey=Column(String),
    score=Column(Float),
    scale_min=Column(Float),
    scale_max=Column(Float),
    higher_is_better=Column(Boolean, nullable=False, default=True),
    comment=Column(String),
    answered_at=Column(Instant, nullable=False, index=True),
)

TABLE_PROFILE = _define(
    "table_profile",
    source=Column(String, primary_key=True),
    record=Column(String, primary_key=True),
    profiles=Column(JSON, nullable=False, default=list),
)

TICKET = _define(
    "ticket",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    account_source_id=Column(String, index=True),
    contact_source_id=Column(String, index=True),
    subject=Column(String),
    topic=Column(String),
    tags=Column(JSON, nullable=False, default=list),
    channel=Column(String),
    priority=Column(String),
    status=Column(String, nullable=False, default="open"),
    opened_at=Column(Instant, nullable=False, index=True),
    first_reply_at=Column(Instant),
    solved_at=Column(Instant),
    closed_at=Column(Instant),
    agent_replies=Column(Integer),
    reopens=Column(Integer),
    transfers=Column(Integer),
    url=Column(String),
)

USAGE_DAY = _define(
    "usage_day",
    source=Column(String, primary_key=True),
    source_id=Column(String, primary_key=True),
    updated_at=Column(Instant),
    first_seen_at=Column(Instant),
    last_seen_at=Column(Instant),
    changed_at=Column(Instant, nullable=False, index=True),
    deleted_at=Column(Instant),
    row_hash=Column(Digest, nullable=False),
    raw=Column(JSON(none_as_null=True)),
    account_source_id=Column(String, index=True),
    contact_source_id=Column(String, index=True),
    day=Column(Date, nullable=False, index=True),
    events=Column(Integer, nullable=False, default=0),
    sessions=Column(Integer),
    seconds=Column(Integer),
)

WRITE_LEDGER = _define(
    "write_ledger",
    destination=Column(String, primary_key=True),
    object=Column(String, primary_key=True),
    key=Column(String, primary_key=True),
    account_id=Column(String, nullable=False, index=True),
    remote_id=Column(String),
    status=Column(String, nullable=False),
    fields=Column(JSON, nullable=False, default=dict),
    intent=Column(JSON),
    intent_at=Column(Instant),
    receipt_at=Column(Instant),
    code=Column(String),
    reason=Column(String),
    attempts=Column(Integer, nullable=False, default=0),
    run_id=Column(String),
)

add_history_tables(METADATA)
leave_out_rowids(METADATA)

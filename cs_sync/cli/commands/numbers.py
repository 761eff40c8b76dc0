"""Commands that answer with numbers: metrics, mrr, reconcile, score, explain."""

from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cs_sync.cli.options import Options

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo

Grain = Literal["day", "week", "month", "quarter", "year"]
Stage = Literal["onboarding", "retention", "expansion"]
Strategy = Literal["stability", "product-market fit", "profitability"]
Family = Literal["commercial", "engagement", "technical", "lead management", "customer ROI"]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]
KnownAt = Annotated[
    str | None, typer.Option(help="As it was known then: a day, or an instant (ISO 8601).")
]
By = Annotated[
    list[str] | None, typer.Option(help="Split by this attribute of accounts; may be repeated.")
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("metrics")(metrics)
    app.command("mrr")(mrr)
    app.command("reconcile")(reconcile)
    app.command("score")(score)
    app.command("explain")(explain)


def metrics(
    context: typer.Context,
    as_of: Day = None,
    since: Day = None,
    until: Day = None,
    known_at: KnownAt = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Only this metric, by any of its names, as ndr; may be repeated."),
    ] = None,
    grain: Grain = "month",
    by: By = None,
    policy: Annotated[
        list[str] | None, typer.Option(help="Under this MRR policy; may be repeated.")
    ] = None,
    stage: Annotated[Stage | None, typer.Option(help="Metrics of this stage.")] = None,
    strategy: Annotated[Strategy | None, typer.Option(help="Metrics of this strategy.")] = None,
    family: Annotated[
        Family | None,
        typer.Option(case_sensitive=False, help="Metrics of this family of product figures."),
    ] = None,
) -> None:
    """KPIs of the last whole period, or of every whole period from --since to --until."""
    from cs_sync.cli.output import write_rows
    from cs_sync.cli.tables import METRIC_FIELDS, metrics_table
    from cs_sync.jobs.metrics import metrics as compute

    if as_of and (since or until):
        raise typer.BadParameter("--as-of does not go with --since and --until")
    options: Options = context.obj
    with options.workspace() as workspace:
        rows = compute(
            workspace,
            as_of=day_of(as_of),
            since=day_of(since),
            until=day_of(until),
            known_at=instant_of(known_at, workspace.config.workspace.timezone),
            names=metric or (),
            grain=grain,
            by=by or (),
            policies=policy or (),
            stage=stage,
            strategy=strategy,
            family=family,
        )
    write_rows(options.format, rows, METRIC_FIELDS, metrics_table)


def mrr(
    context: typer.Context,
    since: Day = None,
    until: Day = None,
    grain: Grain = "month",
    by: By = None,
    currency: Annotated[str | None, typer.Option(help="Convert all to this one.")] = None,
) -> None:
    """MRR movements and the bridge from opening to closing, in each currency."""
    from cs_sync.cli.output import write_rows
    from cs_sync.cli.tables import MRR_FIELDS, mrr_table
    from cs_sync.jobs.metrics import mrr as compute

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = compute(
            workspace,
            since=day_of(since),
            until=day_of(until),
            grain=grain,
            by=by or (),
            currency=currency,
        )
    write_rows(options.format, rows, MRR_FIELDS, mrr_table)


def reconcile(
    context: typer.Context,
    month: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m"], help="Such as 2026-01; default: the last whole month."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also the accounts whose MRR ties.")
    ] = False,
) -> None:
    """Compare MRR with the invoices: which accounts do not tie, and why."""
    from cs_sync.cli.output import write_rows
    from cs_sync.cli.tables import RECONCILE_FIELDS, reconcile_table
    from cs_sync.jobs.reconcile import reconcile as compare

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = compare(workspace, month=day_of(month), everything=everything)
    write_rows(options.format, rows, RECONCILE_FIELDS, reconcile_table)


def score(
    context: typer.Context,
    as_of: Day = None,
    known_at: KnownAt = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The changes of band on record since this day."),
    ] = None,
) -> None:
    """Every account's health, worst first; with --since, who changed bands."""
    from cs_sync.cli.output import write_rows
    from cs_sync.cli.tables import SCORE_FIELDS, scores_table
    from cs_sync.jobs.score import migrations
    from cs_sync.jobs.score import score as compute

    if since and (as_of or known_at):
        raise typer.BadParameter("--since does not go with --as-of and --known-at")
    options: Options = context.obj
    with options.workspace() as workspace:
        if since:
            moved = migrations(workspace, since=since.date())
            write_rows(options.format, moved, ("account", "name", "as_of", "from", "to", "score"))
            return
        moment = instant_of(known_at, workspace.config.workspace.timezone)
        rows = compute(workspace, as_of=day_of(as_of), known_at=moment)
    write_rows(options.format, rows, SCORE_FIELDS, scores_table)


def explain(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="Its id, name or domain.")],
    as_of: Day = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="What changed since this day.")
    ] = None,
    known_at: KnownAt = None,
) -> None:
    """Why an account has its score, what changed, and what is to be done."""
    from cs_sync.cli.explaining import explanation
    from cs_sync.cli.output import console, write_rows
    from cs_sync.cli.tables import SCORE_FIELDS
    from cs_sync.jobs.explain import explain as compute

    options: Options = context.obj
    with options.workspace() as workspace:
        moment = instant_of(known_at, workspace.config.workspace.timezone)
        detail = compute(
            workspace, account, as_of=day_of(as_of), since=day_of(since), known_at=moment
        )
    if options.format == "table":
        explanation(console(), detail)
    else:
        write_rows(options.format, [detail], SCORE_FIELDS)


def day_of(moment: datetime | None) -> "date | None":
    """The day of an option, if it was given."""
    return moment.date() if moment else None


def instant_of(text: str | None, zone: "ZoneInfo") -> datetime | None:
    """A day (its midnight) or an instant, in the reporting zone unless it says another."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a day nor an ISO 8601 instant") from None
    if len(text) <= len("2026-01-31"):
        moment = datetime.combine(moment, time())
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)

"""Commands that compute: metrics, mrr, reconcile, score, explain."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cs_sync.cli.days import Day, KnownAt, parse_day, parse_instant, parse_month
from cs_sync.cli.options import Options

if TYPE_CHECKING:
    from cs_sync.runtime.workspace import Workspace

Grain = Literal["day", "week", "month", "quarter", "year"]
Stage = Literal["onboarding", "retention", "expansion"]
Strategy = Literal["stability", "product-market fit", "profitability"]
Family = Literal["commercial", "engagement", "technical", "lead management", "customer ROI"]
By = Annotated[
    list[str] | None, typer.Option(help="Split by this attribute of accounts; may be repeated.")
]

Names = Annotated[
    list[str] | None,
    typer.Option(help="Only this metric, by name or alias; may be repeated."),
]
Policies = Annotated[list[str] | None, typer.Option(help="Use this MRR policy; may be repeated.")]
ProductFamily = Annotated[
    Family | None,
    typer.Option(case_sensitive=False, help="Metrics of this family of product figures."),
]
Publish = Annotated[
    bool, typer.Option("--publish", help="Also store these months for BI (view cs_kpi).")
]
Engine = Annotated[
    str | None,
    typer.Option(
        help="Compute over an export: in duckdb, clickhouse or spark, with --export, or at the URL"
        " that was exported to."
    ),
]
Export = Annotated[
    Path | None,
    typer.Option("--export", help="Folder of the export, for --engine."),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("metrics")(show_metrics)
    app.command("mrr")(show_mrr)
    app.command("reconcile")(show_reconciliation)
    app.command("score")(show_scores)
    app.command("explain")(show_explanation)


_PUBLISH_ALONE = (
    "--publish stores whole months in the workspace, as known now and under your policy:"
    " leave out --engine, --known-at, --by, --policy and --grain"
)


def show_metrics(
    context: typer.Context,
    as_of: Day = None,
    since: Day = None,
    until: Day = None,
    known_at: KnownAt = None,
    metric: Names = None,
    grain: Grain = "month",
    by: By = None,
    policy: Policies = None,
    stage: Annotated[Stage | None, typer.Option(help="Metrics of this stage.")] = None,
    strategy: Annotated[Strategy | None, typer.Option(help="Metrics of this strategy.")] = None,
    family: ProductFamily = None,
    publish: Publish = False,
    engine: Engine = None,
    export: Export = None,
) -> None:
    """Show KPIs of the last complete period, or of --since to --until."""
    from cs_sync.cli.render.tables import METRIC_FIELDS, metrics_table
    from cs_sync.queries.metrics import MetricRequest
    from cs_sync.queries.metrics import query_metrics as compute

    if as_of and (since or until):
        raise typer.BadParameter("--as-of does not go with --since and --until")
    if publish and (known_at or by or policy or engine or grain != "month"):
        raise typer.BadParameter(_PUBLISH_ALONE)
    options: Options = context.obj
    with _open_books(options, engine, export, policy or ()) as workspace:
        request = MetricRequest(
            as_of=as_of,
            since=since,
            until=until,
            known_at=parse_instant(known_at, workspace.config.workspace.timezone),
            names=metric or (),
            grain=grain,
            by=by or (),
            policies=policy or (),
            stage=stage,
            strategy=strategy,
            family=family,
        )
        if publish:
            from cs_sync.jobs.publish_figures import publish_kpis

            publish_kpis(workspace, request)
        rows = compute(workspace, request)
    options.print_rows(rows, METRIC_FIELDS, metrics_table)


@contextmanager
def _open_books(
    options: Options, engine: str | None, export: Path | None, policies: Sequence[str] = ()
) -> "Iterator[Workspace]":
    """Open an export, or the workspace with its MRR up to date."""
    from cs_sync.jobs.derive import update_mrr

    if (engine is None or "://" in engine) != (export is None):
        raise typer.BadParameter(
            "--engine and --export go together, as in --engine duckdb --export DIR; a URL, as in"
            " --engine postgresql://HOST/DATABASE, goes alone"
        )
    if engine:
        with options.exported_workspace(engine, export) as exported:
            yield exported
        return
    with options.workspace() as workspace:
        update_mrr(workspace, policies)
        yield workspace


def show_mrr(
    context: typer.Context,
    since: Day = None,
    until: Day = None,
    grain: Grain = "month",
    by: By = None,
    currency: Annotated[
        str | None, typer.Option(help="Convert all amounts to this currency.")
    ] = None,
    engine: Engine = None,
    export: Export = None,
) -> None:
    """Show MRR movements from opening to closing, per currency."""
    from cs_sync.cli.render.tables import MRR_FIELDS, mrr_table
    from cs_sync.jobs.close_months import close_shown_months
    from cs_sync.queries.metrics import query_mrr as compute

    options: Options = context.obj
    with _open_books(options, engine, export) as workspace:
        if engine is None:
            close_shown_months(workspace, since=since, until=until, grain=grain)
        rows = compute(
            workspace,
            since=since,
            until=until,
            grain=grain,
            by=by or (),
            currency=currency,
        )
    options.print_rows(rows, MRR_FIELDS, mrr_table)


def show_reconciliation(
    context: typer.Context,
    month: Annotated[
        date | None,
        typer.Option(
            parser=parse_month,
            metavar="MONTH",
            help="Month, e.g. 2026-01; default: the last complete month.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Include accounts whose MRR ties.")
    ] = False,
) -> None:
    """Compare MRR with invoices and explain the differences."""
    from cs_sync.cli.render.tables import RECONCILE_FIELDS, reconcile_table
    from cs_sync.jobs.derive import update_mrr
    from cs_sync.queries.reconcile import list_differences as compare

    options: Options = context.obj
    with options.workspace() as workspace:
        update_mrr(workspace)
        rows = compare(workspace, month=month, everything=everything)
    options.print_rows(rows, RECONCILE_FIELDS, reconcile_table)


def show_scores(
    context: typer.Context,
    as_of: Day = None,
    known_at: KnownAt = None,
    since: Annotated[
        date | None,
        typer.Option(parser=parse_day, metavar="DAY", help="Show changes of band since this day."),
    ] = None,
) -> None:
    """Show accounts' health, worst first; with --since, changes of band."""
    from cs_sync.cli.render.tables import OUTLOOK_FIELDS, SCORE_FIELDS, scores_table
    from cs_sync.queries.health_model import describe_left_out, read_health_model
    from cs_sync.queries.outlook import list_scores_with_outlook as compute
    from cs_sync.queries.score import list_band_changes

    if since and (as_of or known_at):
        raise typer.BadParameter("--since does not go with --as-of and --known-at")
    options: Options = context.obj
    with options.workspace() as workspace:
        if since:
            moved = list_band_changes(workspace, since=since)
            options.print_rows(moved, ("account", "name", "as_of", "from", "to", "score"))
            return
        moment = parse_instant(known_at, workspace.config.workspace.timezone)
        rows = compute(workspace, as_of=as_of, known_at=moment)
        left_out = describe_left_out(workspace, read_health_model(workspace, moment))
    options.print_rows(rows, (*SCORE_FIELDS, *OUTLOOK_FIELDS), scores_table)
    if left_out and not options.quiet:
        typer.echo(left_out, err=True)


def show_explanation(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="Account id, name or domain.")],
    as_of: Day = None,
    since: Annotated[
        date | None,
        typer.Option(parser=parse_day, metavar="DAY", help="Show changes since this day."),
    ] = None,
    known_at: KnownAt = None,
) -> None:
    """Explain an account's score, its changes and next steps."""
    from cs_sync.cli.output import make_console
    from cs_sync.cli.render.explain import print_explanation
    from cs_sync.cli.render.tables import SCORE_FIELDS
    from cs_sync.queries.explain import explain_score as compute

    options: Options = context.obj
    with options.workspace() as workspace:
        moment = parse_instant(known_at, workspace.config.workspace.timezone)
        detail = compute(workspace, account, as_of=as_of, since=since, known_at=moment)
    if options.format == "table":
        print_explanation(make_console(), detail, options.words)
    else:
        options.print_rows([detail], SCORE_FIELDS)

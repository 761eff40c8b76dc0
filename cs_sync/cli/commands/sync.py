"""Commands that read the sources: sync, run, rejects."""

from typing import TYPE_CHECKING, Annotated

import typer

from cs_sync.cli.days import Day
from cs_sync.cli.options import Options

if TYPE_CHECKING:
    from cs_sync.runtime.run_result import RunSummary


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("sync")(sync_sources)
    app.command("run")(run_pipeline)
    rejects = typer.Typer(no_args_is_help=True, help="List and retry rejected records.")
    rejects.command("list")(list_rejects)
    rejects.command("retry")(retry_rejects)
    app.add_typer(rejects, name="rejects")


def sync_sources(
    context: typer.Context,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this connector; may be repeated.")
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Read everything again; soft-delete records that are missing.",
        ),
    ] = False,
    allow_deletions: Annotated[
        bool,
        typer.Option("--allow-deletions", help="Soft-delete even unusually many records."),
    ] = False,
    since: Day = None,
    until: Day = None,
) -> None:
    """Read new data from every source, or a range once more."""
    from cs_sync.jobs.sync import sync_workspace as run_sync

    if full and (since or until):
        raise typer.BadParameter("--full does not go with --since and --until")
    options: Options = context.obj
    with options.workspace() as workspace:
        summary = run_sync(
            workspace,
            only=only or (),
            full=full,
            allow_deletions=allow_deletions,
            since=since,
            until=until,
        )
    exit_with_summary(options, summary)


def run_pipeline(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Stop before writing to the CRM.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Write even when unusually many accounts change.")
    ] = False,
) -> None:
    """Run the whole job: sync, metrics, scores, plan, push, report."""
    from cs_sync.cli.output import make_console
    from cs_sync.cli.render.run_output import build_summary_row, print_run_report
    from cs_sync.cli.render.tables import RUN_FIELDS
    from cs_sync.jobs.run import run_pipeline as run_job

    options: Options = context.obj
    with options.workspace() if dry_run else options.workspace_of_run() as workspace:
        report = run_job(workspace, dry_run=dry_run, yes=yes)
    if options.quiet:
        echo_problems(report.summary, *report.failures)
    if options.format != "table":
        row = {**build_summary_row(report.summary), "bands": report.bands}
        options.print_rows([row], RUN_FIELDS)
        for note in () if options.quiet else report.notes:
            typer.echo(note, err=True)
    elif not options.quiet:
        print_run_report(make_console(), report, options.words)
    raise typer.Exit(report.summary.exit_code)


def list_rejects(context: typer.Context) -> None:
    """List rejected records, with reason and raw data."""
    from cs_sync.cli.render.tables import rejects_table
    from cs_sync.queries.rejects import list_rejects as listed

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = listed(workspace)
    options.print_rows(rows, tuple(rows[0]) if rows else (), rejects_table)


def retry_rejects(context: typer.Context) -> None:
    """Retry to store rejected records."""
    from cs_sync.jobs.retry_rejects import retry_rejects as retried

    options: Options = context.obj
    with options.workspace() as workspace:
        summary = retried(workspace)
    exit_with_summary(options, summary)


def exit_with_summary(options: Options, summary: "RunSummary") -> None:
    """Print a run's summary and exit with its code."""
    print_summary(options, summary)
    raise typer.Exit(summary.exit_code)


def print_summary(options: Options, summary: "RunSummary") -> None:
    """Print a run's summary; with --quiet only what went wrong."""
    from cs_sync.cli.output import make_console
    from cs_sync.cli.render.run_output import build_summary_row, print_run_summary
    from cs_sync.cli.render.tables import RUN_FIELDS

    if not options.prints_result:
        echo_problems(summary)
    elif options.format == "table":
        print_run_summary(make_console(), summary, options.words)
    else:
        options.print_rows([build_summary_row(summary)], RUN_FIELDS)
        if summary.message and not options.quiet:
            typer.echo(summary.message, err=True)
        elif options.quiet:
            echo_problems(summary)


def echo_problems(summary: "RunSummary", *failures: str) -> None:
    """Print what went wrong in a run, and what else failed.

    They go to standard error.
    """
    from cs_sync.cli.render.formatting import strip_control_characters

    problems = [summary.message] if summary.status != "ok" and summary.message else []
    for problem in (*problems, *failures):
        typer.echo(strip_control_characters(problem), err=True)

"""Commands that read the sources: sync, run, and what could not be stored."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cs_sync.cli.options import Options

if TYPE_CHECKING:
    from cs_sync.jobs.summary import RunSummary

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("sync")(sync)
    app.command("run")(run)
    rejects = typer.Typer(no_args_is_help=True, help="Records that could not be stored.")
    rejects.command("list")(list_rejects)
    rejects.command("retry")(retry_rejects)
    app.add_typer(rejects, name="rejects")


def sync(
    context: typer.Context,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this connector; may be repeated.")
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Read everything again, and confirm that what is no longer there is gone.",
        ),
    ] = False,
    since: Day = None,
    until: Day = None,
) -> None:
    """Read what is new from every source; --since and --until read a range again."""
    from cs_sync.jobs.sync import sync as run_sync

    options: Options = context.obj
    with options.workspace() as workspace:
        summary = run_sync(
            workspace,
            only=only or (),
            full=full,
            since=since.date() if since else None,
            until=until.date() if until else None,
        )
    end(options, summary)


def run(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Stop before anything is written to the CRM.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Write even when unusually many accounts change.")
    ] = False,
) -> None:
    """The scheduled job: sync, metrics, scores, plan, push, report."""
    from cs_sync.cli.output import console, write_rows
    from cs_sync.cli.show import run_report, summary_row
    from cs_sync.cli.tables import RUN_FIELDS
    from cs_sync.jobs.run import run as run_job

    options: Options = context.obj
    with options.workspace() as workspace:
        report = run_job(workspace, dry_run=dry_run, yes=yes)
    if options.format == "table":
        run_report(console(), report)
    else:
        write_rows(options.format, [summary_row(report.summary)], RUN_FIELDS)
        for note in report.notes:
            typer.echo(note, err=True)
    raise typer.Exit(report.summary.exit_code)


def list_rejects(context: typer.Context) -> None:
    """What waits, with its reason and as it was received."""
    from cs_sync.cli.output import write_rows
    from cs_sync.cli.tables import rejects_table
    from cs_sync.jobs.rejects import list_rejects as listed

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = listed(workspace)
    write_rows(options.format, rows, tuple(rows[0]) if rows else (), rejects_table)


def retry_rejects(context: typer.Context) -> None:
    """Try to store them again."""
    from cs_sync.jobs.rejects import retry_rejects as retried

    options: Options = context.obj
    with options.workspace() as workspace:
        summary = retried(workspace)
    end(options, summary)


def end(options: Options, summary: "RunSummary") -> None:
    """Show what a run did, and end with its exit code."""
    from cs_sync.cli.output import console, write_rows
    from cs_sync.cli.show import run_summary, summary_row
    from cs_sync.cli.tables import RUN_FIELDS

    if options.format == "table":
        run_summary(console(), summary)
    else:
        write_rows(options.format, [summary_row(summary)], RUN_FIELDS)
        if summary.message:
            typer.echo(summary.message, err=True)
    raise typer.Exit(summary.exit_code)

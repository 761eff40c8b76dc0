"""Commands that look at the workspace itself: runs, state, accounts."""

from typing import Annotated

import typer

from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("accounts")(accounts)
    app.command("runs")(runs)
    state = typer.Typer(no_args_is_help=True, help="Where each stream stands.")
    state.command("show")(show_state)
    state.command("reset")(reset_state)
    app.add_typer(state, name="state")


def accounts(
    context: typer.Context,
    conflicts: Annotated[
        bool, typer.Option("--conflicts", help="Records that no rule could place.")
    ] = False,
) -> None:
    """The accounts, and which records of the sources they are."""
    from cs_sync.cli.output import write_rows
    from cs_sync.jobs.accounts import accounts as listed

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = listed(workspace, conflicts=conflicts)
    write_rows(options.format, rows, tuple(rows[0]) if rows else ())


def runs(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
) -> None:
    """What past runs did."""
    from cs_sync.cli.output import write_rows
    from cs_sync.cli.tables import RUN_FIELDS, runs_table
    from cs_sync.jobs.runs import runs as listed

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = listed(workspace, limit)
    write_rows(options.format, rows, RUN_FIELDS, runs_table)


def show_state(context: typer.Context) -> None:
    """The cursors and open windows."""
    from cs_sync.cli.output import write_rows
    from cs_sync.jobs.state import show

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = show(workspace)
    write_rows(options.format, rows, tuple(rows[0]) if rows else ())


def reset_state(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="Name of the connector.")],
    stream: Annotated[str | None, typer.Argument(help="Only this stream.")] = None,
) -> None:
    """Forget where a source stands, so that its next sync reads everything again."""
    from cs_sync.jobs.state import reset

    options: Options = context.obj
    with options.workspace() as workspace:
        reset(workspace, source, stream)
    if not options.quiet:
        typer.echo(f"{source} {stream or '(all streams)'} starts over at the next sync", err=True)

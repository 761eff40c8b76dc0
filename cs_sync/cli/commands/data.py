"""Commands on all stored data: forget and export."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("forget")(forget_person)
    app.command("export")(export_tables)


def forget_person(
    context: typer.Context,
    email: Annotated[str, typer.Argument(help="Any e-mail address of the person.")],
    yes: Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")] = False,
) -> None:
    """Erase a person from the store permanently; counts stay."""
    from cs_sync.jobs.erase import erase_person as run_forget

    if not yes and sys.stdin.isatty():
        typer.confirm("This cannot be undone. Erase this person?", abort=True, err=True)
    options: Options = context.obj
    with options.workspace() as workspace:
        done = run_forget(workspace, email)
    rows = [{"table": table, "rows": count} for table, count in done.rows.items()]
    options.print_rows(rows, ("table", "rows"))
    typer.echo(
        f"{done.addresses} e-mail addresses will never be stored again; "
        f"{done.searched} columns of text were searched for them and hold none",
        err=True,
    )
    for note in done.notes:
        typer.echo(note, err=True)


def export_tables(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Output folder; created if missing.")],
    kind: Annotated[
        Literal["parquet", "csv", "jsonl"], typer.Option("--format", help="Output format.")
    ] = "csv",
) -> None:
    """Export every table to a file, all as of one instant."""
    from cs_sync.export.export import export_tables as run_export

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = run_export(workspace.store, folder, kind, workspace.clock())
    options.print_rows(rows, ("table", "rows", "path"))

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
    folder: Annotated[
        Path | None, typer.Argument(help="Output folder; created if missing.")
    ] = None,
    kind: Annotated[
        Literal["parquet", "csv", "jsonl"] | None,
        typer.Option("--format", help="Output format; csv by default."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            help="Instead of a folder: postgresql://USER@HOST/DATABASE?schema=NAME, or"
            " duckdb:///FILE."
        ),
    ] = None,
) -> None:
    """Export every table to files or a database, as of one instant."""
    from cs_sync.export.export import export_tables as run_export
    from cs_sync.export.to_url import export_to_url

    if (folder is None) == (to is None):
        raise typer.BadParameter("name a folder, or a database with --to")
    if to and kind:
        raise typer.BadParameter("--format is of files, and does not go with --to")
    options: Options = context.obj
    with options.workspace() as workspace:
        store, now = workspace.store, workspace.clock()
        if to:
            rows = export_to_url(store, to, now)
        else:
            rows = run_export(store, folder or Path(), kind or "csv", now)
    options.print_rows(rows, ("table", "rows") if to else ("table", "rows", "path"))

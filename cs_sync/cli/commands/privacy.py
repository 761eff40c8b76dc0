"""The command that erases: forget."""

import sys
from typing import Annotated

import typer

from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command("forget")(forget)


def forget(
    context: typer.Context,
    email: Annotated[str, typer.Argument(help="Any e-mail address of the person.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
) -> None:
    """Erase a person everywhere in the store, for good; counts stay as they are."""
    from cs_sync.cli.output import write_rows
    from cs_sync.jobs.forget import forget as run_forget

    if not yes and sys.stdin.isatty():
        typer.confirm("This cannot be undone. Erase this person?", abort=True, err=True)
    options: Options = context.obj
    with options.workspace() as workspace:
        done = run_forget(workspace, email)
    rows = [{"table": table, "rows": count} for table, count in done.rows.items()]
    write_rows(options.format, rows, ("table", "rows"))
    typer.echo(
        f"{done.addresses} e-mail addresses will never be stored again; "
        f"{done.searched} columns of text were searched for them and hold none",
        err=True,
    )
    for note in done.notes:
        typer.echo(note, err=True)

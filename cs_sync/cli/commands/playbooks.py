"""Commands on playbooks."""

from typing import Annotated

import typer

from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("playbooks")(show_playbooks)


def show_playbooks(
    context: typer.Context,
    holdout: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=0.99, help="Show what a holdout of this share would need, and by when."
        ),
    ] = None,
) -> None:
    """Show playbooks' follow-ups, the accounts' outcomes and holdouts."""
    from cs_sync.cli.render.outcomes import PLAYBOOK_FIELDS, playbooks_table
    from cs_sync.queries.playbooks import list_playbook_outcomes as summarised

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = summarised(workspace, holdout)
    options.print_rows(rows, PLAYBOOK_FIELDS, playbooks_table)

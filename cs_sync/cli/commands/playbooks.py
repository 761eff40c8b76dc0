"""Commands on playbooks."""

import typer

from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("playbooks")(show_playbooks)


def show_playbooks(context: typer.Context) -> None:
    """Show playbooks' follow-ups and the accounts' outcomes."""
    from cs_sync.cli.render.outcomes import PLAYBOOK_FIELDS, playbooks_table
    from cs_sync.queries.playbooks import list_playbook_outcomes as summarised

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = summarised(workspace)
    options.print_rows(rows, PLAYBOOK_FIELDS, playbooks_table)

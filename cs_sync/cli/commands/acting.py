"""Commands about what is to be done: playbooks."""

import typer

from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("playbooks")(playbooks)


def playbooks(context: typer.Context) -> None:
    """What the playbooks led to, and what became of the accounts."""
    from cs_sync.cli.outcomes import PLAYBOOK_FIELDS, playbooks_table
    from cs_sync.cli.output import write_rows
    from cs_sync.jobs.playbooks import playbooks as summarised

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = summarised(workspace)
    write_rows(options.format, rows, PLAYBOOK_FIELDS, playbooks_table)

"""Commands on churn: analyse cohorts."""

from typing import Annotated

import typer

from cs_sync.cli.days import parse_month
from cs_sync.cli.options import Options


def add_to(analyse: typer.Typer) -> None:
    """Add these commands to the group."""
    analyse.command("cohorts")(show_cohorts)


def show_cohorts(
    context: typer.Context,
    since: Annotated[
        str | None,
        typer.Option(metavar="MONTH", help="The first month, like 2026-01; a year ago by default."),
    ] = None,
) -> None:
    """Show retention of accounts and MRR by month of the first MRR."""
    from cs_sync.cli.render.cohorts import COHORT_FIELDS, cohorts_table
    from cs_sync.jobs.derive import update_mrr
    from cs_sync.queries.cohorts import list_cohorts

    options: Options = context.obj
    month = None if since is None else parse_month(since)
    with options.workspace() as workspace:
        update_mrr(workspace)
        rows = list_cohorts(workspace, month)
    options.print_rows(rows, COHORT_FIELDS, cohorts_table)

"""Commands on churn: analyse causes, cohorts, load, loss."""

from typing import Annotated

import typer

from cs_sync.cli.days import parse_month
from cs_sync.cli.options import Options


def add_to(analyse: typer.Typer) -> None:
    """Add these commands to the group."""
    analyse.command("causes")(show_causes)
    analyse.command("cohorts")(show_cohorts)
    analyse.command("load")(show_load)
    analyse.command("loss")(show_loss)


def show_causes(
    context: typer.Context,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Also compare by this attribute of accounts; may be repeated."),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(min=14, max=730, help="Days in which an account may leave; as configured."),
    ] = None,
) -> None:
    """Show what goes before churn: cross-tabs, drivers and survival."""
    from cs_sync.cli.render.causes import CAUSE_FIELDS, causes_table
    from cs_sync.jobs.derive import update_mrr
    from cs_sync.queries.causes import CauseRequest, list_causes

    options: Options = context.obj
    with options.workspace() as workspace:
        update_mrr(workspace)
        rows = list_causes(workspace, CauseRequest(by or (), horizon))
    options.print_rows(rows, CAUSE_FIELDS, causes_table)


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


def show_load(
    context: typer.Context,
    moves: Annotated[
        bool, typer.Option("--moves", help="Show proposals to move accounts; none is applied.")
    ] = False,
) -> None:
    """Show accounts, money at risk and capacity per owner."""
    from cs_sync.cli.render.load import LOAD_FIELDS, MOVE_FIELDS, load_table, moves_table
    from cs_sync.jobs.derive import update_mrr
    from cs_sync.queries.load import list_load, list_moves

    options: Options = context.obj
    with options.workspace() as workspace:
        update_mrr(workspace)
        rows = list_moves(workspace) if moves else list_load(workspace)
    if moves:
        options.print_rows(rows, MOVE_FIELDS, moves_table)
    else:
        options.print_rows(rows, LOAD_FIELDS, load_table)


def show_loss(
    context: typer.Context,
    horizon: Annotated[
        int | None,
        typer.Option(min=14, max=730, help="Days ahead; by default [foresight] horizon_days."),
    ] = None,
) -> None:
    """Show the MRR expected to be lost in the next horizon."""
    from cs_sync.cli.render.expected_loss import LOSS_FIELDS, loss_table
    from cs_sync.jobs.derive import update_mrr
    from cs_sync.queries.expected_loss import list_expected_loss

    options: Options = context.obj
    with options.workspace() as workspace:
        update_mrr(workspace)
        rows = list_expected_loss(workspace, horizon)
    options.print_rows(rows, LOSS_FIELDS, loss_table)

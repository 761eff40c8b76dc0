"""Commands on predictions: backtest, analyse fit."""

from typing import Annotated

import typer

from cs_sync.cli.days import Day
from cs_sync.cli.options import Options

Horizon = Annotated[
    int | None,
    typer.Option(min=14, max=730, help="Days ahead; by default [foresight] horizon_days."),
]


def add_to(app: typer.Typer, analyse: typer.Typer) -> None:
    """Add these commands to the application and to the group `analyse`."""
    app.command("backtest")(run_backtest)
    analyse.command("fit")(fit_models)


def run_backtest(
    context: typer.Context,
    horizon: Horizon = None,
    since: Day = None,
    bands: Annotated[
        bool, typer.Option("--bands", help="Per month end and band: how many left.")
    ] = False,
    red: Annotated[
        bool, typer.Option("--red", help="Who was red at the last judged month end, by name.")
    ] = False,
    leaks: Annotated[
        bool, typer.Option("--leaks", help="Each input as known then and as recorded today.")
    ] = False,
) -> None:
    """Judge health score and model on your own history."""
    from cs_sync.cli.render import backtest as shown
    from cs_sync.jobs.derive import update_mrr
    from cs_sync.queries import backtest as queries

    options: Options = context.obj
    if bands + red + leaks > 1:
        raise typer.BadParameter("give one of --bands, --red and --leaks")
    with options.workspace() as workspace:
        update_mrr(workspace)
        if red:
            rows = queries.list_red_accounts(workspace, horizon)
            options.print_rows(rows, shown.RED_FIELDS, shown.red_table)
            return
        read = queries.open_backtest(workspace, horizon, since, scored=not leaks)
        if bands:
            options.print_rows(queries.list_bands(read), shown.BAND_FIELDS, shown.bands_table)
        elif leaks:
            options.print_rows(queries.list_leaks(read), shown.LEAK_FIELDS, shown.leaks_table)
        else:
            rows = queries.list_verdicts(read)
            options.print_rows(rows, shown.BACKTEST_FIELDS, shown.backtest_table)


def fit_models(context: typer.Context, horizon: Horizon = None) -> None:
    """Fit models of who leaves, shrinks or grows."""
    from cs_sync.cli.render import backtest as shown
    from cs_sync.jobs.fit_model import fit_models as fit

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = fit(workspace, horizon)
    options.print_rows(rows, shown.FIT_FIELDS, shown.fit_table)

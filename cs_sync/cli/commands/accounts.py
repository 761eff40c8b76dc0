"""Commands on identity: accounts, conflicts, and manual decisions."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cs_sync.cli.options import Options

Named = Annotated[
    list[str], typer.Argument(help="Accounts, or records as id or source:id.", metavar="ACCOUNT …")
]
Reason = Annotated[str | None, typer.Option("--reason", help="Reason; stored with the decision.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(accounts)
    group.command("link")(record_link)
    group.command("split")(record_split)
    group.command("test")(mark_test_accounts)
    group.command("answers")(list_decisions)
    group.command("undo")(undo_decision)
    group.command("import")(import_decisions)
    app.add_typer(group, name="accounts")


def accounts(
    context: typer.Context,
    conflicts: Annotated[
        bool, typer.Option("--conflicts", help="List records that match several accounts.")
    ] = False,
    unattributed: Annotated[
        bool,
        typer.Option("--unattributed", help="List records without an account."),
    ] = False,
) -> None:
    """List accounts and their source records; link, split and test correct them."""
    if context.invoked_subcommand is not None:
        return

    if conflicts and unattributed:
        raise typer.BadParameter("--conflicts does not go with --unattributed")
    from cs_sync.cli.render.tables import accounts_table

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = (
            _list_unattributed(workspace)
            if unattributed
            else _list_accounts(workspace, conflicts=conflicts)
        )
    table = None if conflicts or unattributed else accounts_table
    options.print_rows(rows, tuple(rows[0]) if rows else (), table)


def _list_accounts(workspace: Any, *, conflicts: bool) -> list[dict[str, Any]]:
    from cs_sync.queries.accounts import list_accounts as listed

    return listed(workspace, conflicts=conflicts)


def _list_unattributed(workspace: Any) -> list[dict[str, Any]]:
    from cs_sync.queries.unattributed import list_unattributed as listed

    return listed(workspace)


def record_link(context: typer.Context, named: Named, reason: Reason = None) -> None:
    """Merge these accounts or records into one account; undo reverts it."""
    _record_decision(context, "link", named, reason, least=2)


def record_split(context: typer.Context, named: Named, reason: Reason = None) -> None:
    """Separate these accounts, or a record from its account."""
    _record_decision(context, "split", named, reason, least=1)


def mark_test_accounts(context: typer.Context, named: Named, reason: Reason = None) -> None:
    """Mark test accounts; metrics exclude them."""
    _record_decision(context, "test", named, reason, least=1)


def list_decisions(context: typer.Context) -> None:
    """List manual decisions, including reverted ones."""
    from cs_sync.jobs.identity_answers import list_answers as listed

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = listed(workspace)
    _print_decisions(options, rows)


def undo_decision(
    context: typer.Context,
    number: Annotated[
        int, typer.Argument(min=1, max=2**31, help="Number of the decision.", metavar="ANSWER")
    ],
) -> None:
    """Revert a decision: its records are linked as before."""
    from cs_sync.jobs.identity_answers import withdraw_answer as take_back

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = take_back(workspace, number)
    _print_decisions(options, rows)


def import_decisions(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="CSV, JSON or JSON Lines, as `accounts answers` prints them.")
    ],
) -> None:
    """Import manual decisions from a file, all or none."""
    from cs_sync.jobs.answer_import import import_answers

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = import_answers(workspace, file)
    _print_decisions(options, rows)


def _record_decision(
    context: typer.Context, kind: Any, named: list[str], reason: str | None, least: int
) -> None:
    if len(named) < least:
        raise typer.BadParameter(f"name at least {least} accounts or records", context)
    from cs_sync.jobs.identity_answers import record_answer

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = record_answer(workspace, kind, named, reason)
    _print_decisions(options, rows)


def _print_decisions(options: Options, rows: list[dict[str, Any]]) -> None:

    options.print_rows(rows, tuple(rows[0]) if rows else ())

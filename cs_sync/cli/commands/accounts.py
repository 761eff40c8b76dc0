"""Who is who: the accounts, what is open about them, and what a person answers."""

from typing import Annotated, Any

import typer

from cs_sync.cli.options import Options

Named = Annotated[
    list[str], typer.Argument(help="Accounts, or records as id or source:id.", metavar="ACCOUNT …")
]
Reason = Annotated[str | None, typer.Option("--reason", help="Why; it is kept.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(accounts)
    group.command("link")(link)
    group.command("split")(split)
    group.command("test")(mark_test)
    group.command("answers")(answers)
    group.command("undo")(undo)
    app.add_typer(group, name="accounts")


def accounts(
    context: typer.Context,
    conflicts: Annotated[
        bool, typer.Option("--conflicts", help="Records that could be several accounts.")
    ] = False,
    unattributed: Annotated[
        bool,
        typer.Option("--unattributed", help="Money, tickets, answers and use without an account."),
    ] = False,
) -> None:
    """The accounts, and which records of the sources they are; link, split and test answer."""
    if context.invoked_subcommand is not None:
        return
    from cs_sync.cli.output import write_rows

    if conflicts and unattributed:
        raise typer.BadParameter("--conflicts does not go with --unattributed")
    options: Options = context.obj
    with options.workspace() as workspace:
        rows = _unattributed(workspace) if unattributed else _listed(workspace, conflicts)
    write_rows(options.format, rows, tuple(rows[0]) if rows else ())


def _listed(workspace: Any, conflicts: bool) -> list[dict[str, Any]]:
    from cs_sync.jobs.accounts import accounts as listed

    return listed(workspace, conflicts=conflicts)


def _unattributed(workspace: Any) -> list[dict[str, Any]]:
    from cs_sync.jobs.unattributed import unattributed as listed

    return listed(workspace)


def link(context: typer.Context, named: Named, reason: Reason = None) -> None:
    """Say that these are one account; it is kept, and undo takes it back."""
    _answer(context, "link", named, reason, least=2)


def split(context: typer.Context, named: Named, reason: Reason = None) -> None:
    """Say that these are different accounts, or that a record is not the account it is in."""
    _answer(context, "split", named, reason, least=1)


def mark_test(context: typer.Context, named: Named, reason: Reason = None) -> None:
    """Say that these are test accounts: no figure counts them."""
    _answer(context, "test", named, reason, least=1)


def answers(context: typer.Context) -> None:
    """What was answered, also what was taken back."""
    from cs_sync.jobs.answering import answers as listed

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = listed(workspace)
    _write(options, rows)


def undo(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="Number of the answer.", metavar="ANSWER")],
) -> None:
    """Take an answer back: its records are linked as they were before."""
    from cs_sync.jobs.answering import undo as take_back

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = take_back(workspace, number)
    _write(options, rows)


def _answer(
    context: typer.Context, kind: Any, named: list[str], reason: str | None, least: int
) -> None:
    from cs_sync.jobs.answering import answer

    if len(named) < least:
        raise typer.BadParameter(f"name at least {least} accounts or records", context)
    options: Options = context.obj
    with options.workspace() as workspace:
        rows = answer(workspace, kind, named, reason)
    _write(options, rows)


def _write(options: Options, rows: list[dict[str, Any]]) -> None:
    from cs_sync.cli.output import write_rows

    write_rows(options.format, rows, tuple(rows[0]) if rows else ())

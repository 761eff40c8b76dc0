"""Commands that look for what is behind the numbers: analyse topics."""

from typing import Annotated

import typer

from cs_sync.cli.commands.numbers import Day, KnownAt, day_of, instant_of
from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    analyse = typer.Typer(no_args_is_help=True, help="What is behind the numbers.")
    analyse.callback()(_analyse)
    analyse.command("topics")(topics)
    app.add_typer(analyse, name="analyse")


def _analyse() -> None:
    """What is behind the numbers: what customers say."""


def topics(
    context: typer.Context,
    since: Day = None,
    until: Day = None,
    known_at: KnownAt = None,
    survey: Annotated[
        list[str] | None,
        typer.Option(help="Only answers to this survey (a name, nps, csat, ces); may be repeated."),
    ] = None,
    tickets: Annotated[bool, typer.Option(help="Subjects of tickets, too.")] = True,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Split by account, or by this attribute of accounts; may be repeated."),
    ] = None,
) -> None:
    """What customers write about, with their words: a year up to today, or since and until."""
    from cs_sync.cli.output import write_rows
    from cs_sync.cli.topics import TOPIC_FIELDS, topics_table
    from cs_sync.jobs.topics import said_topics

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = said_topics(
            workspace,
            since=day_of(since),
            until=day_of(until),
            known_at=instant_of(known_at, workspace.config.workspace.timezone),
            surveys=survey or (),
            tickets=tickets,
            by=by or (),
        )
    write_rows(options.format, rows, TOPIC_FIELDS, topics_table)

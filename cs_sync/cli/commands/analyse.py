"""Commands that analyse feedback and churn: analyse topics, cohorts."""

from typing import Annotated

import typer

from cs_sync.cli.commands import churn, foresight
from cs_sync.cli.days import Day, KnownAt, parse_instant
from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    analyse = typer.Typer(no_args_is_help=True, help="Analyse feedback and churn.")
    analyse.callback()(_analyse_group)
    analyse.command("topics")(show_topics)
    churn.add_to(analyse)
    foresight.add_to(app, analyse)
    app.add_typer(analyse, name="analyse")


def _analyse_group() -> None:
    """Analyse customers' feedback and churn."""


def show_topics(
    context: typer.Context,
    since: Day = None,
    until: Day = None,
    known_at: KnownAt = None,
    survey: Annotated[
        list[str] | None,
        typer.Option(help="Only answers to this survey (a name, nps, csat, ces); may be repeated."),
    ] = None,
    tickets: Annotated[bool, typer.Option(help="Include ticket subjects.")] = True,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Split by account, or by this attribute of accounts; may be repeated."),
    ] = None,
) -> None:
    """Show topics of customers' comments: the last year, or since and until."""
    from cs_sync.cli.render.topics import TOPIC_FIELDS, topics_table
    from cs_sync.jobs.derive import update_mrr
    from cs_sync.queries.topics import TopicRequest, list_topics

    options: Options = context.obj
    with options.workspace() as workspace:
        update_mrr(workspace)
        request = TopicRequest(
            since=since,
            until=until,
            known_at=parse_instant(known_at, workspace.config.workspace.timezone),
            surveys=survey or (),
            tickets=tickets,
            by=by or (),
        )
        rows = list_topics(workspace, request)
    options.print_rows(rows, TOPIC_FIELDS, topics_table)

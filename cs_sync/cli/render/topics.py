"""Table of topics: mentions, accounts, scores and MRR."""

from textwrap import shorten

from rich.console import RenderableType

from cs_sync.cli.render.cells import Rows, join_lines, make_table, segment_cell, table_or_message
from cs_sync.cli.render.formatting import (
    format_count,
    format_money,
    format_quantity,
    format_score,
    make_text,
)
from cs_sync.i18n import Translator

TOPIC_FIELDS = (
    *("topic", "period_start", "period_end", "segment", "n", "share", "accounts"),
    *("mean_score", "detractor_share", "mrr", "currency", "comments"),
)
_QUOTES, _WIDTH = 2, 80


def topics_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of topics with typical comments.

    They are shortened here and complete in the JSON.
    """
    segmented = any(row["segment"] for row in rows)
    columns = ["n>", "share>", "accounts>", "score>", "detractors>", "mrr>", "quotes"]
    table = make_table(words, "topic", *(["segment"] if segmented else []), *columns)
    for row in rows:
        quotes = [
            words("format.quoted", text=shorten(quote, _WIDTH, placeholder=" …"))
            for quote in list(dict.fromkeys(comment["text"] for comment in row["comments"]))[
                :_QUOTES
            ]
        ]
        table.add_row(
            make_text(row["topic"] or words("terminal.other")),
            *([segment_cell(row, words)] if segmented else []),
            make_text(format_count(row["n"], words)),
            make_text(format_quantity(row["share"], "ratio", words)),
            make_text(format_count(row["accounts"], words)),
            make_text(format_score(row["mean_score"], words)),
            make_text(format_quantity(row["detractor_share"], "ratio", words)),
            make_text(format_money(row["mrr"], row["currency"], words)),
            join_lines(quotes),
        )
    return table_or_message(table, rows, words("terminal.no_topic"))

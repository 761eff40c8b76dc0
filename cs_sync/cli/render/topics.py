"""Table of topics: mentions, accounts, scores and MRR."""

from textwrap import shorten

from rich.console import RenderableType

from cs_sync.cli.render.cells import Rows, join_lines, make_table, segment_cell, table_or_message
from cs_sync.cli.render.formatting import NO_VALUE, format_money, format_quantity, make_text

TOPIC_FIELDS = (
    *("topic", "period_start", "period_end", "segment", "n", "share", "accounts"),
    *("mean_score", "detractor_share", "mrr", "currency", "comments"),
)
_QUOTES, _WIDTH = 2, 80


def topics_table(rows: Rows) -> RenderableType:
    """Build the table of topics with typical comments, shortened; complete in the JSON."""
    segmented = any(row["segment"] for row in rows)
    columns = ["n>", "share>", "accounts>", "score>", "detractors>", "MRR>", "in their words"]
    table = make_table("topic", *(["segment"] if segmented else []), *columns)
    for row in rows:
        quotes = [
            f"“{shorten(quote, _WIDTH, placeholder=' …')}”"
            for quote in list(dict.fromkeys(comment["text"] for comment in row["comments"]))[
                :_QUOTES
            ]
        ]
        table.add_row(
            make_text(row["topic"] or "other"),
            *([segment_cell(row)] if segmented else []),
            make_text(f"{row['n']:,}"),
            make_text(format_quantity(row["share"], "ratio")),
            make_text(f"{row['accounts']:,}"),
            make_text(NO_VALUE if row["mean_score"] is None else f"{row['mean_score']:.1f}"),
            make_text(format_quantity(row["detractor_share"], "ratio")),
            make_text(format_money(row["mrr"], row["currency"])),
            join_lines(quotes),
        )
    return table_or_message(table, rows, "no topics")

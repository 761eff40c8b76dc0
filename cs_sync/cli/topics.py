"""The table of topics: what is said, by how many, and what it is worth."""

from textwrap import shorten

from rich.console import RenderableType

from cs_sync.cli.pieces import Rows, lines_of, or_nothing, segment_of, table_of
from cs_sync.cli.values import NOTHING, money, quantity, text

TOPIC_FIELDS = (
    *("topic", "period_start", "period_end", "segment", "n", "share", "accounts"),
    *("mean_score", "detractor_share", "mrr", "currency", "comments"),
)
_QUOTES, _WIDTH = 2, 80


def topics_table(rows: Rows) -> RenderableType:
    """Topics with their most typical comments, shortened; the JSON has all of them whole."""
    segmented = any(row["segment"] for row in rows)
    columns = ["n>", "share>", "accounts>", "score>", "detractors>", "MRR>", "in their words"]
    table = table_of("topic", *(["segment"] if segmented else []), *columns)
    for row in rows:
        quotes = [
            f"“{shorten(said, _WIDTH, placeholder=' …')}”"
            for said in list(dict.fromkeys(comment["text"] for comment in row["comments"]))[
                :_QUOTES
            ]
        ]
        table.add_row(
            text(row["topic"] or "other"),
            *([segment_of(row)] if segmented else []),
            text(f"{row['n']:,}"),
            text(quantity(row["share"], "ratio")),
            text(f"{row['accounts']:,}"),
            text(NOTHING if row["mean_score"] is None else f"{row['mean_score']:.1f}"),
            text(quantity(row["detractor_share"], "ratio")),
            text(money(row["mrr"], row["currency"])),
            lines_of(quotes),
        )
    return or_nothing(table, rows, "no topics")

"""Reference page of the views for BI, generated from their definitions.

Run it with `python -m cs_sync.store.views.document`.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import JSON, Boolean, Date, DateTime, Float, Integer, Numeric
from sqlalchemy.types import TypeEngine

from cs_sync.markdown import wrap_markdown
from cs_sync.store.privacy.table_scan import get_stored_type
from cs_sync.store.views.definitions import VIEWS, View

_INTRODUCTION = """\
# BI: Grafana, Metabase and your own SQL

This page is written from the views' definitions. Every `cs-sync run` fills the views below, on
SQLite and on PostgreSQL. They are the interface for dashboards: columns are only ever appended,
while the tables behind them may change.

```sql
SELECT account, name, mrr, currency, score
FROM cs_account
WHERE band = 'red'
ORDER BY mrr DESC
```

- [examples/bi/grafana.json](../examples/bi/grafana.json): a dashboard to import into Grafana 11 or
  newer, on a PostgreSQL data source. Its queries run in the tests and its JSON fits the types that
  Grafana publishes (`@grafana/schema` 13.2); no Grafana opens it there
- [examples/bi/questions.sql](../examples/bi/questions.sql): questions for Metabase, Superset or any
  SQL tool

What holds for all of them:

- **Money** is a decimal in units of its `currency`, for people, and the same in whole minor units
  (`…_minor`), which adds up exactly. Amounts of several currencies are never added.
- **Unknown is empty**, never 0. `status` of `cs_kpi` says whether a figure is `final`,
  `provisional`, `insufficient` (too little data) or `stale` (one of its streams failed).
- **Freshness** is `cs_freshness.published_at`. Between two runs nothing changes.
- **Times** are UTC, days are those of the reporting zone (`cs_freshness.timezone`).
- **Personal data** in them: names and e-mail addresses of your own colleagues, names of accounts,
  and what titles and reasons quote. People erased with `cs-sync forget` are in none of them.

## Which months

A run publishes all KPIs of the last two whole months, those that the report draws as a line for
thirteen, and the MRR bridge for twenty-four. Earlier months stay as they were last published.
`cs-sync metrics --since 2025-01-01 --publish` computes and stores all KPIs of the months from then
on. Only what changed is written: `changed_at` says when. Under another MRR policy the figures of
the former one are deleted, as they would not compare.

## Access

On PostgreSQL give BI tools a user who reads the views alone. A newer cs-sync replaces views in
place: grants stay, and so do your own views on them. With `[database] schema = "acme"`:

```sql
CREATE ROLE bi LOGIN PASSWORD 'change-me';
GRANT USAGE ON SCHEMA acme TO bi;
GRANT SELECT ON {views} TO bi;
```

The columns' meanings are stored as comments, which Metabase and others show. On SQLite open the
file read-only with a tool of its own SQLite library, on the same machine. Never with DuckDB's
scanner or another second library in a program that also has it open: for these take
`cs-sync export DIR`, whose Parquet files hold all tables.

## Data dictionary
"""


def render_page() -> str:
    """Return the page as Markdown."""
    views = ", ".join(f"acme.{view.name}" for view in VIEWS)
    parts = [_INTRODUCTION.format(views=views), *(_render_view(view) for view in VIEWS)]
    return wrap_markdown("\n".join(parts))


def _render_view(view: View) -> str:
    return "\n".join([f"### `{view.name}`\n", f"{view.purpose}\n", *_render_columns(view), ""])


def _render_columns(view: View) -> Iterator[str]:
    yield "| column | type | meaning |\n| --- | --- | --- |"
    for name, column in view.columns.items():
        yield f"| `{name}` | {name_type(column.expression.type)} | {column.meaning} |"


def name_type(kind: TypeEngine[Any]) -> str:
    """Name a column's type in one word."""
    names: list[tuple[type[TypeEngine[Any]], str]] = [
        (JSON, "JSON"),
        (Boolean, "boolean"),
        (Date, "day"),
        (DateTime, "instant"),
        (Integer, "integer"),
        (Float, "number"),
        (Numeric, "decimal"),
    ]
    stored = get_stored_type(kind)
    return next((name for type_, name in names if isinstance(stored, type_)), "text")


if __name__ == "__main__":
    print(render_page())

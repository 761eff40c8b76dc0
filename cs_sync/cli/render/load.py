"""Tables of the load per owner, and of proposals to move accounts."""

from rich.console import Group, RenderableType

from cs_sync.cli.render.cells import Rows, account_cell, make_table, table_or_message
from cs_sync.cli.render.formatting import (
    NO_VALUE,
    describe_order,
    format_count,
    format_money,
    format_quantity,
    make_text,
)
from cs_sync.i18n import Translator

LOAD_FIELDS = (
    *("owner", "accounts", "mrr", "at_risk_accounts", "at_risk", "capacity", "load"),
    *("open_follow_ups", "overdue", "cost_per_account", "currency", "priority_basis"),
)
MOVE_FIELDS = (
    *("account", "name", "from_owner", "to_owner", "mrr", "at_risk", "currency"),
    *("reason", "fit", "priority_basis"),
)


def load_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table, one row per owner, overload in red."""
    columns = ("accounts>", "mrr>", "to_call>", "at_risk>", "capacity>", "load>")
    is_costed = any(row["cost_per_account"] is not None for row in rows)
    cost = ("cost_per_account>",) if is_costed else ()
    table = make_table(words, "owner", *columns, "open_follow_ups>", "overdue>", *cost)
    for row in rows:
        capacity, load = row["capacity"], row["load"]
        money = [format_money(row[name], row["currency"], words) for name in ("mrr", "at_risk")]
        table.add_row(
            make_text(row["owner"] or words("terminal.unassigned")),
            make_text(format_count(row["accounts"], words)),
            make_text(money[0]),
            make_text(format_count(row["at_risk_accounts"], words)),
            make_text(money[1]),
            make_text(NO_VALUE if capacity is None else format_count(capacity, words)),
            make_text(format_quantity(load, "ratio", words), "red" if (load or 0) > 1 else ""),
            make_text(format_count(row["open_follow_ups"], words)),
            make_text(format_count(row["overdue"], words)),
            *(
                make_text(format_money(row[name.removesuffix(">")], row["currency"], words))
                for name in cost
            ),
        )
    return _add_order(table_or_message(table, rows, words("terminal.no_owner")), rows, words)


def moves_table(rows: Rows, words: Translator) -> RenderableType:
    """Build the table of proposals, most money at risk first."""
    columns = ("at_risk>", "from_owner", "to_owner", "reason", "fit")
    table = make_table(words, "account", "mrr>", *columns)
    for row in rows:
        fit = ", ".join(words(f"fit.{code}") for code in row["fit"])
        table.add_row(
            account_cell(row),
            *(
                make_text(format_money(row[name], row["currency"], words))
                for name in ("mrr", "at_risk")
            ),
            make_text(row["from_owner"] or words("terminal.unassigned")),
            make_text(row["to_owner"]),
            make_text(words(f"move_reason.{row['reason']}")),
            make_text(fit or NO_VALUE),
        )
    return _add_order(table_or_message(table, rows, words("terminal.no_move")), rows, words)


def _add_order(table: RenderableType, rows: Rows, words: Translator) -> RenderableType:
    """Add what the money at risk rests on below a table."""
    return Group(table, make_text(describe_order(rows, words), "dim")) if rows else table

"""Books for scenarios: what the files of a workspace hold, written row by row."""

import csv
import io
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from tests.jobs.road import NOW, Place

TODAY = NOW.date()
HEAD = "head@acme.example"


class Books:
    """Rows by file; an account comes with a customer's life: it pays and uses the product."""

    def __init__(self) -> None:
        self.files: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.add("owners", source_id="kim", name="Kim", email="Kim@acme.example")

    def add(self, file: str, **row: Any) -> None:
        self.files[file].append(row)

    def customer(
        self,
        name: str,
        *,
        used: range | None = range(20),
        amount: int = 10_000,
        since: str = "2025-01-01",
        account: dict[str, Any] | None = None,
        **subscription: Any,
    ) -> None:
        """Used on these days ago (0 is yesterday); None: never."""
        given = {"owner_source_id": "kim", "created_at": since, **(account or {})}
        self.add("accounts", source_id=name, name=name.title(), domain=f"{name}.example", **given)
        self.add("contacts", source_id=f"p-{name}", account=name, email=f"p@{name}.example",
                 name=f"Pat {name.title()}")  # fmt: skip
        life = {"status": "active", "started_at": since, "currency": "EUR", **subscription}
        self.add("subscriptions", source_id=f"s-{name}", account=name, **life)
        self.item(name, since, amount)
        for ago in used or ():
            self.add("usage_days", account=name, contact=f"p-{name}", day=day(ago + 1), events=5)

    def item(self, name: str, since: str, amount: int, quantity: int = 1) -> None:
        self.add("subscription_items", source_id=f"i-{name}", subscription=f"s-{name}",
                 valid_from=since, unit_amount=amount, quantity=quantity, interval="month",
                 interval_count=1)  # fmt: skip

    def nps(self, name: str, score: int, at: str, comment: str = "") -> None:
        self.add("survey_responses", source_id=f"n-{name}-{at[:10]}", kind="nps",
                 contact=f"p-{name}", score=score, scale_min=0, scale_max=10, answered_at=at,
                 comment=comment)  # fmt: skip

    def ticket(self, number: int, name: str, topic: str, at: str, **row: Any) -> None:
        given = {"subject": f"About {topic}", "status": "solved", "solved_at": at, **row}
        self.add("tickets", source_id=number, account=name, requester=f"p-{name}", topic=topic,
                 opened_at=at, **given)  # fmt: skip

    def keep(self, place: Place) -> None:
        """Write every file anew."""
        for file, rows in self.files.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            text = io.StringIO()
            writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
            place.write(f"data/{file}.csv", text.getvalue())


def day(ago: int) -> date:
    """A day before that of the tests."""
    return TODAY - timedelta(days=ago)

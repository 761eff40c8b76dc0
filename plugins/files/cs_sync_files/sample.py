"""CSV files to try cs-sync with: twelve customers of a small SaaS company, up to yesterday.

Run it with `python -m cs_sync_files.sample FOLDER`. Three of the customers are about to leave: one
stopped using the product, one has an unpaid invoice, one has cancelled.
"""

import csv
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

CUSTOMERS = (
    "Aspen Books",
    "Birch & Co",
    "Cedar Labs",
    "Dogwood Travel",
    "Elm Street Bakery",
    "Fir Analytics",
    "Ginkgo Health",
    "Hazel Media",
    "Ivy Logistics",
    "Juniper Games",
    "Kauri Energy",
    "Larch Legal",
)
STOPPED, UNPAID, CANCELLED = 2, 6, 9
MONTHS = 12
PRICE = 4900
"""Of a seat a month, in minor units."""


def write_sample(folder: Path) -> None:
    """Write all files into a folder, which is created."""
    today = datetime.now(UTC).date()
    folder.mkdir(parents=True, exist_ok=True)
    write_table(
        folder / "owners.csv",
        ("source_id", "name", "email"),
        [
            ("kim", "Kim Park", "kim@example.com"),
            ("lee", "Lee Novak", "lee@example.com"),
        ],
    )
    write_table(
        folder / "accounts.csv",
        ("source_id", "name", "domain", "owner", "attr.segment"),
        [
            (
                key,
                name,
                f"{key}.example",
                "kim" if number % 2 else "lee",
                "team" if number % 3 else "business",
            )
            for number, key, name in list_customers()
        ],
    )
    write_billing(folder, today)
    write_table(
        folder / "usage_days.csv",
        ("day", "account", "events", "sessions"),
        [
            (today - timedelta(ago), key, 20 + 3 * number + ago % 5, 2 + number % 4)
            for number, key, _ in list_customers()
            for ago in range(1, 91)
            if (today - timedelta(ago)).weekday() < 5 and not (number == STOPPED and ago < 30)
        ],
    )
    write_table(
        folder / "tickets.csv",
        ("source_id", "account", "subject", "status", "opened_at"),
        [
            (f"t{number}", key, subject, "open", today - timedelta(3 + number))
            for number, key, _ in list_customers()
            for subject in ["Export to Excel fails", "Cannot invite a colleague"][: number % 3]
            if number % 3 == 1
        ],
    )


INVOICE_COLUMNS = (
    "source_id", "account", "subscription", "currency", "issued_at", "status", "total",
    "amount_due", "amount_paid", "amount_remaining", "due_at", "paid_at",
)  # fmt: skip


def write_billing(folder: Path, today: date) -> None:
    """Write subscriptions, their items and a monthly invoice each."""
    this_month = today.replace(day=1)
    started, ends = subtract_months(this_month, MONTHS), today + timedelta(20)
    write_table(
        folder / "subscriptions.csv",
        ("source_id", "account", "status", "started_at", "currency", "cancel_at"),
        [
            (f"sub-{key}", key, "active", started, "EUR", ends if number == CANCELLED else "")
            for number, key, _ in list_customers()
        ],
    )
    write_table(
        folder / "subscription_items.csv",
        ("source_id", "subscription", "valid_from", "unit_amount", "quantity", "interval"),
        [
            (f"item-{key}", f"sub-{key}", started, PRICE, 2 + number, "month")
            for number, key, _ in list_customers()
        ],
    )
    write_table(
        folder / "invoices.csv",
        INVOICE_COLUMNS,
        [
            build_invoice(number, key, subtract_months(this_month, ago), ago)
            for number, key, _ in list_customers()
            for ago in range(MONTHS + 1)
        ],
    )


def build_invoice(number: int, key: str, day: date, months_ago: int) -> Sequence[object]:
    """Build an invoice's row: the month's price, paid after two days."""
    unpaid = number == UNPAID and months_ago == 1
    amount, due = PRICE * (2 + number), day + timedelta(14)
    paid = 0 if unpaid else amount
    return (
        f"in-{key}-{day:%Y-%m}",
        key,
        f"sub-{key}",
        "EUR",
        day,
        "open" if unpaid else "paid",
        amount,
        amount,
        paid,
        amount - paid,
        due,
        "" if unpaid else day + timedelta(2),
    )


def list_customers() -> Iterable[tuple[int, str, str]]:
    """Yield (number, key, name) of each customer."""
    for number, name in enumerate(CUSTOMERS):
        yield number, name.split()[0].lower(), name


def subtract_months(month: date, months: int) -> date:
    """Return the first day of a month so many months before."""
    position = month.year * 12 + month.month - 1 - months
    return date(position // 12, position % 12 + 1, 1)


def write_table(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file with a header line."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m cs_sync_files.sample FOLDER")
    write_sample(Path(sys.argv[1]))

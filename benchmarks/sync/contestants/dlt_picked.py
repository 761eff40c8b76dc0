"""dlt told to keep only the fields that the others store, which spares it most of its work."""

from typing import Any

from benchmarks.sync.contestants.dlt_pipeline import dlt_pipeline
from benchmarks.sync.contestants.race import Cost, Task, run

Json = dict[str, Any]
SUBSCRIPTION = (
    *("id", "customer", "status", "currency", "start_date", "trial_end"),
    *("cancel_at", "canceled_at", "ended_at"),
)


def dlt_picked(task: Task) -> Cost:
    """The same pipeline, with a step that maps each object."""
    return dlt_pipeline(task, PICKS)


def _customer(row: Json) -> Json:
    account = row["metadata"].get("account_id")
    return {**{name: row[name] for name in ("id", "name", "email", "created")}, "account": account}


def _subscription(row: Json) -> Json:
    items = [_item(entry) for entry in row["items"]["data"]]
    return {**{name: row[name] for name in SUBSCRIPTION}, "items": items}


def _item(row: Json) -> Json:
    price = row["price"]
    recurring = {n: price["recurring"][n] for n in ("interval", "interval_count", "usage_type")}
    return {
        "id": row["id"],
        "quantity": row["quantity"],
        "created": row["created"],
        "product": price["product"],
        "price": price["id"],
        "amount": price["unit_amount_decimal"],
        **recurring,
    }


def _contact(row: Json) -> Json:
    held = row["properties"]
    return {
        "id": row["id"],
        "company": held["associatedcompanyid"],
        "email": held["email"],
        "name": f"{held['firstname']} {held['lastname']}",
        "role": held["jobtitle"],
        "created": held["createdate"],
        "updated": held["lastmodifieddate"],
    }


PICKS = {"customers": _customer, "subscriptions": _subscription, "contacts": _contact}


if __name__ == "__main__":
    run(dlt_picked)

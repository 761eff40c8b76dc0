"""The script one would write by hand: the vendor's SDK, its own paging, and Session.add."""

from datetime import UTC, datetime
from typing import Any

import hubspot
import stripe
from sqlalchemy import Engine
from sqlmodel import Field, Session, SQLModel, create_engine

from benchmarks.sync.contestants.race import (
    HUBSPOT_TOKEN,
    PAGE,
    STRIPE_KEY,
    Cost,
    Task,
    measured,
    run,
)

COMMIT_AFTER = 1000


class Customer(SQLModel, table=True):
    id: str = Field(primary_key=True)
    name: str | None
    email: str | None
    account: str | None
    created: datetime


class Subscription(SQLModel, table=True):
    id: str = Field(primary_key=True)
    customer: str
    status: str
    currency: str
    started: datetime
    trial_end: datetime | None
    cancel_at: datetime | None
    canceled: datetime | None
    ended: datetime | None


class Item(SQLModel, table=True):
    id: str = Field(primary_key=True)
    subscription: str
    product: str
    price: str
    amount: str
    quantity: int
    interval: str
    interval_count: int
    created: datetime


class Contact(SQLModel, table=True):
    id: str = Field(primary_key=True)
    company: str | None
    email: str | None
    name: str
    role: str | None
    created: datetime
    updated: datetime


def plain_script(task: Task) -> Cost:
    """Read, build a model for each row, add it, commit now and then."""
    engine = create_engine(f"sqlite:///{task.folder / 'script.db'}")
    SQLModel.metadata.create_all(engine)
    read = {"stripe": _stripe, "hubspot": _hubspot}[task.vendor]
    with measured() as cost:
        cost.records = read(task.url, engine)
    return cost


def _stripe(url: str, engine: Engine) -> int:
    client = stripe.StripeClient(STRIPE_KEY, base_addresses={"api": url})
    records = 0
    with Session(engine) as session:
        for customer in client.v1.customers.list({"limit": PAGE}).auto_paging_iter():
            session.add(_customer(customer))
            records = _counted(session, records)
        listed = client.v1.subscriptions.list({"limit": PAGE, "status": "all"})
        for subscription in listed.auto_paging_iter():
            session.add(_subscription(subscription))
            session.add_all(_item(subscription.id, i) for i in subscription["items"].data)
            records = _counted(session, records)
        session.commit()
    return records


def _hubspot(url: str, engine: Engine) -> int:
    contacts = hubspot.HubSpot(access_token=HUBSPOT_TOKEN, host=url).crm.contacts.basic_api
    names = ["email", "firstname", "lastname", "jobtitle", "associatedcompanyid"]
    after, records = None, 0
    with Session(engine) as session:
        while True:
            page = contacts.get_page(limit=PAGE, after=after, properties=names)
            for contact in page.results:
                session.add(_contact(contact))
                records = _counted(session, records)
            if page.paging is None:
                break
            after = page.paging.next.after
        session.commit()
    return records


def _counted(session: Session, records: int) -> int:
    if (records + 1) % COMMIT_AFTER == 0:
        session.commit()
        session.expunge_all()
    return records + 1


def _customer(row: Any) -> Customer:
    return Customer(
        id=row.id,
        name=row.name,
        email=row.email,
        account=row.metadata["account_id"],
        created=datetime.fromtimestamp(row.created, UTC),
    )


def _subscription(row: Any) -> Subscription:
    return Subscription(
        id=row.id,
        customer=row.customer,
        status=row.status,
        currency=row.currency.upper(),
        started=datetime.fromtimestamp(row.start_date, UTC),
        trial_end=_moment(row.trial_end),
        cancel_at=_moment(row.cancel_at),
        canceled=_moment(row.canceled_at),
        ended=_moment(row.ended_at),
    )


def _item(subscription: str, row: Any) -> Item:
    return Item(
        id=row.id,
        subscription=subscription,
        product=row.price.product,
        price=row.price.id,
        amount=str(row.price.unit_amount_decimal),
        quantity=row.quantity,
        interval=row.price.recurring.interval,
        interval_count=row.price.recurring.interval_count,
        created=datetime.fromtimestamp(row.created, UTC),
    )


def _contact(row: Any) -> Contact:
    held = row.properties
    return Contact(
        id=row.id,
        company=held["associatedcompanyid"],
        email=held["email"],
        name=f"{held['firstname']} {held['lastname']}",
        role=held["jobtitle"],
        created=row.created_at,
        updated=row.updated_at,
    )


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


if __name__ == "__main__":
    run(plain_script)

"""An in-memory workspace for tests of metrics: rows of the schema in, spans and KPIs out."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlmodel import SQLModel

from cs_sync.identity.past_values import BEGINNING
from cs_sync.metrics.bridge import BridgeRow, build_bridge_rows
from cs_sync.metrics.kpi import KpiRow, build_kpi_rows
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.mrr.facts import BillingFacts
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.rows import describe_part
from cs_sync.metrics.registry import MetricRegistry, list_builtin_metrics
from cs_sync.store.queries.attributes import format_attribute
from cs_sync.store.queries.billing import read_billing_facts
from cs_sync.testing.databases import open_memory_database
from cs_sync_schemas import (
    Account,
    AccountAttribute,
    AccountLink,
    Contact,
    ContactAccount,
    ContactLink,
    MrrMovement,
    MrrSpan,
)
from tests.computed_once import select_bridge_once
from tests.rows import add_rows

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
METRICS = MetricRegistry(list_builtin_metrics())


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


class Ledger:
    """Accounts and records of one workspace, on a database of its own."""

    def __init__(self) -> None:
        self.engine = open_memory_database()

    def add(self, model: type[SQLModel], *rows: Mapping[str, Any]) -> None:
        """Store rows, defaults filled in; the columns of the sync engine too."""
        add_rows(self.engine, model, LONG_AGO, *rows)

    def account(self, account_id: str, *, source: str = "files", **fields: Any) -> None:
        """An account and the link of the source's record of the same id to it."""
        self.add(Account, {"id": account_id, **fields})
        self.add(AccountLink, {"source": source, "source_id": account_id, "account_id": account_id})
        for name, value in (fields.get("attributes") or {}).items():
            self.attribute(account_id, name, format_attribute(value))

    def person(self, name: str, record: str, account_id: str) -> None:
        """A person, the record of it, and the account where it has always been."""
        self.add(Contact, {"id": name, "account_id": account_id})
        self.add(ContactLink, {"source_id": record, "contact_id": name})
        self.add(
            ContactAccount,
            {
                "contact_id": name, "valid_from": LONG_AGO, "day_from": LONG_AGO.date(),
                "account_source_id": account_id, "stated": True,
            },
        )  # fmt: skip

    def attribute(
        self,
        account_id: str,
        name: str,
        value: str,
        start: date | None = None,
        end: date | None = None,
        **more: Any,
    ) -> None:
        """What an attribute was between UTC midnights."""
        self.add(
            AccountAttribute,
            {
                "account_id": account_id, "name": name, "value": value,
                "valid_from": utc(start.year, start.month, start.day) if start else BEGINNING,
                "valid_to": end and utc(end.year, end.month, end.day), **more,
            },
        )  # fmt: skip

    def facts(self, *account_ids: str) -> dict[str, BillingFacts]:
        with self.engine.connect() as connection:
            return {
                facts.account_id: facts for facts in read_billing_facts(connection, account_ids)
            }

    def compute(self, accounts: Iterable[str], policy: MrrPolicy) -> None:
        """Derive and store spans and movements of these accounts under a policy."""
        for account_id, facts in self.facts(*accounts).items():
            result = calculate_account_mrr(facts, policy)
            for span in result.spans:
                self.add(
                    MrrSpan,
                    {
                        "account_id": account_id,
                        "policy": policy.hash,
                        "currency": span.currency,
                        "valid_from": span.valid_from,
                        "valid_to": span.valid_to,
                        "amount": span.amount,
                        "parts": [describe_part(part) for part in span.parts],
                    },
                )
            for step in result.movements:
                self.add(
                    MrrMovement,
                    {
                        "account_id": account_id,
                        "policy": policy.hash,
                        "currency": step.currency,
                        "at": step.at,
                        "kind": step.kind,
                        "amount": step.amount,
                        "cause": step.cause,
                    },
                )

    def span(
        self,
        account_id: str,
        amount: int,
        start: date,
        end: date | None = None,
        currency: str = "EUR",
        policy: MrrPolicy | None = None,
        **more: Any,
    ) -> None:
        """A span by hand, between UTC midnights."""
        self.add(
            MrrSpan,
            {
                "account_id": account_id,
                "policy": (policy or MrrPolicy()).hash,
                "currency": currency,
                "valid_from": utc(start.year, start.month, start.day),
                "valid_to": end and utc(end.year, end.month, end.day),
                "amount": amount,
                **more,
            },
        )

    def kpis(self, metric: str | Metric, scope: Scope, **more: Any) -> list[KpiRow]:
        chosen = METRICS.select([metric])[0] if isinstance(metric, str) else metric
        with self.engine.connect() as connection:
            rows = [
                {**row._asdict(), "period": first + row.period}
                for first, statement in chosen.build_statements(scope)
                for row in connection.execute(statement)
            ]
        return build_kpi_rows(chosen, scope, rows, **more)

    def bridge(self, scope: Scope, *, by_account: bool = False) -> list[BridgeRow]:
        with self.engine.connect() as connection:
            statement = select_bridge_once(scope, by_account=by_account)
            rows = connection.execute(statement).mappings().all()
        return build_bridge_rows(scope, [dict(row) for row in rows])


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """An empty workspace."""
    made = Ledger()
    yield made
    made.engine.dispose()

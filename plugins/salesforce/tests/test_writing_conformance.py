"""Writing keeps the host's promises: the conformance kit, and faults in drawn orders."""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import httpx
import pytest
from sqlalchemy import delete
from starlette.applications import Starlette

from cs_sync.store.write_ledger import LEDGER
from cs_sync.testing import CrmFake, DestinationConformance, PushHarness, faults, make_asgi_answer
from cs_sync.testing.fault_transport import Exchange, Fault
from cs_sync.write_back.plan import DesiredRecord, change_op
from cs_sync_salesforce.destination import SalesforceDestination
from cs_sync_salesforce.tasks import KEY
from cs_sync_sandbox.keys import SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET
from cs_sync_sandbox.salesforce import build_small_org, list_routes

pytestmark = pytest.mark.slow("pushes to Salesforce for each promise, and in drawn orders")

DRAWN = 60
"""Histories of each org; each has a handful of pushes."""


class SalesforceCrm(CrmFake):
    """An org that remembers what is written; it keeps our keys unique."""

    connector = SalesforceDestination
    missing_account = "001000000000999AAA"
    unique: ClassVar[bool] = True

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.org = build_small_org(now, 6)
        self.org.unique_activity_fields = self.unique
        self.late: list[httpx.Request] = []
        """Requests that are still under way, though nobody waits for their answers."""
        self._answers = make_asgi_answer(Starlette(routes=list(list_routes(self.org))))

    def settings(self) -> Mapping[str, Any]:
        return {
            "base_url": "https://sandbox.example/salesforce",
            "client_id": SALESFORCE_CLIENT_ID,
            "client_secret": SALESFORCE_CLIENT_SECRET,
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        return self._answers(request)

    def arrive(self) -> None:
        """What was under way is carried out."""
        while self.late:
            self.answer(self.late.pop(0))

    def expire_tokens(self) -> bool:
        self.org.tokens.clear()
        return True

    def refusal(self, status: int, words: str) -> httpx.Response:
        code = {401: "INVALID_SESSION_ID", 403: "INSUFFICIENT_ACCESS"}.get(status, "UNKNOWN")
        return httpx.Response(status, json=[{"message": words, "errorCode": code}])

    def accounts(self) -> Sequence[str]:
        return sorted(record["Id"] for record in self.org.list_live("Account"))

    def fields(self, remote_id: str) -> Mapping[str, Any]:
        account = self.org.records["Account"][remote_id]
        return {name.removesuffix("__c"): value for name, value in account.items()}

    def follow_ups(self) -> Sequence[str]:
        return [str(task[KEY]) for task in self.org.list_live("Task")]

    def complete(self, key: str) -> None:
        self.org.update("Task", self._task(key)["Id"], {"Status": "Completed"})

    def completed(self, key: str) -> bool:
        return bool(self._task(key)["IsClosed"])

    def _task(self, key: str) -> Mapping[str, Any]:
        return next(task for task in self.org.list_live("Task") if task[KEY] == key)


class SalesforceWithoutUniqueKeys(SalesforceCrm):
    """An org that refuses unique fields on activities."""

    refuses_twins = False
    unique = False


class TestSalesforceDestination(DestinationConformance):
    crm = SalesforceCrm


class TestSalesforceDestinationWithoutUniqueKeys(DestinationConformance):
    crm = SalesforceWithoutUniqueKeys


class History:
    """One org through pushes that fail, people who work in it, and lost databases."""

    def __init__(self, kind: type[SalesforceCrm], seed: int, folder: Path) -> None:
        self.rng = Random(seed)
        self.bench = PushHarness(kind, folder)
        assert isinstance(self.bench.crm, SalesforceCrm)
        self.crm: SalesforceCrm = self.bench.crm
        self.desired = self.bench.desired
        self.done: set[str] = set()
        """Tasks that somebody completed or deleted."""
        self.edited: dict[str, str] = {}
        """Task → the subject that somebody gave it."""

    def play(self) -> None:
        """Push a few times, each time with something that goes wrong, then undisturbed."""
        for number in range(self.rng.randrange(2, 6)):
            self._want_more(number)
            self.bench.push(self._draw_fault(), self.desired)
            self._let_arrive()  # no request is under way for longer than until the next run
            self._check_twins()
            self._disturb()
        for _ in range(4):
            self.bench.advance_clock(minutes=10)
            pushed = self.bench.push(desired=self.desired)
        assert not pushed.problems()
        assert not pushed.sent, "everything is said, and a push still sends"
        self._check_twins()
        deleted = {str(t[KEY]) for t in self.crm.org.records["Task"].values() if t["IsDeleted"]}
        missing = [m for m in self.bench.missing(self.desired) if m.split()[1] not in deleted]
        assert missing == []
        for task in self.crm.org.records["Task"].values():
            assert task["IsDeleted"] or task["IsClosed"] or task["Id"] not in self.done
            assert self.edited.get(task["Id"], task["Subject"]) == task["Subject"]

    def _want_more(self, number: int) -> None:
        """New scores, and the follow-ups of before with some more."""
        score = float(self.rng.randrange(100))
        self.desired = [
            change_op(wish, fields={**wish.op.fields, "cs_health_score": score})
            if wish.op.object == "account"
            else wish
            for wish in self.desired
        ]
        self.desired += [self._repeat(wish, number) for wish in self._calls() if self._chance(0.4)]

    def _calls(self) -> list[DesiredRecord]:
        calls = [wish for wish in self.desired if wish.op.object == "follow_up"]
        return [wish for wish in calls if wish.op.key.count(":") == 1]

    def _repeat(self, wish: DesiredRecord, number: int) -> DesiredRecord:
        return change_op(wish, key=f"{wish.op.key}:{number}")

    def _chance(self, share: float) -> bool:
        return self.rng.random() < share

    def _draw_fault(self) -> Fault:
        """A fault at one request: any of the first, or the first that writes tasks or accounts."""
        broken, later = self.rng.choice(self._list_faults()), self.rng.randrange(1, 4)
        place = self.rng.choice((self.rng.randrange(1, 9), f"/Task/{KEY}", "/composite/sobjects"))
        hit: list[int] = []

        def fault(exchange: Exchange) -> httpx.Response:
            if hit and exchange.number >= hit[0] + later:
                self._let_arrive()
            path = exchange.request.url.path
            if not hit and (exchange.number == place or path.endswith(str(place))):
                hit.append(exchange.number)
                return broken(exchange)
            return exchange.answer()

        return fault

    def _list_faults(self) -> list[Fault]:
        def die_after(exchange: Exchange) -> httpx.Response:
            exchange.answer()
            return exchange.die()

        def bad_gateway(exchange: Exchange) -> httpx.Response:
            exchange.answer()
            return httpx.Response(502, text="bad gateway")

        def lag(exchange: Exchange) -> httpx.Response:
            self.crm.late.append(exchange.request)
            raise httpx.ReadTimeout("still under way", request=exchange.request)

        def lag_and_die(exchange: Exchange) -> httpx.Response:
            self.crm.late.append(exchange.request)
            return exchange.die()

        def race(exchange: Exchange) -> httpx.Response:
            self.bench.write_concurrently([wish.op for wish in self.desired])
            return exchange.answer()

        def expire(exchange: Exchange) -> httpx.Response:
            self.crm.expire_tokens()
            return exchange.answer()

        lost = [faults.lose_response(httpx.ReadTimeout, done=done) for done in (True, False)]
        raced = [race] if self.crm.unique else []
        return [
            *(lambda exchange: exchange.die(), die_after, bad_gateway, lag, lag_and_die, expire),
            *(faults.truncate_response, faults.cut_response, *lost, *raced),
        ]

    def _disturb(self) -> None:
        """People work on tasks, the database is lost, time passes."""
        self._complete_some(0.5)
        tasks = self.crm.org.list_live("Task")
        if tasks and self._chance(0.3):
            self.crm.org.delete("Task", self.rng.choice(tasks)["Id"])
        if tasks and self._chance(0.3):
            task = self.rng.choice(tasks)
            self.edited[task["Id"]] = "Ask Ana"
            task["Subject"] = "Ask Ana"
        if self._chance(0.3):
            with self.bench.store.write() as connection:
                connection.execute(delete(LEDGER))
        self.bench.advance_clock(minutes=self.rng.choice((1, 60)))

    def _let_arrive(self) -> None:
        """Somebody completes a task, and then what was under way is carried out."""
        if self.crm.late:
            self._complete_some(0.7)
        self.crm.arrive()

    def _complete_some(self, share: float) -> None:
        """Somebody completes a task, perhaps."""
        tasks = self.crm.org.list_live("Task")
        if tasks and self._chance(share):
            task = self.rng.choice(tasks)
            self.crm.org.update("Task", task["Id"], {"Status": "Completed"})
            self.done.add(task["Id"])

    def _check_twins(self) -> None:
        """No key is there twice, deleted tasks counted."""
        keys = Counter(str(task[KEY]) for task in self.crm.org.records["Task"].values())
        assert [key for key, times in keys.items() if times > 1] == []


@pytest.mark.parametrize("kind", [SalesforceCrm, SalesforceWithoutUniqueKeys])
def test_no_task_is_there_twice_whatever_goes_wrong(kind: type[SalesforceCrm]) -> None:
    for seed in range(DRAWN):
        with tempfile.TemporaryDirectory() as folder:
            history = History(kind, seed, Path(folder))
            try:
                history.play()
            except AssertionError as error:
                raise AssertionError(f"history {seed}: {error}") from error
            finally:
                history.bench.close()

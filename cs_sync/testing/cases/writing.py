"""Writing: whatever fails on the way, everything is written in the end, once."""

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import httpx
from msgspec import structs

from cs_sync.contracts.destination import Ack
from cs_sync.testing import faults
from cs_sync.testing.assertions import require, skip_case
from cs_sync.testing.cases.texts import HOSTILE
from cs_sync.testing.fault_transport import Exchange, Fault
from cs_sync.testing.poison import respond_useless
from cs_sync.testing.pushing import FIELDS, PushHarness, PushRun
from cs_sync.testing.vendor import CrmFake
from cs_sync.write_back.plan import change_op

ENOUGH = 3
"""Runs after which everything must be there, whatever became of the first."""


class WritingCases:
    """Cases of the real write-back through this destination."""

    def test_everything_wanted_is_written(self, bench: PushHarness) -> None:
        """Fields of accounts, and follow-ups."""
        pushed = bench.push()
        require(not pushed.problems(), pushed.problems())
        _check_complete(bench, "undisturbed")

    def test_preparing_twice_changes_nothing(self, bench: PushHarness) -> None:
        """`cs-sync init` may be run again."""
        bench.push()
        with bench.open_connector() as destination:
            again = list(destination.prepare(FIELDS))
        wrong = [finding for finding in (*bench.findings, *again) if not finding.ok]
        require(not wrong, f"preparing fails: {wrong}")
        _check_complete(bench, "prepared again")

    def test_applied_twice_sends_nothing(self, bench: PushHarness) -> None:
        """What stands in the ledger as done is not sent again."""
        bench.push()
        again = bench.push()
        require(not again.sent, f"the second push sends {len(again.sent)} requests")

    def test_without_its_ledger_it_makes_no_twin(self, bench: PushHarness) -> None:
        """After a lost database what exists is found.

        What people did to it stays.
        """
        bench.push()
        done = bench.crm.follow_ups()[0]
        bench.crm.complete(done)
        with bench.open_connector() as destination:
            answers = list(destination.write([record.op for record in bench.desired]))
        require(all(isinstance(answer, Ack) for answer in answers), f"refused: {answers}")
        _check_complete(bench, "written without a ledger")
        require(bench.crm.completed(done), f"{done} was completed and is open again")

    def test_killed_before_sending_all_is_written_later(self, bench: PushHarness) -> None:
        """The process dies at each request in turn, before it is sent."""
        _fault_at_every_request(bench, "killed before request", lambda exchange: exchange.die())

    def test_killed_before_the_receipt_makes_no_twin(self, bench: PushHarness) -> None:
        """A process that dies after each request makes no twin.

        The CRM did what it asks.
        """

        def fault(exchange: Exchange) -> httpx.Response:
            exchange.answer()
            return exchange.die()

        _fault_at_every_request(bench, "killed after request", fault)

    def test_a_lost_answer_makes_no_twin(self, bench: PushHarness) -> None:
        """A request whose answer does not arrive makes no twin.

        Each in turn is carried out.
        """
        for error in (httpx.ReadTimeout, httpx.ReadError):
            fault = faults.lose_response(error, done=True)
            _fault_at_every_request(bench, f"{error.__name__} after request", fault)

    def test_an_error_after_the_work_makes_no_twin(self, bench: PushHarness) -> None:
        """A request answered by a gateway's 502 makes no twin.

        Or by half of the answer; each in turn is carried out.
        """

        def gateway(exchange: Exchange) -> httpx.Response:
            exchange.answer()
            return httpx.Response(502, text="bad gateway")

        for fault, name in (
            (gateway, "502"),
            (faults.truncate_response, "half"),
            (faults.cut_response, "cut"),
        ):
            _fault_at_every_request(bench, f"{name} after request", fault)

    def test_json_that_is_no_answer_is_no_receipt(self, bench: PushHarness) -> None:
        """JSON that is not an answer is not a receipt.

        `{}`, null, a text, `{"message": …}`, a list: by a proxy, or after the work was done.
        """
        if bench.crm.receipt_by_status:
            skip_case("any good status is its receipt")
        pushed = bench.push(respond_useless(asks=False))
        require(bool(pushed.problems()), "nothing is carried out, and the push is content")
        require(bool(bench.missing()), "the vendor was never asked, and it is all there")
        _push_until_complete(bench, "after JSON that was not an answer")
        _fault_at_every_request(bench, "no answer after request", respond_useless())

    def test_told_to_wait_it_waits(self, bench: PushHarness) -> None:
        """After 429 for every request all of it is sent again.

        Nothing was done.
        """
        pushed = bench.push(faults.fail_once(faults.respond_status(429, Retry_After="7")))
        require(not pushed.problems(), f"with 429: {pushed.problems()}")
        _check_complete(bench, "with 429")

    def test_a_bad_record_takes_no_other_along(self, bench: PushHarness) -> None:
        """A missing account is refused with a reason, others are written."""
        stranger = bench.crm.missing_account
        score, task = bench.desired[0], bench.desired[-1]
        bad = [
            change_op(score, key="a-stranger", remote_id=stranger),
            change_op(task, key="review:s", account_remote_id=stranger),
        ]
        bad = [structs.replace(record, account="stranger") for record in bad]
        pushed = bench.push(desired=[*bad, *bench.desired])
        require(pushed.writes.rejected == len(bad), f"not refused: {pushed.writes}")
        require(pushed.writes.unknown == 0, f"{pushed.writes.unknown} stay without an answer")
        _check_complete(bench, "with two bad records among them")

    def test_somebody_else_writing_at_once_makes_no_twin(self, bench: PushHarness) -> None:
        """Before each request in turn, another process has written the same (409).

        No client can see that where the vendor takes twins: `prepare` must then say so.
        """
        if not bench.crm.refuses_twins:
            with bench.open_connector() as destination:
                findings = [
                    finding
                    for finding in destination.prepare(FIELDS)
                    if finding.ok and finding.remedy
                ]
            require(
                bool(findings), "two may write a follow-up at once, and `prepare` tells no remedy"
            )
            return
        ops = [record.op for record in bench.desired]

        def racing(fresh: PushHarness) -> Fault:
            def fault(exchange: Exchange) -> httpx.Response:
                fresh.write_concurrently(ops)
                return exchange.answer()

            return fault

        for number in range(1, len(bench.push().sent) + 1):
            with tempfile.TemporaryDirectory() as folder:
                fresh = PushHarness(type(bench.crm), Path(folder))
                pushed = fresh.push(_fault_only_at(number, racing(fresh)))
                require(
                    not pushed.writes.rejected, f"a race is taken for a refusal: {pushed.writes}"
                )
                _check_complete(fresh, f"written by somebody else before request {number}")
                fresh.close()

    def test_a_key_twice_in_one_batch_is_written_once(self, bench: PushHarness) -> None:
        """The destination is given every operation twice."""
        ops = [record.op for record in bench.desired]
        with bench.open_connector() as destination:
            answers = list(destination.write([op for op in ops for _ in range(2)]))
        require({a.key for a in answers} == {op.key for op in ops}, "some keys have no answer")
        require(all(isinstance(answer, Ack) for answer in answers), f"refused: {answers}")
        _check_complete(bench, "with every key twice")

    def test_every_operation_has_an_answer_of_its_own(self, bench: PushHarness) -> None:
        """No operation without an answer, and no answer without an operation."""
        ops = [record.op for record in bench.desired]
        with bench.open_connector() as destination:
            keys = sorted(answer.key for answer in destination.write(ops))
        require(keys == sorted(op.key for op in ops), f"answered: {keys}")

    def test_what_was_written_is_found(self, bench: PushHarness) -> None:
        """`find` names what exists under our keys, and nothing else."""
        bench.push()
        expected = {r.op.key for r in bench.desired if r.op.object == "follow_up"}
        with bench.open_connector() as destination:
            actual = {thing.key for thing in destination.find([*expected, "review:nobody"])}
        require(actual == expected, f"found {sorted(actual)} instead of {sorted(expected)}")

    def test_nothing_unknown_is_written_over_something_known(self, bench: PushHarness) -> None:
        """A None among the fields leaves the account's value alone."""
        bench.push()
        op = replace(bench.desired[0].op, fields={"cs_health_score": None})
        with bench.open_connector() as destination:
            list(destination.write([op]))
        _check_complete(bench, "with None for a score")

    def test_hostile_text_is_written_as_text(self, bench: PushHarness) -> None:
        """Customers' names reach the CRM; none stops the others.

        In titles and bodies.
        """
        task = bench.desired[-1]
        bad = [
            change_op(task, key=f"text:{n}", fields={**task.op.fields, "title": text, "body": text})
            for n, text in enumerate(HOSTILE)
        ]
        pushed = bench.push(desired=[*bad, *bench.desired])
        require(pushed.error is None, str(pushed.error))
        require(pushed.writes.unknown == 0, f"{pushed.writes.unknown} stay without an answer")
        _check_complete(bench, "with hostile texts among them")

    def test_a_missing_permission_is_told_and_survived(self, bench: PushHarness) -> None:
        """403 for everything is said, and survived once it may write."""
        pushed = bench.push(lambda _sent: bench.crm.refusal(403, "you may not write"))
        require(bool(pushed.problems()), "every request is refused, and the push is content")
        _push_until_complete(bench, "permitted")


def _check_complete(bench: PushHarness, when: str) -> None:
    missing = bench.missing()
    require(not missing, "\n  ".join((f"{when}:", *missing[:5])))


def _push_until_complete(bench: PushHarness, when: str) -> PushRun:
    """Push until nothing is missing, a limited number of times."""
    for _ in range(ENOUGH):
        bench.advance_clock(minutes=10)
        pushed = bench.push()
        if not pushed.sent:
            break
    require(not pushed.problems(), f"{when}, later runs fail: {pushed.problems()}")
    require(not pushed.sent, f"{when}, every later run sends {len(pushed.sent)} requests")
    _check_complete(bench, when)
    return pushed


def _fault_at_every_request(bench: PushHarness, when: str, fault: Fault) -> None:
    """Inject the fault at each request of a push, push again.

    At each in turn.
    """
    count = _count_requests(type(bench.crm))
    for number in range(1, count + 1):
        with tempfile.TemporaryDirectory() as folder:
            fresh = PushHarness(type(bench.crm), Path(folder))
            fresh.push(_fault_only_at(number, fault))
            _push_until_complete(fresh, f"{when} {number} of {count}")
            fresh.close()


@cache
def _count_requests(kind: type[CrmFake]) -> int:
    """Count the requests of an undisturbed push; counted once for all cases."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = PushHarness(kind, Path(folder))
        count = len(fresh.push().sent)
        fresh.close()
    return count


def _fault_only_at(number: int, fault: Fault) -> Fault:
    return lambda exchange: fault(exchange) if exchange.number == number else exchange.answer()

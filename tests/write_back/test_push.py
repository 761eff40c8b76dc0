"""Pushing: whatever happens in between, nothing is written twice and nothing is lost."""

import contextlib
from collections.abc import Callable, Sequence

import pytest

from cs_sync.contracts.destination import Op, Value
from cs_sync.store.engine import Store
from cs_sync.store.leases import LeasedStore, acquire_lease
from cs_sync.write_back.plan import DesiredRecord, PlanItem, change_op, make_plan, reopen_refused
from cs_sync.write_back.receipts import WriteResult
from cs_sync.write_back.writer import DestinationWriter
from tests.conftest import Clock, migrated_sqlite
from tests.write_back.portal import Killed, Portal

ACCOUNTS = [f"a{n}" for n in range(5)]


@pytest.fixture
def portal() -> Portal:
    return Portal(companies={f"c-{name}": {} for name in ACCOUNTS})


def desired_records(score: float = 50.0, owner: str | None = None) -> list[DesiredRecord]:
    """A score for every account, and a follow-up for every second one."""
    fields: dict[str, Value] = {"cs_health_score": score, "cs_health_band": "yellow"}
    scores = [
        DesiredRecord(Op("account", name, fields, remote_id=f"c-{name}"), name, f"Acme {name[1:]}")
        for name in ACCOUNTS
    ]
    calls = [
        DesiredRecord(
            Op(
                "follow_up", f"key-{name}", {"title": "Call"},
                account_remote_id=f"c-{name}", owner_remote_id=owner,
            ), name,
        )
        for name in ACCOUNTS[::2]
    ]  # fmt: skip
    return scores + calls


@pytest.fixture
def pusher(store: Store, clock: Clock, portal: Portal) -> DestinationWriter:
    with store.write() as connection:
        held = acquire_lease(connection, "run", clock())
    return DestinationWriter(
        LeasedStore(store, held), "portal", portal, "run", clock, lambda _event: None
    )


def plan(pusher: DestinationWriter, wanted: Sequence[DesiredRecord]) -> list[PlanItem]:
    return make_plan(wanted, pusher.entries(), "cs_")


def push(pusher: DestinationWriter, wanted: Sequence[DesiredRecord] | None = None) -> WriteResult:
    pusher.reconcile_pending()
    return pusher.push(plan(pusher, wanted or desired_records()))


def complete(portal: Portal) -> bool:
    scored = all(c.get("cs_health_score") == 50.0 for c in portal.companies.values())
    return scored and sorted(portal.tasks) == ["key-a0", "key-a2", "key-a4"]


def test_the_second_push_writes_nothing(pusher: DestinationWriter, portal: Portal) -> None:
    first = push(pusher)
    assert (first.create, first.update, first.problems) == (3, 5, [])
    calls = portal.calls
    second = push(pusher)
    assert second.counts() == {
        "create": 0,
        "update": 0,
        "unchanged": 8,
        "rejected": 0,
        "unknown": 0,
    }
    assert portal.calls == calls


def test_only_what_moved_beyond_its_dead_band_is_written(
    pusher: DestinationWriter, portal: Portal
) -> None:
    push(pusher)
    assert push(pusher, desired_records(score=50.9)).update == 0
    assert push(pusher, desired_records(score=51.0)).update == 5
    assert portal.companies["c-a0"]["cs_health_score"] == 51.0


def die_before(portal: Portal) -> None:
    portal.die_before = True


def die_in_the_middle(portal: Portal) -> None:
    portal.die_after = 2


def lose_the_answer(portal: Portal) -> None:
    portal.lose_answer_after = 1


@pytest.mark.parametrize("fault", [die_before, die_in_the_middle, lose_the_answer])
@pytest.mark.parametrize("when", ["accounts", "follow-ups"])
def test_after_a_crash_or_a_lost_answer_everything_is_there_once(
    pusher: DestinationWriter, portal: Portal, fault: Callable[[Portal], None], when: str
) -> None:
    wanted = [w for w in desired_records() if (w.op.object == "account") == (when == "accounts")]
    others = [w for w in desired_records() if w not in wanted]
    push(pusher, others)
    fault(portal)
    with contextlib.suppress(Killed):
        push(pusher, wanted)
    push(pusher)
    assert complete(portal)
    calls = portal.calls
    push(pusher)
    assert portal.calls == calls


def test_a_lost_answer_is_unknown_until_it_is_settled(
    pusher: DestinationWriter, portal: Portal
) -> None:
    portal.lose_answer_after = 1
    writes = push(pusher, [w for w in desired_records() if w.op.object == "follow_up"])
    assert (writes.create, writes.unknown) == (1, 2)
    statuses = {entry.key: entry.status for entry in pusher.entries().values()}
    assert statuses == {"key-a0": "acked", "key-a2": "unknown", "key-a4": "unknown"}
    pusher.reconcile_pending()
    statuses = {entry.key: entry.status for entry in pusher.entries().values()}
    assert statuses["key-a2"] == "acked"
    assert len(portal.tasks) == 2


def test_a_score_that_returns_after_a_lost_answer_is_written_again(
    pusher: DestinationWriter, portal: Portal
) -> None:
    push(pusher)
    portal.die_after = 4
    with contextlib.suppress(Killed):
        push(pusher, desired_records(score=40.0))
    assert {c["cs_health_score"] for c in portal.companies.values()} == {40.0}
    assert push(pusher, desired_records(score=50.0)).update == 5
    assert complete(portal)


def test_an_operation_says_what_was_acknowledged_before(
    pusher: DestinationWriter, portal: Portal
) -> None:
    first, *_ = plan(pusher, desired_records())
    assert first.op is not None
    assert first.op.before == {}
    push(pusher)
    portal.lose_answer_after = 0
    push(pusher, desired_records(score=40.0))
    again, *_ = plan(pusher, desired_records(score=40.0))
    assert again.op is not None
    assert again.op.fields["cs_health_score"] == 40.0
    assert again.op.before["cs_health_score"] == 50.0


def test_with_a_lost_database_no_task_comes_twice_and_a_done_one_stays_done(
    pusher: DestinationWriter,
    portal: Portal,
    clock: Clock,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    push(pusher)
    portal.tasks["key-a0"]["status"] = "COMPLETED"
    with migrated_sqlite(tmp_path_factory.mktemp("new")) as empty:
        with empty.write() as connection:
            held = acquire_lease(connection, "run", clock())
        anew = DestinationWriter(
            LeasedStore(empty, held), "portal", portal, "run", clock, lambda _event: None
        )
        writes = push(anew)
    assert (writes.create, writes.unchanged) == (0, 3)
    assert len(portal.tasks) == 3
    assert portal.tasks["key-a0"]["status"] == "COMPLETED"


def test_what_is_refused_for_now_is_told_and_tried_again(
    pusher: DestinationWriter, portal: Portal
) -> None:
    portal.refuse, portal.lasting = {"a1": "locked by an import"}, False
    writes = push(pusher)
    assert (writes.update, writes.rejected) == (4, 1)
    assert writes.problems == ["account Acme 1 (a1): VALIDATION_ERROR: locked by an import"]
    [again] = [i for i in plan(pusher, desired_records()) if i.key == "a1"]
    assert again.action == "update"
    assert again.reason == "rejected last time: locked by an import"
    portal.refuse = {}
    assert push(pusher).update == 1
    assert complete(portal)


def test_what_is_refused_for_good_is_told_every_time_and_not_sent_until_it_says_something_else(
    pusher: DestinationWriter, portal: Portal
) -> None:
    portal.refuse = {"a1": "band must be lower case", "key-a0": "owner is not active"}
    assert push(pusher).rejected == 2
    calls = portal.calls
    writes = push(pusher)
    assert (writes.update, writes.create, writes.rejected) == (0, 0, 2)
    assert portal.calls == calls
    assert writes.problems[0] == (
        "account Acme 1 (a1): refused: VALIDATION_ERROR: band must be lower case; tried again when "
        "there is something else to say, or with `cs-sync push --retry-refused`"
    )
    assert push(pusher, desired_records(score=50.9)).update == 0, (
        "less than the dead band is the same value"
    )
    assert portal.calls == calls
    portal.refuse = {}
    assert push(pusher, desired_records(score=60.0)).update == 5
    assert push(pusher, desired_records(score=60.0, owner="9")).create == 1, (
        "somebody else is asked"
    )
    assert len(portal.tasks) == 3


def test_what_is_refused_for_good_may_be_tried_again_by_hand(
    pusher: DestinationWriter, portal: Portal
) -> None:
    portal.refuse = {"a1": "band must be lower case"}
    push(pusher)
    portal.refuse = {}
    forgiven = make_plan(desired_records(), reopen_refused(pusher.entries()), "cs_")
    assert pusher.push(forgiven).update == 1
    assert complete(portal)


def test_a_key_twice_in_one_plan_is_one_write_of_both(
    pusher: DestinationWriter, portal: Portal
) -> None:
    first, other = desired_records()[0], desired_records()[0]
    first = change_op(first, fields={"cs_health_score": 10.0, "cs_mrr": 5.0})
    writes = push(pusher, [first, other])
    assert (writes.update, portal.calls) == (1, 1)
    assert portal.companies["c-a0"] == {
        "cs_mrr": 5.0, "cs_health_score": 50.0, "cs_health_band": "yellow",
    }  # fmt: skip


def test_an_account_that_moved_to_another_company_is_written_whole(
    pusher: DestinationWriter, portal: Portal
) -> None:
    push(pusher)
    portal.companies["merged"] = {}
    moved = change_op(desired_records()[0], remote_id="merged")
    assert push(pusher, [moved]).update == 1
    assert portal.companies["merged"] == {"cs_health_score": 50.0, "cs_health_band": "yellow"}


def test_what_cannot_be_written_is_refused_with_its_reason(pusher: DestinationWriter) -> None:
    record = DesiredRecord(Op("account", "a9", {}), "a9", refusal="no company in the CRM")
    [item] = plan(pusher, [record])
    assert (item.action, item.reason, item.op) == ("refused", "no company in the CRM", None)


def test_what_was_taken_back_without_an_answer_is_taken_back_again(
    pusher: DestinationWriter, portal: Portal
) -> None:
    def next_action(text: str) -> list[DesiredRecord]:
        return [
            change_op(w, fields={**w.op.fields, "cs_next_action": text})
            for w in desired_records()[:5]
        ]

    push(pusher, next_action("Call"))
    portal.die_before = True
    with contextlib.suppress(Killed):
        push(pusher, next_action(""))
    assert push(pusher, next_action("")).update == 5
    assert {company["cs_next_action"] for company in portal.companies.values()} == {""}


def test_nothing_is_sure_of_two_attempts_without_an_answer(
    pusher: DestinationWriter, portal: Portal
) -> None:
    """The first attempt arrived and the second did not; then the first value is wanted again."""

    def fields(**values: Value) -> list[DesiredRecord]:
        return [change_op(desired_records()[0], fields=values)]

    push(pusher, fields(cs_health_score=50.0, cs_mrr=5.0))
    portal.lose_answer_after = 0
    push(pusher, fields(cs_health_score=50.0, cs_mrr=9.0))
    portal.die_before = True
    with contextlib.suppress(Killed):
        push(pusher, fields(cs_health_score=70.0, cs_mrr=None))
    push(pusher, fields(cs_health_score=50.0, cs_mrr=5.0))
    assert portal.companies["c-a0"] == {"cs_health_score": 50.0, "cs_mrr": 5.0}


def test_a_refusal_settles_nothing_of_an_attempt_before(
    pusher: DestinationWriter, portal: Portal
) -> None:
    push(pusher)
    portal.die_after = 4
    with contextlib.suppress(Killed):
        push(pusher, desired_records(score=70.0))
    portal.refuse = {"a0": "not now"}
    push(pusher, desired_records(score=80.0))
    portal.refuse = {}
    push(pusher)
    assert complete(portal)

"""Refused keys: only what they close is missing, and only while it is closed."""

import httpx

from cs_sync.testing.assertions import (
    assert_completed,
    assert_undisturbed,
    refuse_swallowed,
    require,
    require_network,
    skip_case,
)
from cs_sync.testing.fault_transport import Exchange, Fault
from cs_sync.testing.stored import describe_differences
from cs_sync.testing.syncing import SyncHarness, run_reference


class PermissionCases:
    """Cases in which the vendor refuses the key."""

    def test_a_missing_permission_stops_its_stream_only(self, bench: SyncHarness) -> None:
        """403 fails its stream, and the others go on.

        It says why, and the run is partial.
        """
        require_network(bench)
        bench.restore_first_run()
        names = set(run_reference(bench.kind).streams)
        for stream in sorted(names):
            run = bench.sync(_forbid_stream(bench, stream), side_by_side=True)
            refuse_swallowed(run, f"with 403 for {stream}")
            outcome = run.outcomes[stream]
            require(
                outcome.status == "failed", f"{stream} is {outcome.status} in spite of its 403s"
            )
            require("403" in str(outcome.error) or "→" in str(outcome.error), f"{outcome.error}")
            others = {name for name in names if run.outcomes[name].status == "failed"} - {stream}
            require(not others, f"{', '.join(others)} fails too when {stream} is forbidden")
            require(
                run.status == ("partial" if len(names) > 1 else "failed"), f"it is {run.status}"
            )
        assert_completed(bench.sync(), "permitted again")
        assert_undisturbed(bench, "permitted again")

    def test_a_key_refused_half_way_costs_nothing(self, bench: SyncHarness) -> None:
        """401 half way fails the run; a new key takes it up.

        The run says so.
        """
        require_network(bench)
        half = len(run_reference(bench.kind).run.sent) // 2
        run = bench.sync(_refuse_after(bench, half))
        failed = [outcome for outcome in run.outcomes.values() if outcome.status == "failed"]
        require(bool(failed), "the key is refused half-way, and no stream fails")
        stored = bench.rows()
        require(bool(stored), "the first half was read, and nothing of it is stored")
        assert_completed(bench.sync(), "with a new key")
        assert_undisturbed(bench, "with a new key")

    def test_an_expired_token_is_renewed(self, bench: SyncHarness) -> None:
        """Tokens that end in mid-run are renewed, and nobody notices."""
        if not bench.vendor.expire_tokens():
            skip_case("its keys do not expire")

        def fault(exchange: Exchange) -> httpx.Response:
            if exchange.number % 3 == 0 and not exchange.sent.again:
                bench.vendor.expire_tokens()
            return exchange.answer()

        assert_completed(bench.sync(fault), "with tokens that expire")
        assert_undisturbed(bench, "with tokens that expire")

    def test_a_forbidden_stream_buries_nothing(self, bench: SyncHarness) -> None:
        """What was read before stays when the permission is taken away."""
        require_network(bench)
        bench.restore_first_run()
        bench.advance_clock(minutes=90)
        bench.sync(lambda _exchange: bench.vendor.refusal(403, "not any more"))
        differences = describe_differences(run_reference(bench.kind).rows, bench.rows())
        require(not differences, f"without a permission, rows change: {differences}")


def _forbid_stream(bench: SyncHarness, stream: str) -> Fault:
    def fault(exchange: Exchange) -> httpx.Response:
        if exchange.sent.stream == stream:
            return bench.vendor.refusal(403, f"you may not read {stream}")
        return exchange.answer()

    return fault


def _refuse_after(bench: SyncHarness, count: int) -> Fault:
    def fault(exchange: Exchange) -> httpx.Response:
        if exchange.number > count:
            return bench.vendor.refusal(401, "this key is not valid any more")
        return exchange.answer()

    return fault

"""Keys that may not, or no longer: only what they close is missing, and only until it is open."""

import httpx

from cs_sync.testing.stored import differences
from cs_sync.testing.syncing import SyncBench, reference
from cs_sync.testing.verdicts import (
    came_through,
    must,
    needs_network,
    not_applicable,
    same_as_undisturbed,
)
from cs_sync.testing.wire import Exchange, Fault


class PermissionCases:
    """What holds when the vendor refuses the key."""

    def test_a_missing_permission_stops_its_stream_only(self, bench: SyncBench) -> None:
        """403 on one stream: it fails and says why, the others go on, the run is partial."""
        needs_network(bench)
        bench.begin_synced()
        names = set(reference(bench.kind).streams)
        for stream in sorted(names):
            run = bench.sync(_forbidden(bench, stream), side_by_side=True)
            outcome = run.outcomes[stream]
            must(outcome.status == "failed", f"{stream} is {outcome.status} in spite of its 403s")
            must("403" in str(outcome.error) or "→" in str(outcome.error), f"{outcome.error}")
            others = {name for name in names if run.outcomes[name].status == "failed"} - {stream}
            must(not others, f"{', '.join(others)} fails too when {stream} is forbidden")
            must(run.status == ("partial" if len(names) > 1 else "failed"), f"it is {run.status}")
        came_through(bench.sync(), "permitted again")
        same_as_undisturbed(bench, "permitted again")

    def test_a_key_refused_half_way_costs_nothing(self, bench: SyncBench) -> None:
        """401 from some request on: the run fails and says so; a new key takes it up there."""
        needs_network(bench)
        half = len(reference(bench.kind).run.sent) // 2
        run = bench.sync(_refused_after(bench, half))
        failed = [outcome for outcome in run.outcomes.values() if outcome.status == "failed"]
        must(bool(failed), "the key is refused half-way, and no stream fails")
        stored = bench.rows()
        must(bool(stored), "the first half was read, and nothing of it is stored")
        came_through(bench.sync(), "with a new key")
        same_as_undisturbed(bench, "with a new key")

    def test_an_expired_token_is_renewed(self, bench: SyncBench) -> None:
        """Tokens that end in mid-run are renewed, and nobody notices."""
        if not bench.vendor.expire_tokens():
            not_applicable("its keys do not expire")

        def fault(exchange: Exchange) -> httpx.Response:
            if exchange.number % 3 == 0 and not exchange.sent.again:
                bench.vendor.expire_tokens()
            return exchange.answer()

        came_through(bench.sync(fault), "with tokens that expire")
        same_as_undisturbed(bench, "with tokens that expire")

    def test_a_forbidden_stream_buries_nothing(self, bench: SyncBench) -> None:
        """What was read before stays when the permission is taken away."""
        needs_network(bench)
        bench.begin_synced()
        bench.later(minutes=90)
        bench.sync(lambda _exchange: bench.vendor.refusal(403, "not any more"))
        told = differences(reference(bench.kind).rows, bench.rows())
        must(not told, f"without a permission, rows change: {told}")


def _forbidden(bench: SyncBench, stream: str) -> Fault:
    def fault(exchange: Exchange) -> httpx.Response:
        if exchange.sent.stream == stream:
            return bench.vendor.refusal(403, f"you may not read {stream}")
        return exchange.answer()

    return fault


def _refused_after(bench: SyncBench, count: int) -> Fault:
    def fault(exchange: Exchange) -> httpx.Response:
        if exchange.number > count:
            return bench.vendor.refusal(401, "this key is not valid any more")
        return exchange.answer()

    return fault

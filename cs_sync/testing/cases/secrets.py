"""Secrets stay where they belong: between the configuration and the vendor."""

import contextlib
from dataclasses import replace

from cs_sync.contracts.errors import CsSyncError
from cs_sync.http import secrets_of
from cs_sync.testing.faults import OtherTexts, rewritten
from cs_sync.testing.hearing import (
    ELSEWHERE,
    Heard,
    credentials,
    echoing,
    must_hide,
    must_not_show,
    redirecting,
)
from cs_sync.testing.pushing import FIELDS, PushBench
from cs_sync.testing.syncing import SyncBench
from cs_sync.testing.verdicts import must, needs_network, not_applicable
from cs_sync.write_back.plan import Wish

WHOLE = 8
"""Characters from which on a key in a record is masked; a shorter one may be a customer's word."""
REFUSALS = (400, 401, 403, 404, 500)


class SecretCases:
    """What holds for keys and tokens, whatever the vendor says."""

    def test_no_secret_in_any_log_line_error_or_row(self, bench: SyncBench) -> None:
        """The vendor repeats the key in its errors; it reaches no log, error, event or row."""
        needs_network(bench)
        bench.vendor.page_size = 20
        said = Heard()
        with said.listening():
            bench.sync(keep_raw=True)
            for status in REFUSALS:
                run = bench.sync(echoing(status), full=True, keep_raw=True)
                said.add(run.outcomes, run.events)
                with bench.opened(echoing(status)) as source:
                    said.add(source, list(source.streams()))
                    with contextlib.suppress(CsSyncError):
                        said.add(*source.check())
        said.add(bench.config(), repr(bench.rows()), bench.path.read_bytes().decode("latin-1"))
        must_hide(said, credentials(bench.config(), bench.wire.sent))

    def test_a_key_among_the_records_is_not_stored(self, bench: SyncBench) -> None:
        """Somebody wrote the key into a customer's name: it reaches no row, log, error or event."""
        needs_network(bench)
        bench.vendor.page_size = 20
        keys = {key for key in secrets_of(bench.config()) if len(key) >= WHOLE}
        if not keys:
            not_applicable("it has no secret that is long enough")
        texts = OtherTexts(bench.vendor.free_text, tuple(sorted(keys)))
        said = Heard()
        with said.listening():
            run = bench.sync(rewritten(texts), keep_raw=True)
        must(bool(texts.used), "no answer of the fake vendor has a field of `free_text`")
        said.add(run.outcomes, run.events)
        said.add(repr(bench.rows()), bench.path.read_bytes().decode("latin-1"))
        must_hide(said, keys)

    def test_a_redirect_takes_no_key_along(self, bench: SyncBench) -> None:
        """A redirect to another host is not followed with the key."""
        needs_network(bench)
        run = bench.sync(redirecting)
        strangers = [s.request for s in run.sent if s.request.url.host == ELSEWHERE]
        must(not strangers, f"{len(strangers)} requests follow a redirect to another host")
        failed = all(outcome.status == "failed" for outcome in run.outcomes.values())
        must(failed, "every answer is a redirect to another host, and a stream comes through")

    def test_its_configuration_hides_its_secrets(self, bench: SyncBench) -> None:
        """Keys are SecretStr, so that nothing prints them by accident."""
        needs_network(bench)
        if not list(secrets_of(bench.config())):
            not_applicable("it has no secret")
        must_not_show(bench.config())


class WritingSecretCases:
    """The same for a connector that writes."""

    def test_no_secret_in_any_log_line_error_or_ledger(self, bench: PushBench) -> None:
        """The CRM repeats the key in its errors; it reaches no log, problem, finding or row."""
        said = Heard()
        sent = list(bench.push().sent)
        with said.listening():
            for status in REFUSALS:
                pushed = bench.push(echoing(status), _others(bench, status))
                sent += pushed.sent
                said.add(pushed, pushed.problems())
                with bench.opened(echoing(status)) as destination:
                    said.add(destination)
                    with contextlib.suppress(CsSyncError):
                        said.add(*destination.prepare(FIELDS))
                    sent += bench.wire.sent
        said.add(bench.config(), bench.path.read_bytes().decode("latin-1"))
        must_hide(said, credentials(bench.config(), sent))

    def test_a_redirect_takes_no_key_along(self, bench: PushBench) -> None:
        """A redirect to another host is not followed, and what was written to it is not done."""
        pushed = bench.push(redirecting)
        strangers = [s.request for s in pushed.sent if s.request.url.host == ELSEWHERE]
        must(not strangers, f"{len(strangers)} requests follow a redirect to another host")
        must(bool(pushed.problems()), "every answer is a redirect, and the push is content")
        must(bool(bench.missing()), "nothing was carried out, and it is all there")

    def test_its_configuration_hides_its_secrets(self, bench: PushBench) -> None:
        """Keys are SecretStr, so that nothing prints them by accident."""
        must_not_show(bench.config())


def _others(bench: PushBench, number: int) -> list[Wish]:
    """What was not written yet: another score, another follow-up."""
    score = {"cs_health_score": number / 10}
    return [
        replace(wish, fields={**wish.fields, **score})
        if wish.object == "account"
        else replace(wish, key=f"{wish.key}:{number}")
        for wish in bench.wishes
    ]

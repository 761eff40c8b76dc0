"""Secrets stay between the configuration and the vendor."""

import contextlib

from cs_sync.contracts.errors import CsSyncError
from cs_sync.http import collect_secrets
from cs_sync.testing.assertions import require, require_network, skip_case
from cs_sync.testing.faults import TextReplacer, rewrite_response
from cs_sync.testing.leak_detector import (
    OTHER_HOST,
    OutputCapture,
    assert_config_hides_secrets,
    assert_hidden,
    collect_credentials,
    echo_request,
    find_plain_credentials,
    redirect_elsewhere,
)
from cs_sync.testing.pushing import FIELDS, PushHarness
from cs_sync.testing.syncing import SyncHarness, run_reference
from cs_sync.write_back.plan import DesiredRecord, change_op

WHOLE = 8
"""Characters from which on a key in a record is masked; a shorter one may be a customer's word."""
REFUSALS = (400, 401, 403, 404, 500)


class SecretCases:
    """Cases on keys and tokens, whatever the vendor returns."""

    def test_no_secret_in_any_log_line_error_or_row(self, bench: SyncHarness) -> None:
        """A key repeated in errors reaches no log, error or row.

        Nor an event.
        """
        require_network(bench)
        bench.vendor.page_size = 20
        output = OutputCapture()
        with output.capture():
            bench.sync(keep_raw=True)
            for status in REFUSALS:
                run = bench.sync(echo_request(status), full=True, keep_raw=True)
                output.add(run.outcomes, run.events)
                with bench.open_connector(echo_request(status)) as source:
                    output.add(source, list(source.streams()))
                    with contextlib.suppress(CsSyncError):
                        output.add(*source.check())
        output.add(bench.config(), repr(bench.rows()), bench.path.read_bytes().decode("latin-1"))
        assert_hidden(output, collect_credentials(bench.config(), bench.wire.sent))

    def test_a_key_among_the_records_is_not_stored(self, bench: SyncHarness) -> None:
        """A key in a customer's name reaches no row or log.

        Nor an error or event.
        """
        require_network(bench)
        bench.vendor.page_size = 20
        keys = {key for key in collect_secrets(bench.config()) if len(key) >= WHOLE}
        if not keys:
            skip_case("it has no secret that is long enough")
        texts = TextReplacer(bench.vendor.free_text, tuple(sorted(keys)))
        output = OutputCapture()
        with output.capture():
            run = bench.sync(rewrite_response(texts), keep_raw=True)
        require(bool(texts.used), "no answer of the fake vendor has a field of `free_text`")
        output.add(run.outcomes, run.events)
        output.add(repr(bench.rows()), bench.path.read_bytes().decode("latin-1"))
        assert_hidden(output, keys)

    def test_a_redirect_takes_no_key_along(self, bench: SyncHarness) -> None:
        """A redirect to another host is not followed with the key."""
        require_network(bench)
        run = bench.sync(redirect_elsewhere)
        strangers = [s.request for s in run.sent if s.request.url.host == OTHER_HOST]
        require(not strangers, f"{len(strangers)} requests follow a redirect to another host")
        failed = all(outcome.status == "failed" for outcome in run.outcomes.values())
        require(failed, "every answer is a redirect to another host, and a stream comes through")

    def test_its_configuration_hides_its_secrets(self, bench: SyncHarness) -> None:
        """Keys are SecretStr, so that nothing prints them by accident."""
        require_network(bench)
        config, sent = bench.config(), run_reference(bench.kind).run.sent
        plain = ", ".join(find_plain_credentials(config, sent))
        require(
            not plain,
            f"{plain} is a plain str and is sent as a credential: declare it as SecretStr, or any"
            " log line or error may show it",
        )
        if not list(collect_secrets(bench.config())):
            skip_case("it has no secret")
        assert_config_hides_secrets(bench.config())


class WritingSecretCases:
    """The same cases for a connector that writes."""

    def test_no_secret_in_any_log_line_error_or_ledger(self, bench: PushHarness) -> None:
        """A key repeated in errors reaches no log, problem or row.

        Nor a finding.
        """
        output = OutputCapture()
        sent = list(bench.push().sent)
        with output.capture():
            for status in REFUSALS:
                pushed = bench.push(echo_request(status), _further_records(bench, status))
                sent += pushed.sent
                output.add(pushed, pushed.problems())
                with bench.open_connector(echo_request(status)) as destination:
                    output.add(destination)
                    with contextlib.suppress(CsSyncError):
                        output.add(*destination.prepare(FIELDS))
                    sent += bench.wire.sent
        output.add(bench.config(), bench.path.read_bytes().decode("latin-1"))
        assert_hidden(output, collect_credentials(bench.config(), sent))

    def test_a_redirect_takes_no_key_along(self, bench: PushHarness) -> None:
        """A redirect to another host is not followed.

        What was written to it is not done.
        """
        pushed = bench.push(redirect_elsewhere)
        strangers = [s.request for s in pushed.sent if s.request.url.host == OTHER_HOST]
        require(not strangers, f"{len(strangers)} requests follow a redirect to another host")
        require(bool(pushed.problems()), "every answer is a redirect, and the push is content")
        require(bool(bench.missing()), "nothing was carried out, and it is all there")

    def test_its_configuration_hides_its_secrets(self, bench: PushHarness) -> None:
        """Keys are SecretStr, so that nothing prints them by accident."""
        assert_config_hides_secrets(bench.config())


def _further_records(bench: PushHarness, number: int) -> list[DesiredRecord]:
    """Return records not written yet: another score, another follow-up."""
    score = {"cs_health_score": number / 10}
    return [
        change_op(record, fields={**record.op.fields, **score})
        if record.op.object == "account"
        else change_op(record, key=f"{record.op.key}:{number}")
        for record in bench.desired
    ]

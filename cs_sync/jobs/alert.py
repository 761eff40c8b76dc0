"""Alerts of a run: find what is wrong, send it once, keep who knows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace
from pydantic import SecretStr
from sqlalchemy import make_url

from cs_sync.alerts.causes import FAILED, Cause, Judgement, MoneyAtRisk, RunOutcome, judge_run
from cs_sync.alerts.messages import build_message
from cs_sync.alerts.states import AlertState, mark_sent, update_states
from cs_sync.config import Config
from cs_sync.contracts.errors import ConfigError, CsSyncError, LeaseHeld
from cs_sync.contracts.events import Event
from cs_sync.runtime.workspace import Workspace, utc_now
from cs_sync.store.alerts import read_alerts, save_alerts
from cs_sync_schemas.money import to_major_units

if TYPE_CHECKING:  # a health check starts without the report
    from cs_sync.report.risk import RiskSum
    from cs_sync.runtime.run_session import RunSession


@contextmanager
def alert_on_failure(workspace: Workspace) -> Iterator[None]:
    """Alert when the body raises.

    Not when it was stopped, or another run is in progress.
    """
    from cs_sync.sync.session import Interrupted

    try:
        yield
    except (LeaseHeld, Interrupted):
        raise
    except Exception as error:
        text = (
            str(error) if isinstance(error, CsSyncError) else f"unexpected {type(error).__name__}"
        )
        failed = RunOutcome(FAILED, [text])
        for note in send_alerts(workspace, judge_run(failed)):
            workspace.emit(Event("warning", workspace.clock(), detail={"message": note}))
        raise


def alert_after_run(recorded: "RunSession", risk: "RiskSum | None") -> list[str]:
    """Alert to what a finished run shows wrong or over.

    Args:
        recorded: The run.
        risk: The MRR at risk; None if it is not known.

    Returns:
        A note per channel that could not be used.
    """
    workspace = recorded.workspace
    unusual = {drop.message for drop in recorded.drops}
    outcome = RunOutcome(
        recorded.summary().status,
        [message for message in recorded.messages if message not in unusual],
        [
            (f"{outcome.source} {outcome.stream}", outcome.stored.rejected)
            for outcome in recorded.outcomes
            if outcome.stored.rejected
        ],
        recorded.drops,
    )
    return send_alerts(workspace, judge_run(outcome, _compare_risk(workspace.config, risk)))


def alert_unopened(config: Config, error: CsSyncError) -> list[str]:
    """Alert that a run could not open its database.

    Nobody can keep who knows it then.

    Returns:
        A note per channel that could not be used.
    """
    (cause,) = judge_run(RunOutcome(FAILED, [str(error)])).causes
    state = AlertState(cause.key, utc_now(), _mask(config, cause.text))
    return [
        note
        for channel in config.alerts.channels
        if (note := _send(config, channel, [state])) is not None
    ]


def send_alerts(workspace: Workspace, judgement: Judgement) -> list[str]:
    """Send what is new since the last judgement.

    What could not be sent then is sent, too.

    Returns:
        A note per channel that could not be used; it is tried again next time.
    """
    config = workspace.config
    channels = config.alerts.channels
    with workspace.store.read() as connection:
        known = read_alerts(connection)
    causes = [_mask_cause(config, cause) for cause in judgement.causes]
    masked = replace(judgement, causes=causes)
    states = update_states(known, masked, channels, workspace.clock())
    notes = []
    for channel in channels:
        unknown = [state for state in states if channel in state.waiting]
        note = _send(config, channel, unknown) if unknown else None
        if note is None:
            states = mark_sent(states, channel)
        else:
            notes.append(note)
    if states != known:
        workspace.store.transact(lambda connection: save_alerts(connection, states))
    return notes


def send_test_alert(workspace: Workspace, channel: str) -> None:
    """Send a harmless alert on one channel.

    Raises:
        CsSyncError: It did not arrive.
    """
    text = "this is a test\nnothing is wrong; `cs-sync check --send-alerts` sent this"
    _send_states(workspace.config, channel, [AlertState("test", workspace.clock(), text)])


def _send(config: Config, channel: str, states: Sequence[AlertState]) -> str | None:
    """Send on one channel; return a note if it failed."""
    try:
        _send_states(config, channel, states)
    except CsSyncError as error:
        return _mask(config, f"alert: not sent by {channel}: {error}")
    return None


def _send_states(config: Config, channel: str, states: Sequence[AlertState]) -> None:
    from cs_sync.jobs.send_alert import send_alert

    workspace = config.workspace
    send_alert(config, channel, build_message(workspace.name, states, workspace.timezone))


def _compare_risk(config: Config, risk: "RiskSum | None") -> MoneyAtRisk | None:
    threshold, currency = config.alerts.money_at_risk_above, config.workspace.currency
    if threshold is None or risk is None:
        return None
    return MoneyAtRisk(float(to_major_units(risk.total, currency)), threshold, currency)


def _mask_cause(config: Config, cause: Cause) -> Cause:
    details = tuple(_mask(config, line) for line in cause.details)
    return replace(cause, title=_mask(config, cause.title), details=details)


def _mask(config: Config, text: str) -> str:
    """Return a text without any secret of the configuration."""
    from cs_sync.http.redaction import Redactor

    redactor = Redactor()
    redactor.add_secrets(_list_secrets(config))
    return redactor.redact_text(text)


def _list_secrets(config: Config) -> set[str]:
    """List the values of all secrets.

    What cannot be looked up cannot be shown either.
    """
    from cs_sync.http import collect_secrets

    sections = (config.alerts, config.report.email)
    secrets = {make_url(config.database.url.get_secret_value()).password or ""}
    secrets |= {config.database.url.get_secret_value()}
    for written in [value for section in sections for value in collect_secrets(section)]:
        with suppress(ConfigError):
            secrets.add(config.read_secret(SecretStr(written), "alerts"))
    for name in config.connectors:
        with suppress(ConfigError):
            secrets |= {*collect_secrets(config.connectors[name])}
    return secrets - {""}

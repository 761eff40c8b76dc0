"""Who knows of what: once per cause and channel, and once again when it is over; pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from cs_sync.alerts.causes import Cause, Judgement, has_news


class AlertState(Struct, frozen=True):
    """A cause that is, or was, wrong; the channels that know of it, and those to be told."""

    cause: str
    since: datetime
    text: str
    is_over: bool = False
    knowing: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The first word of the cause."""
        return self.cause.partition(" ")[0]

    @property
    def is_settled(self) -> bool:
        """Whether it is over and everybody knows it."""
        return self.is_over and not self.waiting


def update_states(
    states: Iterable[AlertState],
    judgement: Judgement,
    channels: Sequence[str],
    now: datetime,
) -> list[AlertState]:
    """Return the states after a judgement, sorted by cause.

    A channel is told of a cause when it begins and when its text has news, and of its end if it
    knows of the beginning.

    Args:
        states: The states so far.
        judgement: What was found, and looked for.
        channels: The configured channels.
        now: The time.
    """
    known = {state.cause: _drop_channels(state, channels) for state in states}
    present = {cause.key: cause for cause in judgement.causes}
    begun = {key: _go_on(known.get(key), cause, channels, now) for key, cause in present.items()}
    ended = {
        key: replace(state, is_over=True, waiting=state.knowing)
        for key, state in known.items()
        if key not in present and state.kind in judgement.judged and not state.is_over
    }
    updated = {**known, **begun, **ended}
    return [updated[key] for key in sorted(updated)]


def mark_sent(states: Iterable[AlertState], channel: str) -> list[AlertState]:
    """Mark that a channel was told all it waited for.

    Returns the states after that.
    """
    return [_mark_sent(state, channel) for state in states]


def _mark_sent(state: AlertState, channel: str) -> AlertState:
    if channel not in state.waiting:
        return state
    others = tuple(name for name in state.knowing if name != channel)
    return replace(
        state,
        knowing=others if state.is_over else (*others, channel),
        waiting=tuple(name for name in state.waiting if name != channel),
    )


def _drop_channels(state: AlertState, channels: Sequence[str]) -> AlertState:
    """Return the state without the channels that are no more."""
    return replace(
        state,
        knowing=tuple(name for name in state.knowing if name in channels),
        waiting=tuple(name for name in state.waiting if name in channels),
    )


def _go_on(
    state: AlertState | None, cause: Cause, channels: Sequence[str], now: datetime
) -> AlertState:
    if state is None or state.is_over:
        knowing = state.knowing if state else ()
        return AlertState(cause.key, now, cause.text, knowing=knowing, waiting=tuple(channels))
    waiting = tuple(channels)
    if not has_news(cause.text, state.text):
        new = [name for name in channels if name in state.waiting or name not in state.knowing]
        waiting = tuple(new)
    return replace(state, text=cause.text, waiting=waiting)

"""Reference page of health, generated from the signals.

Run it with `python -m cs_sync.health.document`.
"""

from collections.abc import Iterator

from cs_sync.health.default_inputs import DEFAULT_INPUTS, WEIGHTS_WITHOUT_USAGE
from cs_sync.health.model import HealthConfig
from cs_sync.health.signal_words import name_signal
from cs_sync.health.signals.registry import FEATURE_SIGNAL, SIGNALS, Signal
from cs_sync.i18n import ENGLISH
from cs_sync.markdown import wrap_markdown

_INTRODUCTION = """\
# Health

This page is written from the code. `cs-sync score` scores every account, `cs-sync explain ACCOUNT`
says why. The score (also called CHS, customer health score) is made of inputs; each is a signal, a
map from its value to points, and a weight. Inputs that are missing are left out, and the others
share their weight.

```toml
[health.inputs.support]        # the name is yours; that of a default input changes it
weight = 20                    # all weights total 100; 0 takes the input out
signal = "tickets_30"
points = [[0, 100], [3, 0]]    # value → points of 0 to 100, straight lines between
max_age_days = 45              # facts older than this are missing, not the last value
bonus = false                  # true: on top of 100, and missed by nobody
```

Who adds an input takes its weight from the others: for one of 30, the default weights 40, 30, 20
and 10 become 28, 21, 14 and 7. A total that is not 100 is refused, with the weights that would be.
With `mode = "points"` there are no default inputs, a weight is the impact of one unit, also below
0, and the sum has no ceiling: impact × frequency of every action that you name.

```toml
[health]
mode = "points"

[health.inputs.export]
signal = "feature:export"      # any feature or event, by the name that its source gives
weight = 3                     # 10 exports in 28 days are 30 points

[health.inputs.tickets]
signal = "tickets_30"
weight = -5
```

Where `[metrics] active_features = ["export", …]` names features or events, only they make somebody
active: `active_days_28`, `days_since_use`, `usage_trend_28` and `seat_use_28` go by them. They are
missing for accounts known only to sources that never saw one of them (such as those with totals).

A plugin may bring further signals: [write a health signal](plugins/signals.md).
"""
_DEFAULT_INPUTS = """\
## Default inputs

The weights follow from the sources. An input leaves the model if none of its records is stored and
no configured connector brings any; the others share its weight, and coverage is measured over them.
`score`, `check`, `run` and the report name once what is left out (`left_out` in JSON).

Without a source of usage, what billing and the CRM know takes its place: the second column. With
Stripe and HubSpot alone support leaves as well, and the other 95 count as 100. A scheduled
cancellation then costs 30 of 95, so that an account that leaves is never green. Weights of your own
hold with any sources.

Seats, renewals and MRR of 90 days ago are facts of some accounts only: without them nothing is
missing. A bonus (+) comes on top of a green score: an account that is well and grows passes 100 and
is excellent.
"""
_BETTER = {
    "more": "more is better",
    "less": "less is better",
    "either": "more may be better or worse",
}


def render_page() -> str:
    """Return the page as Markdown."""
    parts = [_INTRODUCTION, *_render_signals(), *_render_default_inputs(), *_render_bands()]
    return wrap_markdown("\n".join(parts))


def _render_signals() -> Iterator[str]:
    yield "## Signals\n"
    for signal in (*SIGNALS.values(), FEATURE_SIGNAL):
        yield _render_signal(signal)


def _render_signal(signal: Signal) -> str:
    title = name_signal(signal.name, ENGLISH)
    head = f"### `{signal.name}`\n\n{title}; {_BETTER[signal.better]}.\n"
    return f"{head}\n{signal.meaning}\n"


def _render_default_inputs() -> Iterator[str]:
    yield _DEFAULT_INPUTS
    yield "| input | with usage | without | signal | points |\n| --- | --- | --- | --- | --- |"
    for name, defaults in DEFAULT_INPUTS.items():
        points = ", ".join(f"{value} → {points}" for value, points in defaults["points"])
        weights = [defaults["weight"], WEIGHTS_WITHOUT_USAGE.get(name, 0)]
        plus = "+" if defaults.get("bonus") else ""
        shown = " | ".join(f"{plus}{weight}" if weight else "–" for weight in weights)
        yield f"| `{name}` | {shown} | `{defaults['signal']}` | {points} |"
    yield ""


def _render_bands() -> Iterator[str]:
    yield "## Bands\n"
    yield "| band | from |\n| --- | --- |"
    for band, edge in HealthConfig().bands.list_edges():
        yield f"| {band} | {float(edge):g} |"
    yield "\nA band ends where the next begins; the score is not rounded before."


if __name__ == "__main__":
    print(render_page())

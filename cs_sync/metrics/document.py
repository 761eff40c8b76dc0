"""Reference page of metrics, generated from the registry.

Run it with `python -m cs_sync.metrics.document`.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from typing import get_args

from cs_sync.markdown import wrap_markdown
from cs_sync.metrics.benchmark import BENCHMARKS, Benchmark
from cs_sync.metrics.metric import Family, Metric, Stage, Strategy
from cs_sync.metrics.mrr.policy import PRESET_DIFFERENCES, PRESETS, MrrPolicy
from cs_sync.metrics.registry import is_in_view, list_builtin_metrics

_INTERVALS = {
    "wilson": "Wilson's score interval of a proportion",
    "ratio": "interval of a ratio of sums over accounts or people",
    "nps": "interval of a difference of two shares",
    "poisson": "limits of a number of events, by Byar; of weighted ones by Dobson and others",
    "log": "interval of a quotient on the scale of its logarithm, by the delta method",
}
_INTRODUCTION = """\
# Metrics

This page is written from the registry of metrics; `cs-sync metrics --metric NAME` prints one.

Every value has a numerator, a denominator, n and, where chance plays a part, a 95 % interval. Its
status is `final`, `provisional` (the period or the window after it is not over), `insufficient`
(too few, or nothing known) or `stale` (a stream it rests on failed). What cannot be computed is
null, never 0 and never infinite. Money is in minor units, ratios are fractions, periods are
half-open in the reporting zone.
"""

_SWITCHES = """\
`--policy A --policy B` prints figures side by side; each carries its policy's hash. Single switches
are set in `[metrics.policy_overrides]`. The reporting zone is that of `[workspace]`.

Whatever the policy: MRR is the sum of the running subscriptions' items, at the price of their tier
and quantity, spread over the months of their interval. Refunds, taxes on top, charges that do not
recur and what is metered are not part of it, and nothing that is agreed for later is. An account
has left when its last subscription has ended. Who joins and leaves within a period is never in a
rate.
"""


def render_page(metrics: Iterable[Metric]) -> str:
    """Return the page as Markdown."""
    ordered = sorted(metrics, key=lambda metric: metric.family)
    parts = [_INTRODUCTION]
    for family, members in groupby(ordered, key=lambda metric: metric.family):
        parts.append(f"## {family[0].upper()}{family[1:]}\n")
        parts += [_render_metric(metric) for metric in members]
    appendix = (_render_views(ordered), _render_aliases(ordered), _render_policies())
    return wrap_markdown("\n".join(chain(parts, *appendix)))


_VIEWS: dict[str, tuple[str, ...]] = {
    "stage": get_args(Stage),
    "strategy": get_args(Strategy),
    "family": get_args(Family),
}


def _render_views(metrics: list[Metric]) -> Iterator[str]:
    yield "## Views\n"
    yield "| option | metrics |\n| --- | --- |"
    for option, values in _VIEWS.items():
        for value in values:
            names = [f"`{m.name}`" for m in metrics if is_in_view(m, option, value)]
            yield f'| `--{option} "{value}"` | {", ".join(names)} |'
    yield ""


def _render_aliases(metrics: list[Metric]) -> Iterator[str]:
    """Yield the table of other names, in alphabetical order, with their metrics."""
    yield "## Other names\n"
    yield "`cs-sync metrics --metric` takes these, too, in capitals or not: `ndr` gives `nrr`.\n"
    yield "| name | metric |\n| --- | --- |"
    named = sorted(((a, m.name) for m in metrics for a in m.aliases), key=lambda p: p[0].lower())
    for alias, name in named:
        yield f"| {alias} | [`{name}`](#{name}) |"
    yield ""


def _render_metric(metric: Metric) -> str:
    unit = metric.unit + (f", over {metric.scaled_to:g} days" if metric.scaled_to else "")
    lines = [
        f"### `{metric.name}`\n",
        f"{metric.title}: {metric.formula}.\n",
        *([f"- also called: {', '.join(metric.aliases)}"] if metric.aliases else []),
        f"- unit: {unit}",
        f"- sources: {'; '.join(metric.sources)}",
        f"- inputs: {', '.join(f'`{table}`' for table in dict.fromkeys(metric.inputs))}",
    ]
    if metric.spread != "none":
        lines.append(f"- interval: {_INTERVALS[metric.spread]}")
    if metric.settings:
        settings = (f"`{key} = {_format_toml(value)}`" for key, value in metric.settings.items())
        lines.append(f"- settings: {', '.join(settings)}")
    if metric.dimensions:
        lines.append(f"- split by: {', '.join(metric.dimensions)}")
    if metric.name in BENCHMARKS:
        lines.append(f"- benchmark: {_format_benchmark(BENCHMARKS[metric.name])}")
    if metric.edge_cases:
        lines.append(f"\n{metric.edge_cases.strip()}")
    return "\n".join([*lines, ""])


def _format_toml(value: object) -> str:
    """Write a setting as TOML; – is a switch left out."""
    if value is None:
        return "–"
    return json.dumps(value, ensure_ascii=False)


def _format_benchmark(benchmark: Benchmark) -> str:
    per = " a month, scaled to other periods" if benchmark.monthly else ""
    return f"{benchmark.better} {benchmark.value:g}{per} ({benchmark.source})"


def _render_policies() -> Iterator[str]:
    yield "## MRR policies\n"
    yield _SWITCHES
    switches = [name for name in MrrPolicy.model_fields if name not in ("name", "zone")]
    policies = {name: MrrPolicy.preset(name) for name in PRESETS}
    yield f"| switch | {' | '.join(policies)} |"
    yield f"| --- |{' --- |' * len(policies)}"
    for switch in switches:
        values = [_format_toml(getattr(policy, switch)) for policy in policies.values()]
        cells = [value if value == values[0] else f"**{value}**" for value in values]
        yield f"| `{switch}` | {' | '.join(cells)} |"
    yield ""
    for switch in switches:
        yield f"- `{switch}`: {MrrPolicy.model_fields[switch].description}"
    yield "\nWhat a preset does not follow, and why:\n"
    for name, why in PRESET_DIFFERENCES.items():
        yield f"- `{name}`: {why}"
    yield ""


if __name__ == "__main__":
    print(render_page(list_builtin_metrics()), end="")

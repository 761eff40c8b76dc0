"""Gauges in the text format of Prometheus, as node_exporter's textfile collector reads it."""

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Sample(Struct, frozen=True):
    """One value with its labels."""

    value: float
    labels: Mapping[str, str]


class Gauge(Struct, frozen=True):
    """A measure that goes up and down; units stand in its name, as seconds do."""

    name: str
    help: str
    samples: Sequence[Sample]


def format_gauges(gauges: Iterable[Gauge], labels: Mapping[str, str]) -> str:
    """Format gauges, those without samples left out.

    Args:
        gauges: The gauges.
        labels: Labels of every sample.
    """
    return "".join(_format_gauge(gauge, labels) for gauge in gauges if gauge.samples)


def _format_gauge(gauge: Gauge, labels: Mapping[str, str]) -> str:
    assert _NAME.fullmatch(gauge.name)  # noqa: S101 - ours, and not of any data
    lines = [f"# HELP {gauge.name} {gauge.help}", f"# TYPE {gauge.name} gauge"]
    for sample in gauge.samples:
        given = _format_labels({**labels, **sample.labels})
        lines.append(f"{gauge.name}{{{given}}} {_format_value(sample.value)}")
    return "".join(f"{line}\n" for line in lines)


def _format_labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())


def _format_value(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))

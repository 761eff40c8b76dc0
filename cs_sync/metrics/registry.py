"""The one list of metrics: ours and those of plugins."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cs_sync.metrics.aliases import ALIASES, plain
from cs_sync.metrics.catalogue.advocacy import ADVOCACY
from cs_sync.metrics.catalogue.chances import CHANCES
from cs_sync.metrics.catalogue.churn import CHURN
from cs_sync.metrics.catalogue.customers import CUSTOMERS
from cs_sync.metrics.catalogue.features import FEATURES
from cs_sync.metrics.catalogue.health import HEALTH
from cs_sync.metrics.catalogue.lifecycle import LIFECYCLE
from cs_sync.metrics.catalogue.onboarding import ONBOARDING
from cs_sync.metrics.catalogue.product import PRODUCT
from cs_sync.metrics.catalogue.revenue import REVENUE
from cs_sync.metrics.catalogue.seats import SEATS
from cs_sync.metrics.catalogue.sections import SECTIONS
from cs_sync.metrics.catalogue.sessions import SESSIONS
from cs_sync.metrics.catalogue.support import SUPPORT
from cs_sync.metrics.catalogue.trials import TRIALS
from cs_sync.metrics.catalogue.usage import USAGE
from cs_sync.metrics.catalogue.value import VALUE
from cs_sync.metrics.catalogue.voice import VOICE
from cs_sync.metrics.catalogue.worth import WORTH
from cs_sync.metrics.metric import Metric


def builtin_metrics() -> tuple[Metric, ...]:
    """The metrics that come with cs-sync, in the order in which they are shown."""
    catalogue = (
        *REVENUE,
        *CUSTOMERS,
        *CHURN,
        *CHANCES,
        *VALUE,
        *WORTH,
        *TRIALS,
        *ONBOARDING,
        *VOICE,
        *HEALTH,
        *USAGE,
        *LIFECYCLE,
        *SEATS,
        *SESSIONS,
        *SECTIONS,
        *FEATURES,
        *SUPPORT,
        *ADVOCACY,
        *PRODUCT,
    )
    return tuple(replace(metric, aliases=ALIASES.get(metric.name, ())) for metric in catalogue)


def in_view(metric: Metric, option: str, value: str) -> bool:
    """Whether a metric is shown by `--stage`, `--strategy` or `--family`."""
    of_it = getattr(metric, option)
    return value == of_it if isinstance(of_it, str) else value in of_it


class Registry:
    """Metrics by name, in the order in which they were added."""

    def __init__(self, metrics: Iterable[Metric] = ()) -> None:
        self._metrics: dict[str, Metric] = {}
        self._aliases: dict[str, str] = {}
        for metric in metrics:
            self.add(metric)

    def add(self, metric: Metric) -> None:
        """Add a metric; ValueError when its name is taken."""
        if metric.name in self._metrics:
            raise ValueError(f"there is a metric named {metric.name!r} already")
        self._metrics[metric.name] = metric
        for alias in metric.aliases:
            self._aliases.setdefault(plain(alias), metric.name)

    def named(self, name: str) -> str:
        """The metric's own name for a name or another name of it; ValueError for neither."""
        own = name if name in self._metrics else plain(name)
        found = own if own in self._metrics else self._aliases.get(own)
        if found is None:
            known = ", ".join(sorted(self._metrics))
            raise ValueError(f"unknown metric {name!r}; known: {known}")
        return found

    def select(self, names: Sequence[str] = ()) -> tuple[Metric, ...]:
        """The metrics of these names, or other names, in this order, each once; without any, all.

        ValueError for an unknown one.
        """
        chosen = [self.named(name) for name in names] or self._metrics
        return tuple(self._metrics[name] for name in dict.fromkeys(chosen))

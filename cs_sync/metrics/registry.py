"""The one list of metrics: ours and those of plugins."""

from collections.abc import Iterable, Sequence

from cs_sync.metrics.catalogue.advocacy import ADVOCACY
from cs_sync.metrics.catalogue.chances import CHANCES
from cs_sync.metrics.catalogue.churn import CHURN
from cs_sync.metrics.catalogue.customers import CUSTOMERS
from cs_sync.metrics.catalogue.features import FEATURES
from cs_sync.metrics.catalogue.lifecycle import LIFECYCLE
from cs_sync.metrics.catalogue.onboarding import ONBOARDING
from cs_sync.metrics.catalogue.product import PRODUCT
from cs_sync.metrics.catalogue.revenue import REVENUE
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
    return (
        *REVENUE,
        *CUSTOMERS,
        *CHURN,
        *CHANCES,
        *VALUE,
        *WORTH,
        *TRIALS,
        *ONBOARDING,
        *VOICE,
        *USAGE,
        *LIFECYCLE,
        *SESSIONS,
        *FEATURES,
        *SUPPORT,
        *ADVOCACY,
        *PRODUCT,
    )


class Registry:
    """Metrics by name, in the order in which they were added."""

    def __init__(self, metrics: Iterable[Metric] = ()) -> None:
        self._metrics: dict[str, Metric] = {}
        for metric in metrics:
            self.add(metric)

    def add(self, metric: Metric) -> None:
        """Add a metric; ValueError when its name is taken."""
        if metric.name in self._metrics:
            raise ValueError(f"there is a metric named {metric.name!r} already")
        self._metrics[metric.name] = metric

    def select(self, names: Sequence[str] = ()) -> tuple[Metric, ...]:
        """The metrics of these names in this order, each once, or all; ValueError for an unknown
        one."""
        for name in names:
            if name not in self._metrics:
                known = ", ".join(sorted(self._metrics))
                raise ValueError(f"unknown metric {name!r}; known: {known}")
        return tuple(self._metrics[name] for name in dict.fromkeys(names or self._metrics))

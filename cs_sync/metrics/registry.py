"""The registry of metrics: built-in ones and those of plugins."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cs_sync.metrics.aliases import ALIASES, normalise_name
from cs_sync.metrics.catalogue.advocacy import ADVOCACY
from cs_sync.metrics.catalogue.churn import CHURN
from cs_sync.metrics.catalogue.customer_value import CUSTOMER_VALUE
from cs_sync.metrics.catalogue.customers import CUSTOMERS
from cs_sync.metrics.catalogue.features import FEATURES
from cs_sync.metrics.catalogue.hazard import HAZARDS
from cs_sync.metrics.catalogue.health import HEALTH
from cs_sync.metrics.catalogue.lifecycle import LIFECYCLE
from cs_sync.metrics.catalogue.onboarding import ONBOARDING
from cs_sync.metrics.catalogue.product import PRODUCT
from cs_sync.metrics.catalogue.revenue import REVENUE
from cs_sync.metrics.catalogue.seats import SEATS
from cs_sync.metrics.catalogue.sections import SECTIONS
from cs_sync.metrics.catalogue.sessions import SESSIONS
from cs_sync.metrics.catalogue.support import SUPPORT
from cs_sync.metrics.catalogue.surveys import SURVEYS
from cs_sync.metrics.catalogue.trials import TRIALS
from cs_sync.metrics.catalogue.usage import USAGE
from cs_sync.metrics.catalogue.value import VALUE
from cs_sync.metrics.metric import Metric


def list_builtin_metrics() -> tuple[Metric, ...]:
    """Return the built-in metrics in display order."""
    catalogue = (
        *REVENUE,
        *CUSTOMERS,
        *CHURN,
        *HAZARDS,
        *VALUE,
        *CUSTOMER_VALUE,
        *TRIALS,
        *ONBOARDING,
        *SURVEYS,
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


def is_in_view(metric: Metric, option: str, value: str) -> bool:
    """Return whether a metric belongs to `--stage`, `--strategy` or `--family`.

    Args:
        metric: The metric.
        option: `stage`, `strategy` or `family`.
        value: The value of the option.
    """
    of_it = getattr(metric, option)
    return value == of_it if isinstance(of_it, str) else value in of_it


class MetricRegistry:
    """Metrics by name, in the order of registration."""

    def __init__(self, metrics: Iterable[Metric] = ()) -> None:
        self._metrics: dict[str, Metric] = {}
        self._aliases: dict[str, str] = {}
        for metric in metrics:
            self.add(metric)

    def add(self, metric: Metric) -> None:
        """Add a metric.

        Raises:
            ValueError: The name is taken.
        """
        if metric.name in self._metrics:
            raise ValueError(f"there is a metric named {metric.name!r} already")
        self._metrics[metric.name] = metric
        for alias in metric.aliases:
            self._aliases.setdefault(normalise_name(alias), metric.name)

    def resolve_name(self, name: str) -> str:
        """Return the name of a metric for its name or an alias.

        Raises:
            ValueError: The name is unknown.
        """
        own = name if name in self._metrics else normalise_name(name)
        canonical = own if own in self._metrics else self._aliases.get(own)
        if canonical is None:
            names = ", ".join(sorted(self._metrics))
            raise ValueError(f"unknown metric {name!r}; known: {names}")
        return canonical

    def select(self, names: Sequence[str] = ()) -> tuple[Metric, ...]:
        """Return the metrics of these names or aliases; default: all.

        Raises:
            ValueError: A name is unknown.
        """
        chosen = [self.resolve_name(name) for name in names] or self._metrics
        return tuple(self._metrics[name] for name in dict.fromkeys(chosen))

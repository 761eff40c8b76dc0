"""Names of our published distributions, and advice on others."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, distributions

from cs_sync.contracts.errors import ConfigError

DISTRIBUTION = "customer-success-sync"
CONNECTORS = (
    "chargebee",
    "dlt",
    "files",
    "formbricks",
    "freshdesk",
    "hubspot",
    "intercom",
    "mixpanel",
    "paddle",
    "posthog",
    "salesforce",
    "singer",
    "stripe",
    "typeform",
    "userpilot",
    "webhook",
    "zendesk",
)
"""The connectors that we publish, each as an extra of the host."""

_FOREIGN = "cs-sync"
"""Another project of the package index: its package is called `cs_sync`, too."""


def how_to_install(connector: str) -> str:
    """Return the remedy for a connector that is not installed."""
    if connector in CONNECTORS:
        return f'pip install "{DISTRIBUTION}[{connector}]"'
    return (
        f"connectors of cs-sync: {', '.join(CONNECTORS)};"
        " for another API write one: cs-sync new connector NAME"
    )


def refuse_foreign_package() -> None:
    """Raise ConfigError if another project's `cs_sync` package is installed beside ours."""
    try:
        version = distribution(_FOREIGN).version
    except PackageNotFoundError:
        return
    dependents = sorted(_list_dependents(_FOREIGN))
    required = f" (required by {', '.join(dependents)})" if dependents else ""
    raise ConfigError(
        f"{_FOREIGN} {version} is another project whose files replace ours{required}",
        f"pip uninstall {' '.join([_FOREIGN, *dependents])}; "
        f"pip install --force-reinstall --no-deps {DISTRIBUTION}",
    )


def _list_dependents(name: str) -> Iterator[str]:
    """Yield the installed distributions that require another one by name."""
    for installed in distributions():
        if name in map(_required_name, installed.requires or ()):
            yield installed.name


def _required_name(requirement: str) -> str:
    """Return the normalised name in a requirement such as `Cs_Sync[x]>=1`."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()

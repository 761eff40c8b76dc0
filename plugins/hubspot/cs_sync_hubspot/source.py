"""The source: what the connector is; reading is loaded when something is read."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from cs_sync import ConnectorConfig, Finding, Http, Limit, Stream
from cs_sync_hubspot.config import LANES, LIMITS, HubSpotConfig


class HubSpotSource:
    """Reads the CRM."""

    name: ClassVar[str] = "hubspot"
    title: ClassVar[str] = "HubSpot"
    Config: ClassVar[type[ConnectorConfig]] = HubSpotConfig
    limits: ClassVar[Sequence[Limit]] = LIMITS
    concurrency: ClassVar[int] = LANES
    precedence: ClassVar[int] = 10

    def __init__(self, config: HubSpotConfig, http: Http) -> None:
        from cs_sync_hubspot.reader import CrmReader

        self._crm = CrmReader(config, http)

    def streams(self) -> Sequence[Stream]:
        """Return owners, companies, contacts, associations, feedback submissions."""
        return self._crm.streams()

    def check(self) -> Iterator[Finding]:
        """Read one record of every stream, and check the configured properties."""
        return self._crm.check()

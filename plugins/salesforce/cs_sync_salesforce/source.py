"""The source: what the connector is; reading is loaded when something is read."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from cs_sync import ConnectorConfig, Finding, Http, Limit, Stream
from cs_sync_salesforce.config import LANES, LIMITS, SalesforceConfig


class SalesforceSource:
    """Reads the CRM."""

    name: ClassVar[str] = "salesforce"
    title: ClassVar[str] = "Salesforce"
    Config: ClassVar[type[ConnectorConfig]] = SalesforceConfig
    limits: ClassVar[Sequence[Limit]] = LIMITS
    concurrency: ClassVar[int] = LANES
    precedence: ClassVar[int] = 10

    def __init__(self, config: SalesforceConfig, http: Http) -> None:
        from cs_sync_salesforce.reader import OrgReader

        self._org = OrgReader(config, http)

    def streams(self) -> Sequence[Stream]:
        """Return owners, accounts, contacts."""
        return self._org.streams()

    def check(self) -> Iterator[Finding]:
        """Read one record of every stream."""
        return self._org.check()

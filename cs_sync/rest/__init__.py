"""Connectors described by data: a REST API in `connector.toml`, or in a dict.

Everything named here is public: a connector in Python may use the parts alone, such as a paginator
or an OAuth token.
"""

from typing import TYPE_CHECKING

from cs_sync_schemas.names import make_name_loader

if TYPE_CHECKING:
    from cs_sync.config.problems import suggest_nearest
    from cs_sync.follow_ups.settings import Duration
    from cs_sync.rest.bridges import BridgeConfig, BridgeStream
    from cs_sync.rest.lists import read_list, read_pages
    from cs_sync.rest.oauth import OAuthToken, QueryKey
    from cs_sync.rest.pages import (
        AnchorPages,
        Answer,
        CursorPages,
        KeysetPages,
        LinkPages,
        NextUrlPages,
        NumberPages,
        OffsetPages,
        Pages,
        SinglePage,
    )
    from cs_sync.rest.source import RestSource, load_connector, make_source

__all__ = [
    "AnchorPages",
    "Answer",
    "BridgeConfig",
    "BridgeStream",
    "CursorPages",
    "Duration",
    "KeysetPages",
    "LinkPages",
    "NextUrlPages",
    "NumberPages",
    "OAuthToken",
    "OffsetPages",
    "Pages",
    "QueryKey",
    "RestSource",
    "SinglePage",
    "load_connector",
    "make_source",
    "read_list",
    "read_pages",
    "suggest_nearest",
]

if not TYPE_CHECKING:
    __getattr__ = make_name_loader(__name__, {
        "cs_sync.config.problems": "suggest_nearest",
        "cs_sync.follow_ups.settings": "Duration",
        "cs_sync.rest.bridges": "BridgeConfig BridgeStream",
        "cs_sync.rest.lists": "read_list read_pages",
        "cs_sync.rest.oauth": "OAuthToken QueryKey",
        "cs_sync.rest.pages": (
            "AnchorPages Answer CursorPages KeysetPages LinkPages NextUrlPages NumberPages "
            "OffsetPages Pages SinglePage"
        ),
        "cs_sync.rest.source": "RestSource load_connector make_source",
    })  # fmt: skip

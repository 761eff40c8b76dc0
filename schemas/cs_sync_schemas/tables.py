"""All tables, whatever module defines them."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from cs_sync_schemas import (  # noqa: F401 - each adds its tables
    answers,
    billing,
    business,
    closing,
    derived,
    figures,
    graph,
    history,
    operations,
    people,
    published,
    support,
    usage,
    voice,
)

METADATA: MetaData = SQLModel.metadata

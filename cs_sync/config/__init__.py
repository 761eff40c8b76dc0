"""The configuration file: schema, loading, and the template for a new one."""

from typing import TYPE_CHECKING

from cs_sync_schemas.names import make_name_loader

if TYPE_CHECKING:
    from cs_sync.config.load import load_config
    from cs_sync.config.model import Config
    from cs_sync.config.template import render_template, write_template

__all__ = ["Config", "load_config", "render_template", "write_template"]

if not TYPE_CHECKING:
    __getattr__ = make_name_loader(__name__, {
        "cs_sync.config.load": "load_config",
        "cs_sync.config.model": "Config",
        "cs_sync.config.template": "render_template write_template",
    })  # fmt: skip

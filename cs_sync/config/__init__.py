"""The configuration file: schema, loading, and the template for a new one."""

from cs_sync.config.load import load_config
from cs_sync.config.model import Config
from cs_sync.config.template import render_template, write_template

__all__ = ["Config", "load_config", "render_template", "write_template"]

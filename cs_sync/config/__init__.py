"""The configuration file: what it may say, how it is read, and how a new one is written."""

from cs_sync.config.load import load_config
from cs_sync.config.model import Config
from cs_sync.config.template import template, write_template

__all__ = ["Config", "load_config", "template", "write_template"]

"""The templates of the page, compiled once: the code is kept where Python keeps that of modules."""

import hashlib
import os
import sys
from contextlib import suppress
from importlib.metadata import version
from importlib.util import cache_from_source
from pathlib import Path

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined, Template
from jinja2.bccache import Bucket

from cs_sync.report.links import sanitize_link


def load_template(name: str) -> Template:
    """Load a template of the page."""
    environment = Environment(
        loader=PackageLoader("cs_sync.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=TemplateCache(),
    )
    environment.filters["safe_link"] = sanitize_link
    return environment.get_template(name)


class TemplateCache(BytecodeCache):
    """Compiled templates as files; where they cannot be written there are none."""

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load what was compiled of the same text, by the same code."""
        with suppress(OSError), _find_file(bucket).open("rb") as file:
            bucket.load_bytecode(file)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write what was compiled, in one step."""
        if sys.dont_write_bytecode:
            return
        path = _find_file(bucket)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(bucket.bytecode_to_string())
            os.replace(draft, path)


def _find_file(bucket: Bucket) -> Path:
    """Find the file of a compiled template.

    Other code that compiles it has another.
    """
    code = Path(__file__).read_bytes() + version("jinja2").encode()
    name = f"template.{bucket.key}.{hashlib.sha256(code).hexdigest()[:16]}.pyc"
    return Path(cache_from_source(__file__)).with_name(name)

"""What an export says of itself: its schema, format, moment and tables."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import orjson
from msgspec import Struct
from msgspec.structs import asdict

from cs_sync.contracts.errors import ConfigError
from cs_sync_schemas.migrations import HEAD

NAME = "export.json"
PARQUET = "parquet"
EXPORT_AGAIN = "run `cs-sync export DIR --format parquet`, and name its folder"


class Manifest(Struct, frozen=True):
    """A complete export."""

    schema: str
    """The revision of the tables."""
    format: str
    exported_at: datetime
    tables: tuple[str, ...]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a manifest into the folder of a complete export."""
    text = orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (folder / NAME).write_bytes(text)


def remove_manifest(folder: Path) -> None:
    """Remove the manifest of an export that is about to be replaced."""
    (folder / NAME).unlink(missing_ok=True)


def read_manifest(folder: Path) -> Manifest:
    """Read what the export in a folder says of itself.

    Raises:
        ConfigError: There is none, or it is incomplete.
    """
    try:
        stated = orjson.loads((folder / NAME).read_bytes())
        return Manifest(
            stated["schema"],
            stated["format"],
            datetime.fromisoformat(stated["exported_at"]),
            tuple(stated["tables"]),
        )
    except OSError as error:
        raise ConfigError(f"{folder} holds no complete export: no {NAME}", EXPORT_AGAIN) from error
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigError(f"{folder / NAME} cannot be read", EXPORT_AGAIN) from error


def check_revision(manifest: Manifest, place: str) -> None:
    """Raise ConfigError if an export is of another schema."""
    if manifest.schema != HEAD:
        raise ConfigError(
            f"the export in {place} has schema {manifest.schema}, and this cs-sync reads {HEAD}",
            "export again with this version",
        )


def find_parquet_files(folder: Path, manifest: Manifest) -> Mapping[str, Path]:
    """Map each table to its file.

    Raises:
        ConfigError: The export is of another schema or format, or a file is missing.
    """
    check_revision(manifest, str(folder))
    if manifest.format != PARQUET:
        raise ConfigError(f"the export in {folder} is {manifest.format}", EXPORT_AGAIN)
    files = {table: folder / f"{table}.{PARQUET}" for table in manifest.tables}
    missing = [file.name for file in files.values() if not file.is_file()]
    if missing:
        raise ConfigError(f"the export in {folder} lacks {', '.join(missing)}", EXPORT_AGAIN)
    return files

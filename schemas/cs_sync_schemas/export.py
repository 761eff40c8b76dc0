"""The records as JSON Schema: the contract of a connector, for people without Python.

`python -m cs_sync_schemas.export` prints it; `schemas/records.schema.json` is its output.
"""

import json
import sys
from typing import Any

from cs_sync_schemas import RECORDS, Record


def build_records_schema() -> dict[str, Any]:
    """Build the JSON Schema (2020-12) with a definition per record.

    Named like its table.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cs-sync records",
        "$defs": {str(record.__tablename__): _build_definition(record) for record in RECORDS},
    }


def _build_definition(record: type[Record]) -> dict[str, Any]:
    """Build the schema of one record, without the sync engine's fields."""
    schema = record.model_json_schema()
    properties = {
        name: {key: value for key, value in field.items() if key != "title"}
        for name, field in schema["properties"].items()
        if name not in Record.ENGINE_FIELDS
    }
    return {
        "description": schema["description"],
        "type": "object",
        "properties": properties,
        "required": [n for n in schema.get("required", []) if n not in Record.ENGINE_FIELDS],
        "additionalProperties": False,
    }


if __name__ == "__main__":
    json.dump(build_records_schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")

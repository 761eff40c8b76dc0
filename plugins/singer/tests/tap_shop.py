"""A tap as small as one can be: reads a JSON file; what it is to do wrong stands in there, too."""

import json
import sys
from typing import Any

options = dict(zip(sys.argv[1:], [*sys.argv[2:], ""], strict=False))


def load(option: str) -> Any:
    with open(options[option]) as file:
        return json.load(file)


def say(kind: str, **message: Any) -> None:
    print(json.dumps({"type": kind, **message}), flush=True)


config = load("--config")
with open(config["file"]) as file:
    shop = json.load(file)
if config.get("key") != shop["key"]:
    sys.exit(f"CRITICAL the key {config.get('key')} is refused")
properties: dict[str, Any] = {name: {} for name in ("id", "name", "updated_at", "owner")}
schema = {"type": "object", "properties": properties}

if "--discover" in options:
    streams = [{"tap_stream_id": name, "stream": name, "schema": schema} for name in shop["lists"]]
    print(json.dumps({"streams": streams}))
    sys.exit()

state = load("--state") if "--state" in options else {}
print("INFO reads with", config["key"], file=sys.stderr)
for entry in load("--catalog")["streams"]:
    name, [root] = entry["stream"], [m for m in entry["metadata"] if not m["breadcrumb"]]
    if not root["metadata"]["selected"]:
        continue
    full_table = entry.get("replication_method") == "FULL_TABLE"
    say("SCHEMA", stream=name, schema=schema, key_properties=["id"])
    if full_table:
        say("ACTIVATE_VERSION", stream=name, version=shop["version"])
    since = "" if full_table else state.get(name, "")
    for record in sorted(shop["lists"][name], key=lambda record: record["updated_at"]):
        if record["updated_at"] >= since:
            version = {"version": shop["version"]} if full_table else {}
            say("RECORD", stream=name, record=record, **version)
            state[name] = record["updated_at"]
            say("STATE", value=state)
    if full_table:
        say("ACTIVATE_VERSION", stream=name, version=shop["version"])
for line in shop.get("then", []):
    print(line, flush=True)
sys.exit(shop.get("code", 0))

"""What a tap says and what becomes of it: each message counts, or fails the stream by name."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from cs_sync import Page, Unreachable
from cs_sync_schemas import SourceAccount
from cs_sync_singer.config import TapStream
from cs_sync_singer.messages import TapReading

SCHEMA = {"type": "object", "properties": {"id": {}, "name": {}, "gone": {}}}


def say(kind: str, **message: Any) -> str:
    return json.dumps({"type": kind, **message})


def describe(stream: str = "accounts", schema: Any = SCHEMA) -> str:
    return say("SCHEMA", stream=stream, schema=schema, key_properties=["id"])


def record(id: Any, stream: str = "accounts", **message: Any) -> str:
    return say("RECORD", stream=stream, record={"id": id, "name": f"No. {id}"}, **message)


def read(
    *lines: str, token: Mapping[str, Any] | None = None, size: int = 2, **rule: Any
) -> tuple[list[Page], list[str]]:
    """Return the pages, and the warnings."""
    warnings: list[str] = []
    mapping = {"record": "source_account", "fields": {"source_id": "id", "name": "name"}, **rule}
    reading = TapReading(
        "accounts",
        TapStream.model_validate(mapping),
        {"accounts"},
        {"parents"},
        dict(token or {}),
        warnings.append,
        size,
    )
    return list(reading.read(f"{line}\n".encode() for line in lines)), warnings


def list_ids(pages: Sequence[Page]) -> list[str]:
    return [row["source_id"] for page in pages for row in page.records[SourceAccount]]


def fail(*lines: str, **how: Any) -> str:
    with pytest.raises(Unreachable) as raised:
        read(*lines, **how)
    return str(raised.value)


def test_a_page_goes_on_from_the_last_state_before_it() -> None:
    """Three records, pages of two: the second record's STATE comes after its page."""
    lines = [describe()]
    for number in (1, 2, 3):
        lines += [record(number), say("STATE", value={"at": number})]
    pages, warnings = read(*lines)
    assert list_ids(pages) == ["1", "2", "3"]
    assert [page.resume for page in pages] == [
        {"state": {"at": 1}, "page": 1},
        {"state": {"at": 3}},
    ]
    assert [page.ends_window for page in pages] == [False, True]
    assert warnings == []


def test_without_state_the_place_of_the_run_before_stays_and_it_is_said() -> None:
    [page], warnings = read(describe(), record(1), token={"state": {"at": 7}})
    assert page.resume == {"state": {"at": 7}}
    assert warnings == ["accounts: the tap gave no STATE, so the next run begins where this did"]
    [page], warnings = read(describe(), say("STATE", value=None), token={"state": {"at": 7}})
    assert page.resume == {"state": {"at": 7}}
    assert warnings == []


def test_no_token_comes_twice_although_the_state_stays() -> None:
    pages, _ = read(describe(), *(record(number) for number in range(7)))
    tokens = [json.dumps(page.resume) for page in pages]
    assert len(set(tokens)) == len(tokens) == 4


def test_a_second_schema_replaces_the_first() -> None:
    wider = {"type": "object", "properties": {**SCHEMA["properties"], "city": {}}}  # type: ignore[dict-item]
    pages, _ = read(describe(), record(1), describe(schema=wider), record(2))
    assert list_ids(pages) == ["1", "2"]
    narrower = {"type": "object", "properties": {"id": {}, "title": {}}}
    words = fail(describe(), record(1), describe(schema=narrower), record(2))
    assert "SCHEMA lacks what is mapped: fields.name: there is no name" in words


@pytest.mark.parametrize("schema", [{}, {"properties": {}, "additionalProperties": True}, None])
def test_a_schema_that_leaves_fields_open_is_no_reason_to_fail(schema: Any) -> None:
    assert list_ids(read(describe(schema=schema), record(1))[0]) == ["1"]


def test_records_of_other_streams_are_counted_unless_they_are_needed() -> None:
    others = [describe("orders"), describe("parents"), record(8, "orders"), record(9, "orders")]
    pages, warnings = read(describe(), *others, record(5, "parents"), record(1))
    assert list_ids(pages) == ["1"]
    assert warnings[0] == "the tap gave 2 records of orders, which is not mapped"


def test_a_record_that_cannot_be_mapped_is_rejected_and_the_others_go_on() -> None:
    lines = [say("RECORD", stream="accounts"), record(None), record(1.5), record(3)]
    pages, _ = read(describe(), *lines, size=9)
    assert list_ids(pages) == ["3"]
    assert [each.code for each in pages[0].rejected] == ["malformed", "no_id", "bad_id"]


def test_deleted_records_are_flagged() -> None:
    flagged = say("RECORD", stream="accounts", record={"id": 4, "gone": "2026-01-01T00:00:00Z"})
    pages, _ = read(describe(), record(1), flagged, deleted="gone", size=9)
    assert pages[0].deleted == {SourceAccount: ["4"]}
    assert list_ids(pages) == ["1"]


def test_a_full_table_has_no_place_to_go_on_from() -> None:
    begin = say("ACTIVATE_VERSION", stream="accounts", version=5)
    records = [record(number, version=5) for number in (1, 2, 3)]
    pages, warnings = read(describe(), begin, *records, begin, replication="full_table")
    assert list_ids(pages) == ["1", "2", "3"]
    assert [(page.resume, page.ends_window) for page in pages] == [(None, False), (None, True)]
    assert warnings == []


def test_a_replaced_table_is_never_taken_for_a_few_changes() -> None:
    """Its deletions would be lost: the stream fails until everything is read again."""
    begin = say("ACTIVATE_VERSION", stream="accounts", version=6)
    [page], _ = read(describe(), begin, record(1, version=6), token={"state": 1, "version": 6})
    assert page.resume == {"state": 1, "version": 6}
    words = fail(describe(), begin, token={"state": 1, "version": 5})
    assert "replaced the whole table (version 6 after 5)" in words
    assert 'deletes = "sweep"' in words
    words = fail(describe(), begin, token={"state": 1, "version": 5}, deletes="sweep")
    assert "sync --full" in words
    assert "add deletes" not in words
    assert "version 7 after 6" in fail(
        describe(), begin, record(1, version=7), replication="full_table"
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hello", "line 2 is not JSON: 'hello'"),
        ('{"type": "RECORD", "str', "line 2 is not JSON"),
        ("[1, 2]", "line 2 is not a message of Singer: '[1, 2]'"),
        ('{"type": "NEWS"}', "line 2 is not a message of Singer"),
        ('{"type": "BATCH", "stream": "accounts"}', "Remove batch_config"),
        ('{"type": "RECORD", "record": {}}', "message 2, a RECORD, names no stream"),
        (record(1, "orders"), "message 2 is a RECORD of orders, of which there is no SCHEMA"),
    ],
)
def test_what_is_no_message_fails_the_stream(line: str, words: str) -> None:
    assert words in fail(describe(), line, record(2))


def test_a_cut_line_is_the_fault_of_what_ended_the_tap() -> None:
    def lines() -> Any:
        yield describe().encode() + b"\n"
        yield b'{"type": "REC'
        raise Unreachable("tap-shop ended with 1")

    mapping = {"record": "source_account", "fields": {"source_id": "id"}}
    rule = TapStream.model_validate(mapping)
    reading = TapReading("accounts", rule, {"accounts"}, (), {}, print)
    with pytest.raises(Unreachable, match="ended with 1"):
        list(reading.read(lines()))

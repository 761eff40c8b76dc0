"""A tap as a process: its configuration, its end, what it logs, and what `check` says of it."""

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cs_sync import CsSyncError, Event, Finding, Unreachable, Window, WorkspaceInfo
from cs_sync.http import VendorHttp, collect_secrets
from cs_sync_singer.catalog import find_entry, select_streams
from cs_sync_singer.config import SingerConfig
from cs_sync_singer.process import Tap, TapLog
from cs_sync_singer.source import SingerSource

TAP = Path(__file__).parent / "tap_shop.py"
WINDOW = Window(None, datetime(2026, 11, 20, tzinfo=UTC))
KEY = "-".join(("not", "a", "real", "key"))
MAPPED = {"record": "source_account", "fields": {"source_id": "id", "name": "name"}}
LISTS = {
    name: [{"id": n, "name": f"No. {n}", "updated_at": f"2026-01-0{n}"} for n in (1, 2, 3)]
    for name in ("accounts", "orders")
}


def make_config(folder: Path, **settings: Any) -> SingerConfig:
    """A section whose tap reads `shop.json`; the words of the tap's task go in there."""
    given = {
        "workspace": WorkspaceInfo(folder=folder, section="shop"),
        "command": [sys.executable, "-S", "-E", str(TAP)],
        "settings": {"file": str(folder / "shop.json")},
        "secrets": {"key": KEY},
        "streams": {"accounts": MAPPED},
    }
    return SingerConfig.model_validate({**given, **settings})


def write_shop(folder: Path, **task: Any) -> None:
    shop = {"key": KEY, "version": 1, "lists": LISTS, **task}
    (folder / "shop.json").write_text(json.dumps(shop))


@contextmanager
def open_source(config: SingerConfig) -> Iterator[tuple[SingerSource, list[Event]]]:
    events: list[Event] = []
    with VendorHttp("shop", emit=events.append, secrets=collect_secrets(config)) as http:
        yield SingerSource(config, http), events


def check(config: SingerConfig) -> Mapping[str, Finding]:
    with open_source(config) as (source, _):
        return {finding.subject: finding for finding in source.check()}


def test_secrets_are_put_into_their_places_and_hidden() -> None:
    config = make_config(
        Path(),
        settings={"client": {"url": "x"}, "lists": [{"name": "a"}]},
        secrets={"key": "k-1", "client": {"token": "k-2"}, "lists.0.token": "k-3"},
    )
    assert config.merge_settings() == {
        "client": {"url": "x", "token": "k-2"},
        "lists": [{"name": "a", "token": "k-3"}],
        "key": "k-1",
    }
    assert set(collect_secrets(config)) == {"k-1", "k-2", "k-3"}
    assert "k-" not in repr(config)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"settings": {"api_key": "abc"}}, "settings.api_key looks like a credential"),
        ({"settings": {"auth": [{"Authorization": "abc"}]}}, "settings.auth.0.Authorization looks"),
        ({"settings": {"url": "postgresql://me:abc@db/x"}}, "settings.url looks like a credential"),
        ({"settings": {"a": "text"}, "secrets": {"a.b": "abc"}}, "secrets.a.b has no place"),
        ({"streams": {"accounts": {"record": "source_account"}}}, "maps nothing"),
        ({"streams": {"accounts": {**MAPPED, "deletes": "flag"}}}, "goes with deleted"),
        ({"streams": {}}, "at least 1 item"),
        ({"command": []}, "at least 1 item"),
    ],
)
def test_mistakes_of_the_section(settings: Mapping[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as raised:
        make_config(Path(), **settings)
    assert "abc" not in str(raised.value)


def test_names_of_settings_that_are_no_credentials() -> None:
    make_config(Path(), settings={"next_page_token_path": "$.x", "auth_method": "basic", "n": 5})


def test_a_catalog_has_what_is_asked_for_selected_in_every_known_way() -> None:
    catalog = {
        "streams": [
            {"tap_stream_id": "db-orders", "stream": "orders", "schema": {}},
            {
                "tap_stream_id": "db-notes",
                "stream": "notes",
                "metadata": [
                    {"breadcrumb": [], "metadata": {"selected": True, "inclusion": "available"}},
                    {"breadcrumb": ["properties", "a"], "metadata": {"inclusion": "available"}},
                    {"breadcrumb": ["properties", "b"], "metadata": {"inclusion": "unsupported"}},
                ],
            },
        ]
    }
    orders, notes = select_streams(catalog, ["orders"], full_table=True)["streams"]
    assert orders["schema"]["selected"] is True
    assert orders["metadata"] == [
        {"breadcrumb": [], "metadata": {"selected": True, "replication-method": "FULL_TABLE"}}
    ]
    assert [each["metadata"].get("selected") for each in notes["metadata"]] == [False, False, None]
    assert catalog["streams"][0] == {"tap_stream_id": "db-orders", "stream": "orders", "schema": {}}
    with pytest.raises(CsSyncError, match=r"no stream ordres\n.*did you mean"):
        find_entry(catalog, "ordres")


def test_a_tap_that_is_not_installed_is_said(tmp_path: Path) -> None:
    [(subject, finding)] = check(make_config(tmp_path, command="tap-nowhere")).items()
    assert (subject, finding.ok) == ("tap-nowhere", False)
    assert finding.message == "tap-nowhere is not on PATH: the tap is not installed here"
    assert "write its whole path as command in [connectors.shop]" in finding.remedy
    [finding] = check(make_config(tmp_path, command="./tap-nowhere")).values()
    assert finding.message.startswith(f"no program at {tmp_path}/tap-nowhere")
    (tmp_path / "tap-nowhere").touch()
    [finding] = check(make_config(tmp_path, command="./tap-nowhere")).values()
    assert finding.message == f"{tmp_path}/tap-nowhere is not executable"
    assert finding.remedy.startswith(f"chmod +x {tmp_path}/tap-nowhere, or")


def test_of_a_traceback_an_error_repeats_what_was_raised() -> None:
    with VendorHttp("shop") as http:
        log = TapLog("tap", http)
        for line in (
            "INFO a",
            "Traceback (most recent call last):",
            "  File x",
            "    y()",
            "Bad: z",
        ):
            log.add(line.encode())
        log.add(b"  indented, after it")
        assert log.format_lines() == ":\n    INFO a\n    Bad: z\n      indented, after it"


def test_a_missing_or_wrong_catalog_file_is_said(tmp_path: Path) -> None:
    [finding] = check(make_config(tmp_path, catalog="catalog.json")).values()
    assert "catalog.json cannot be read: No such file" in finding.message
    (tmp_path / "catalog.json").write_text('{"streams": []}')
    [finding] = check(make_config(tmp_path, catalog="catalog.json")).values()
    assert finding.message == "catalog.json gives no catalog"


@pytest.mark.slow("starts a tap for each stream")
def test_check_names_the_stream_and_the_field_that_the_tap_lacks(tmp_path: Path) -> None:
    write_shop(tmp_path)
    fields = {"source_id": "id", "name": "nam"}
    wrong = {"record": "source_account", "fields": fields}
    streams = {"accounts": MAPPED, "ordres": MAPPED, "orders": wrong}
    findings = check(make_config(tmp_path, streams=streams))
    assert (findings["accounts"].ok, findings["accounts"].message) == (True, "readable")
    assert (findings["ordres"].ok, findings["ordres"].message) == (
        False,
        "the tap has no stream ordres",
    )
    assert findings["ordres"].remedy == "did you mean orders?"
    assert findings["orders"].message == (
        "the tap lacks what is mapped: fields.name: there is no nam; did you mean name?"
    )
    assert findings["orders"].remedy == "correct [connectors.shop.streams.orders]"


@pytest.mark.slow("starts a tap three times")
def test_check_names_a_refused_key_without_it_and_a_rejected_record(tmp_path: Path) -> None:
    write_shop(tmp_path, key="another")
    [finding] = check(make_config(tmp_path)).values()
    assert "ended with 1" in finding.message
    assert "CRITICAL the key" in finding.message
    assert KEY not in repr(finding)
    write_shop(tmp_path)
    fields = {"source_id": "id", "created_at": {"path": "name", "as": "iso"}}
    streams = {"accounts": {"record": "source_account", "fields": fields}}
    findings = check(make_config(tmp_path, streams=streams))
    assert findings["accounts"].message.startswith(
        "its first record is rejected: created_at: 'No. 1' is not an ISO"
    )
    assert findings[Path(sys.executable).name].message == "not mapped: orders"


def test_a_tap_that_dies_fails_its_stream_with_its_last_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Or with what it wrote in place of a message; neither says the key."""
    caplog.set_level(logging.INFO)
    catalog = {"streams": [{"tap_stream_id": "accounts", "stream": "accounts"}]}
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    config = make_config(tmp_path, catalog="catalog.json")
    for task, words in (
        ({"code": 3}, "ended with 3:\n    INFO reads with"),
        ({"then": [f"ERROR {KEY}"]}, "line 8 is not JSON: 'ERROR •••'"),
    ):
        write_shop(tmp_path, **task)
        with open_source(config) as (source, events):
            [stream] = source.streams()
            with pytest.raises(Unreachable, match=re.escape(words)) as raised:
                list(stream.read(WINDOW))
        for text in (str(raised.value), caplog.text, repr(events)):
            assert KEY not in text
    assert "INFO reads with" in caplog.text


@pytest.mark.slow("starts processes that are killed or silent")
def test_a_tap_that_is_killed_silent_or_noisy(tmp_path: Path) -> None:
    for words, expected in (
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9"),
        ("import time; print('{}', flush=True); time.sleep(60)", "sent nothing for 0.01 minutes"),
        ("import sys; print('x ' * 99999, file=sys.stderr); sys.exit(2)", "ended with 2"),
    ):
        command = [sys.executable, "-S", "-c", words]
        config = make_config(tmp_path, command=command, timeout_minutes=0.01)
        with VendorHttp("shop") as http, pytest.raises(Unreachable, match=expected):
            list(Tap(config, http).run({"--config": {}}))


@pytest.mark.slow("starts a process that goes on for ever")
def test_a_reader_that_stops_ends_the_tap(tmp_path: Path) -> None:
    words = "import os\nwhile True: print(os.getpid(), 'x' * 1000, flush=True)"
    config = make_config(tmp_path, command=[sys.executable, "-S", "-c", words])
    with VendorHttp("shop") as http:
        lines = Tap(config, http).run({"--config": {}})
        pid = int(next(lines).split()[0])
        lines.close()  # type: ignore[attr-defined]
    assert not Path(f"/proc/{pid}").exists()

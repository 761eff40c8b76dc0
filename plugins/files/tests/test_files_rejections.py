"""Every way a row can be bad, and what its rejection says."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cs_sync import Window, WorkspaceInfo
from cs_sync.http import VendorHttp
from cs_sync_files.source import FilesConfig, FilesSource

BE_2026 = "since 1970 it would be 2026-01-01T00:00:00+00:00"
HEADERS = {
    "costs.csv": "month,purpose,amount,currency\n",
    "fx_rates.csv": "day,base,quote,rate\n",
    "funnel_days.csv": "day,visitors\n",
    "quality_days.csv": "day,response_seconds\n",
    "survey_responses.csv": "kind,score,scale_min,scale_max,answered_at\n",
    "subscription_items.csv": "source_id,subscription,unit_amount,quantity,valid_from,tiers\n",
}


@pytest.mark.parametrize(
    ("name", "text", "code", "output"),
    [
        ("accounts.csv", "source_id,nmae\na1,Acme\n", "unknown_column", "did you mean name?"),
        ("tickets.csv", "source_id,created_at\nt1,x\n", "unknown_column", "opened_at"),
        ("accounts.csv", "source_id,plan\na1,pro\n", "unknown_column", "attr.plan"),
        ("tickets.csv", "source_id,attr.plan\nt1,p\n", "unknown_column", "tickets have source_id"),
        ("accounts.csv", "source_id,row_hash\na1,x\n", "unknown_column", "row_hash"),
        ("accounts.csv", "source_id,name\n,Acme\n", "missing_value", "column source_id: is empty"),
        ("accounts.csv", "name\nAcme\n", "missing_value", "column source_id: is missing"),
        ("subscriptions.csv", "source_id,account\ns,\n", "missing_value", "column account: is emp"),
        (
            "accounts.csv",
            "source_id,is_test\na1,maybe\n",
            "bad_value",
            "'maybe' is not one of true",
        ),
        ("accounts.csv", "source_id,created_at\na1,20.11.2026\n", "bad_value", "ISO 8601"),
        ("accounts.csv", "source_id,name\na1,Acme,EU\n", "too_many_cells", "3 cells under 2"),
        ("accounts.csv", "source_id,name\na1\n", "too_few_cells", "1 cells under 2"),
        ("accounts.csv", 'source_id,name\na1,"Ac"me\n', "bad_csv", "lines 2 to 2 are not CSV"),
        ("accounts.csv", 'source_id,name\na1,"Acme\na2,Bolt\n', "bad_csv", "lines 2 to 3"),
        ("accounts.csv", "source_id,name,name\na1,A,B\n", "duplicate_column", "column name"),
        ("accounts.csv", "source_id,owner,owner_source_id\na1,o,o\n", "duplicate_column", "owner"),
        ("accounts.jsonl", '{"source_id": "a1"\n', "bad_json", "line 1: is not JSON"),
        ("accounts.jsonl", "[1]\n", "bad_json", "not a JSON object"),
        ("accounts.jsonl", '{"source_id": NaN}\n', "bad_json", "NaN is not a JSON value"),
        ("accounts.jsonl", '{"source_id": "a\\ud800"}\n', "bad_encoding", "surrogate"),
        ("accounts.jsonl", '{"source_id": "a1", "name": ["x"]}\n', "bad_value", "column name"),
        ("costs.csv", "2026-11,retention,49.00,EUR\n", "bad_value", "4900 for 49.00"),
        ("costs.csv", "2026-11,retention,49,XXX\n", "bad_value", "unknown currency 'XXX'"),
        (
            "costs.csv",
            "2026-11,party,49,EUR\n",
            "bad_value",
            "'acquisition', 'retention' or 'service'",
        ),
        ("costs.csv", "2026-11-02,service,49,EUR\n", "bad_value", "not a month"),
        ("fx_rates.csv", "2026-11-02,EUR,USD,0\n", "bad_value", "greater than 0"),
        ("fx_rates.csv", "2026-11-02,EUR,USD,NaN\n", "bad_value", "'NaN' is not a decimal"),
        ("funnel_days.csv", "2026-11-02,-1\n", "bad_value", "greater than or equal to 0"),
        ("funnel_days.csv", "2026-11-02,1.5\n", "bad_value", "'1.5' is not a whole number"),
        ("quality_days.csv", "2026-11-02,inf\n", "bad_value", "'inf' is not a number"),
        (
            "subscription_items.csv",
            "i1,s1,49,-1,2026-01-01,\n",
            "bad_value",
            "greater than or equal to 0",
        ),
        ("subscription_items.csv", "i1,s1,,1,2026-01-01,\n", "impossible", "price without amount"),
        ("subscription_items.csv", "i1,s1,,1,2026-01-01,{\n", "bad_value", "is not JSON"),
        (
            "subscription_items.csv",
            "i1,s1,1e,1,2026-01-01,\n",
            "bad_value",
            "'1e' is not a decimal",
        ),
        ("subscription_items.csv", "i1,s1,39.00,1,2026-01-01,\n", "bad_value", "4900 for 49.00"),
        ("subscription_items.csv", "i1,s1,3.900,1,2026-01-01,\n", "bad_value", "'3.900' is not a"),
        ("subscription_items.csv", "i1,s1,0.5,1,2026-01-01,\n", "bad_value", '"35e-2" for 0.35'),
        ("subscription_items.csv", "i1,s1,5.5E-01,1,2026-01-01,\n", "bad_value", "whole number"),
        ("subscription_items.csv", "i1,s1,49,1.000,2026-01-01,\n", "bad_value", "thousands or"),
        (
            "subscription_items.csv",
            'i1,s1,,1,2026-01-01,"{""mode"": ""volume"", ""tiers"": [{""unit_amount"": 39.0}]}"\n',
            "bad_value",
            "column tiers: tier 1, unit_amount: 39.0 is not a whole number",
        ),
        ("subscription_items.csv", "i1,s1,,1,2026-01-01,[]\n", "bad_value", '"tiers": ['),
        ("funnel_days.csv", "2026-11-02,1.000\n", "bad_value", "thousands or decimals"),
        (
            "subscription_items.csv",
            "i1,s9,49,1,2026-01-01,\n",
            "missing_reference",
            "column subscription: 's9'",
        ),
        (
            "tickets.csv",
            "source_id,opened_at,account\nt1,2026-01-01,a9\n",
            "missing_reference",
            "column account: 'a9' is in no file of accounts",
        ),
        (
            "survey_responses.csv",
            "nps,11,0,10,2026-01-01\n",
            "impossible",
            "score 11 is outside its scale",
        ),
        ("survey_responses.csv", "csat,4,,,2026-01-01\n", "impossible", "without scale_min"),
        ("survey_responses.csv", "nps,9,,,2026-01-01\n", "impossible", "NPS is asked from 0 to 10"),
        ("survey_responses.csv", "nps,9,1,10,2026-01-01\n", "impossible", "not 1 to 10"),
        ("tickets.csv", "source_id,,opened_at\nt1,x,2026-01-01\n", "unknown_column", "no name"),
        ("tickets.csv", "source_id,opened_at\nt1,1767225600000\n", "bad_value", BE_2026),
        ("tickets.csv", "source_id,opened_at\nt1,1767225600\n", "bad_value", BE_2026),
        ("tickets.jsonl", '{"source_id": 1, "opened_at": 1767225600000}\n', "bad_value", BE_2026),
        ("tickets.csv", "source_id,opened_at\nt1,1900-01-01\n", "bad_value", "1970 to 2200"),
        ("tickets.csv", "source_id,opened_at\nt1,9999-12-31T23:59:59Z\n", "bad_value", "no such"),
        ("funnel_days.csv", "1712010100000,1\n", "bad_value", "as milliseconds since 1970"),
        ("funnel_days.csv", "2201-01-01,1\n", "bad_value", "1970 to 2200"),
        ("costs.csv", "0001-01,service,49,EUR\n", "bad_value", "1970 to 2200"),
    ],
)
def test_a_bad_row_names_file_line_column_and_reason(
    tmp_path: Path, name: str, text: str, code: str, output: str
) -> None:
    (tmp_path / "subscriptions.csv").write_text("source_id,account\ns1,a1\n")
    (tmp_path / name).write_text(HEADERS.get(name, "") + text)
    config = FilesConfig(path=Path(), workspace=WorkspaceInfo(folder=tmp_path))
    table, _, suffix = name.partition(".")
    streams = {
        stream.name: stream for stream in FilesSource(config, VendorHttp("files", ())).streams()
    }
    (page,) = streams[table].read(Window(None, datetime(2026, 11, 21, tzinfo=UTC)))
    (rejection,) = page.rejected
    line = 2 if suffix == "csv" else 1
    assert rejection.code == code
    assert rejection.reason.startswith(f"{name}, line {line}")
    assert output in rejection.reason
    assert rejection.raw["file"] == name
    assert rejection.raw["line"] == line

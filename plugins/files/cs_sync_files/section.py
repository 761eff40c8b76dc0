"""The text of a proposed section, and what a person has to know about it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from os.path import relpath
from pathlib import Path
from typing import Any

from cs_sync import ConfigError, CsSyncError, Finding, SectionProposal, WorkspaceInfo
from cs_sync_files.preset_files import find_preset, list_preset_columns, list_preset_files
from cs_sync_files.proposals import TableProposal, list_ids, propose_tables
from cs_sync_files.samples import Sample, merge_alike, sample_file
from cs_sync_files.tables import ATTRIBUTE, BY_NAME

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def propose_section(folder: Path, workspace: WorkspaceInfo) -> SectionProposal:
    """Propose the section of a folder from what it holds.

    Raises:
        ConfigError: The folder holds nothing that is known.
    """
    samples, findings = _look_at(folder)
    preset = find_preset(samples)
    known = list_preset_files(preset, samples) if preset else {}
    named = [sample for sample in samples if _is_as_named(sample)]
    used = {id(sample) for sample in (*known.values(), *named)}
    others = [sample for sample in samples if id(sample) not in used]
    currency = workspace.currency
    proposals = [
        proposal
        for proposal in propose_tables(others, _list_account_ids(named, known, preset), currency)
        if proposal.table.name not in known
    ]
    if not (known or named or proposals):
        listed = ", ".join(sample.path.name for sample in samples) or "no CSV, Excel or JSON Lines"
        raise ConfigError(
            f"{folder} contains nothing that looks like customers, contracts, invoices …: {listed}",
            "describe the files in [connectors.files.map.TABLE]; the page of files says how",
        )
    section = f"connectors.{workspace.section}"
    lines = [f"[{section}]", f"path = {_format(_shorten(folder, workspace.folder))}"]
    lines += [f'preset = "{preset}"'] if preset else []
    for name, sample in known.items():
        findings.append(_describe_known(name, sample, str(preset)))
    for sample in named:
        findings.append(Finding(ok=True, subject=sample.path.name, message="is as it should be"))
    for proposal in proposals:
        lines += ["", *_render(proposal, section)]
        findings += _describe(proposal)
    findings += _describe_missing_prices([*known, *(s.path.stem.lower() for s in named)], proposals)
    used |= {id(proposal.sample) for proposal in proposals}
    findings += [_describe_unused(sample) for sample in samples if id(sample) not in used]
    return SectionProposal("\n".join(lines) + "\n", findings)


def _list_account_ids(
    named: Sequence[Sample], known: Mapping[str, Sample], preset: str | None
) -> frozenset[str]:
    """Return the ids of accounts in files that need no map."""
    columns = [
        (sample, "source_id")
        for sample in named
        if sample.path.stem.lower() == "accounts" and "source_id" in sample.columns
    ]
    if preset and (sample := known.get("accounts")):
        taken = list_preset_columns(preset, "accounts", "source_id", sample)
        columns += [(sample, column) for column in taken[:1]]
    return frozenset[str]().union(*(list_ids(sample, column) for sample, column in columns))


def _look_at(folder: Path) -> tuple[list[Sample], list[Finding]]:
    """Return what the files of a folder hold; others are findings."""
    samples: list[Sample] = []
    findings: list[Finding] = []
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder", "name the folder of your files")
    for path in sorted(folder.iterdir()):
        try:
            samples += sample_file(path)
        except CsSyncError as error:
            finding = Finding(
                ok=False, subject=path.name, message=error.message, remedy=error.remedy
            )
            findings.append(finding)
    return merge_alike(samples), findings


def _is_as_named(sample: Sample) -> bool:
    """Return whether a file needs no map."""
    table = BY_NAME.get(sample.path.stem.lower())
    return table is not None and all(
        table.find_column_field(column) or column.startswith(ATTRIBUTE) for column in sample.columns
    )


def _render(proposal: TableProposal, section: str) -> Iterator[str]:
    """Yield the lines of a table's two parts."""
    name = proposal.table.name
    yield f"[{section}.read.{name}]"
    for key, value in proposal.layout.items():
        yield f"{key} = {_format(value)}"
    yield ""
    yield f"[{section}.map.{name}]"
    for key, value in proposal.columns.items():
        if remark := proposal.remarks.get(key):
            yield f"# {remark}"
        yield f"{_format_key(key)} = {_format(value)}"


def _format(value: Any) -> str:
    """Return a value as TOML."""
    if isinstance(value, Mapping):
        inner = (f"{_format_key(key)} = {_format(part)}" for key, part in value.items())
        return "{ " + ", ".join(inner) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_format, value))}]"
    return str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False)


def _format_key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def _shorten(folder: Path, base: Path) -> str:
    """Return a folder's path, relative to the configuration if below it."""
    path = Path(relpath(folder.absolute(), base.absolute()))
    return str(folder.absolute()) if ".." in path.parts else path.as_posix()


def _describe(proposal: TableProposal) -> Iterator[Finding]:
    """Yield what was found for a table, and its open questions."""
    subject = _name_sample(proposal.sample)
    columns = sum(1 for value in proposal.columns.values() if not str(value).startswith("="))
    message = f"→ {proposal.table.name}: {columns} fields of {len(proposal.sample.columns)} columns"
    yield Finding(ok=True, subject=subject, message=message)
    for name in proposal.list_questions():
        remark = proposal.remarks.get(name, "")
        key = f"map.{proposal.table.name}.{name}"
        yield Finding(ok=False, subject=subject, message=f"decide on {key}", remedy=remark)


def _describe_missing_prices(
    known: Sequence[str], proposals: Sequence[TableProposal]
) -> Iterator[Finding]:
    """Yield a finding where contracts have no price, so no MRR."""
    samples = {proposal.table.name: proposal.sample for proposal in proposals}
    if "subscriptions" in samples and "subscription_items" not in {*known, *samples}:
        yield Finding(
            ok=False,
            subject=_name_sample(samples["subscriptions"]),
            message="has no column that is known as a price, so there is no MRR",
            remedy="name it, and its interval, in map.subscription_items",
        )


def _describe_known(table: str, sample: Sample, preset: str) -> Finding:
    return Finding(ok=True, subject=_name_sample(sample), message=f"→ {table}: as {preset} has it")


def _describe_unused(sample: Sample) -> Finding:
    message = "is not used: no table has columns like these"
    return Finding(ok=False, subject=_name_sample(sample), message=message,
                   remedy="describe it in map, or leave it")  # fmt: skip


def _name_sample(sample: Sample) -> str:
    sheet = sample.layout.sheet
    return f"{sample.file}, sheet {sheet}" if sheet else sample.file

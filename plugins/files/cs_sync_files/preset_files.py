"""Which preset fits the files of a folder, and which of them are its tables."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch

from cs_sync_files.layouts import ColumnMap, normalize_column
from cs_sync_files.mapping import PRESETS, read_preset
from cs_sync_files.matching import read_synonyms
from cs_sync_files.samples import Sample
from cs_sync_files.tables import BY_NAME


def find_preset(samples: Sequence[Sample]) -> str | None:
    """Return the preset whose tables most samples are; None if none."""
    counts = {name: len(list_preset_files(name, samples)) for name in PRESETS}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


def list_preset_files(preset: str, samples: Sequence[Sample]) -> dict[str, Sample]:
    """Return the tables of a preset that samples fill.

    One of the columns is the vendor's own word: many write a list of `Customer ID, Name, Created`.
    """
    layouts, maps = read_preset(preset)
    filled: dict[str, Sample] = {}
    for name, layout in layouts.items():
        table = BY_NAME[name]
        for sample in samples:
            present = _find_present(sample, maps[name])
            needed = {field for field in maps[name] if field in table.required} - {"currency"}
            is_called = fnmatch(sample.path.name.casefold(), layout.file)
            enough = needed <= present.keys() and len(present) >= len(maps[name]) / 3
            if is_called and enough and _has_own_words(name, present):
                filled.setdefault(name, sample)
    return filled


def list_preset_columns(preset: str, table: str, field: str, sample: Sample) -> list[str]:
    """Return a sample's columns that a preset takes for a field."""
    return _find_present(sample, read_preset(preset)[1][table]).get(field, [])


def _find_present(sample: Sample, columns: Mapping[str, ColumnMap]) -> dict[str, list[str]]:
    """Return a sample's columns by field, as a map names them."""
    here = {normalize_column(column): column for column in sample.columns}
    named = {
        field: [normalize_column(column) for column in (*spec.column, *spec.columns)]
        for field, spec in columns.items()
    }
    return {
        field: present
        for field, wanted in named.items()
        if (present := [here[column] for column in wanted if column in here])
    }


def _has_own_words(table: str, present: Mapping[str, Sequence[str]]) -> bool:
    """Return whether any column is called as only the vendor calls it."""
    fields = read_synonyms()["fields"].get(table, {})
    common = {normalize_column(word) for words in fields.values() for word in words}
    return any(
        normalize_column(column) not in common for columns in present.values() for column in columns
    )

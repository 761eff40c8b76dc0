"""Which preset fits the files of a folder, and which of them are its tables."""

from collections.abc import Sequence
from fnmatch import fnmatch

from cs_sync_files.layouts import normalize_column
from cs_sync_files.mapping import PRESETS, read_preset
from cs_sync_files.samples import Sample
from cs_sync_files.tables import BY_NAME


def find_preset(samples: Sequence[Sample]) -> str | None:
    """Return the preset whose tables most samples are; None if none."""
    counts = {name: len(list_preset_files(name, samples)) for name in PRESETS}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


def list_preset_files(preset: str, samples: Sequence[Sample]) -> dict[str, Sample]:
    """Return the tables of a preset that samples fill."""
    layouts, maps = read_preset(preset)
    found: dict[str, Sample] = {}
    for name, layout in layouts.items():
        table = BY_NAME[name]
        for sample in samples:
            folded = set(map(normalize_column, sample.columns))
            present = {
                field
                for field, spec in maps[name].items()
                if not folded.isdisjoint(map(normalize_column, (*spec.column, *spec.columns)))
            }
            needed = {field for field in maps[name] if field in table.required} - {"currency"}
            is_called = fnmatch(sample.path.name.casefold(), layout.file)
            if is_called and needed <= present and len(present) >= len(maps[name]) / 3:
                found.setdefault(name, sample)
    return found

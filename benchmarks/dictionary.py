"""`python -m benchmarks.dictionary`: train the dictionary of packed texts, and measure it.

The samples are what is kept of each account of Acme, the invented company of the demo, in every
language: no customer's data are near. Even so names, addresses and what Acme's customers wrote are
taken out of them, so that the dictionary holds what all results share: their shape, the names of
signals, and sentences. It is measured on another Acme and on the books of the benchmarks.

Another dictionary makes what was kept before unreadable, so it is computed again once.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import get_args

import zstandard
from sqlalchemy import create_engine, select

from benchmarks.job.books import write_books
from cs_sync.i18n.catalogue import Language
from cs_sync_sandbox.process import Sandbox
from cs_sync_sandbox.world import words
from cs_sync_schemas.packed import DICTIONARY, LEVEL, Codec
from cs_sync_schemas.tables import KEPT_RESULT

SIZE = 16_384
"""Bytes of the dictionary; half of it makes results a twentieth larger."""
KINDS = ("day", "lines", "months", "people", "use")
"""What is kept of each account."""
TRAINING, DEMO = 3, 7
"""Random seeds of Acme: the one for samples, and that of the demo."""
NAMES = {
    *words.FIRST_WORDS, *words.SECOND_WORDS, *words.FIRST_NAMES, *words.LAST_NAMES,
    *(name for pair in (*words.OWNERS, words.FORMER_OWNER, *words.AGENTS) for name in pair),
}  # fmt: skip
"""Of people and companies."""
WRITTEN = {
    text
    for texts in (
        *words.TOPICS.values(), words.PRAISE, words.SHRUGS, words.COMPLAINTS, words.GOOD_RATINGS,
        words.BAD_RATINGS, [text for _, text in words.FAREWELLS],
    )
    for text in texts
    if text
}  # fmt: skip
"""What Acme's customers wrote."""
TRACES = re.compile(
    r"http://127\.0\.0\.1:\d+|\b[0-9a-f]{24}\b"
    rf"|[\w.+-]+@[\w.-]+|[\w-]+\.example\b|{'|'.join(map(re.escape, WRITTEN))}"
    rf"|\b({'|'.join(map(re.escape, NAMES))})\b",
    re.IGNORECASE,
)
"""Of Acme's people and customers, its servers, and digests, which no other result has."""
Samples = dict[str, list[bytes]]


def main() -> None:
    """Write the dictionary, and print what it does for results that it was not trained on."""
    samples: list[bytes | bytearray | memoryview] = [
        TRACES.sub("", text.decode()).encode()
        for results in compute_acme(TRAINING, 400, get_args(Language))
        for texts in results.values()
        for text in texts
    ]
    trained = zstandard.train_dictionary(SIZE, samples, level=LEVEL).as_bytes()
    (demo,) = compute_acme(DEMO, 20, ["en"])
    print("| results | accounts | codec | bytes | packed in µs | unpacked in µs |")
    print("| --- | ---: | --- | ---: | ---: | ---: |")
    for name, results in (("demo", demo), ("books", compute_books(1_000))):
        measure(name, results, trained)
    DICTIONARY.write_bytes(trained)


def compute_acme(seed: int, accounts: int, languages: Sequence[str]) -> Iterator[Samples]:
    """Yield what is kept of Acme's accounts, in each language."""
    with (
        tempfile.TemporaryDirectory() as parent,
        Sandbox(seed=seed, accounts=accounts, limits=False) as box,
    ):
        config = Path(parent) / "cs_sync.toml"
        for language in languages:
            text = box.config_toml(Path(parent) / "cs_sync.db")
            config.write_text(text.replace('language = "en"', f'language = "{language}"'))
            config.chmod(0o600)
            yield run_job(config)


def compute_books(accounts: int) -> Samples:
    """Return what is kept of the accounts of books."""
    with tempfile.TemporaryDirectory() as parent:
        write_books(Path(parent), accounts, 30)
        return run_job(Path(parent) / "cs_sync.toml")


def run_job(config: Path) -> Samples:
    """Run the job without a push, and return what it kept of each account by kind."""
    command = (sys.executable, "-m", "cs_sync", "--config", config, "--quiet", "run", "--dry-run")
    subprocess.run(command, check=True)
    engine = create_engine(f"sqlite:///{config.with_name('cs_sync.db')}")
    of_accounts = KEPT_RESULT.c.kind.in_(KINDS), KEPT_RESULT.c.key != ""
    kept: Samples = {}
    with engine.connect() as connection:
        query = select(KEPT_RESULT.c.kind, KEPT_RESULT.c.content).where(*of_accounts)
        for kind, text in connection.execute(query):
            kept.setdefault(kind, []).append(text.encode())
    engine.dispose()
    return kept


def measure(name: str, results: Samples, dictionary: bytes) -> None:
    """Print a row for results without the dictionary, and with it."""
    plain, trained = zstandard.ZstdCompressor(level=LEVEL), Codec(dictionary)
    texts = [text for of_kind in results.values() for text in of_kind]
    codecs: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
        "zstd": (plain.compress, zstandard.ZstdDecompressor().decompress),
        "zstd with the dictionary": (trained.compress, trained.decompress),
    }
    for codec, (compress, decompress) in codecs.items():
        packed = list(map(compress, texts))
        accounts = len(results["day"])
        size = sum(map(len, packed)) / accounts
        times = (time_each(compress, texts, accounts), time_each(decompress, packed, accounts))
        row = (name, f"{accounts:,}", codec, f"{size:,.0f}", *(f"{each:.1f}" for each in times))
        print(f"| {' | '.join(row)} |")


def time_each(convert: Callable[[bytes], bytes], texts: Sequence[bytes], accounts: int) -> float:
    """Return the CPU microseconds of an account, the best of five rounds."""

    def time_round() -> float:
        begun = time.process_time()
        for text in texts:
            convert(text)
        return time.process_time() - begun

    return min(time_round() for _ in range(5)) / accounts * 1e6


if __name__ == "__main__":
    main()

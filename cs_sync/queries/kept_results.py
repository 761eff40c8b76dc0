"""Results per account, kept from one run to the next: only what changed is computed again."""

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson
from msgspec import Struct
from msgspec.structs import asdict

from cs_sync.health import HealthConfig, SignalScope, build_day_scope, get_signal
from cs_sync.queries.account_batches import AccountBatch, split_wanted
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.kept_results import KeptUpdate, read_kept, save_between_runs, unpack_kept
from cs_sync.store.fast.packed_json import PackedJson
from cs_sync.store.leases import read_free_token
from cs_sync.store.queries.changed_accounts import read_changed_accounts
from cs_sync.store.queries.health import read_coverage
from cs_sync_schemas.packed import pack_text

T = TypeVar("T")
CODE = (
    "follow_ups", "foresight", "health", "i18n", "metrics", "queries", "report", "store/queries",
)  # fmt: skip
"""Folders of the code and the texts that results follow from."""
SUFFIXES = (".py", ".toml", ".j2", ".css", ".js")
MAX_AT_HAND = 20_000
"""Results of one kind that may be in memory as objects, some 8 KB each."""


class WrittenResults(Mapping[str, T]):
    """Results in their written form, a tenth of their size; each is read when it is wanted.

    Of a few accounts what was read stays at hand, of many the last one: whoever goes through them
    takes them one by one.
    """

    def __init__(
        self,
        form: PackedJson[T],
        contents: dict[str, bytes],
        at_hand: Mapping[str, T] | None = None,
    ) -> None:
        """Take results as written, and those that are at hand."""
        self._form, self._contents = form, contents
        self._at_hand = dict(at_hand or {})

    def __getitem__(self, key: str) -> T:
        if key not in self._at_hand:
            if len(self._contents) > MAX_AT_HAND:
                self._at_hand.clear()
            self._at_hand[key] = self._form.decode(self._contents[key])
        return self._at_hand[key]

    def get_written(self, key: str) -> bytes:
        """Return a result in its written form."""
        return self._contents[key]

    def drop_result(self, key: str) -> None:
        """Let go of a result, which nobody is going to ask for."""
        self._contents.pop(key, None)
        self._at_hand.pop(key, None)

    def digest(self) -> str:
        """Digest the results of all accounts."""
        digest = hashlib.sha256()
        for key, packed in self._contents.items():
            digest.update(f"{key} {len(packed)} ".encode())
            digest.update(packed)
        return digest.hexdigest()

    def __contains__(self, key: object) -> bool:
        return key in self._contents

    def __iter__(self) -> Iterator[str]:
        return iter(self._contents)

    def __len__(self) -> int:
        return len(self._contents)


class Refreshed(Struct, Generic[T], frozen=True):
    """The results of all accounts, and what of them is new."""

    results: WrittenResults[T]
    update: KeptUpdate
    known_at: datetime | None
    """When one of the results was last computed, before this; None if none could be used."""
    token: int | None
    """The lease's token when no run was active; None while one was."""


def refresh_results(
    workspace: Workspace,
    kind: tuple[str, PackedJson[T]],
    basis: str,
    accounts: Sequence[str],
    compute: Callable[[AccountBatch], Mapping[str, T]],
    until: date | None = None,
) -> Refreshed[T]:
    """Return accounts' results, kept or computed anew after a change.

    They are computed in batches, and written down after each.

    Args:
        workspace: The workspace.
        kind: The name of the kind, and how its results are written.
        basis: Digest of everything but the accounts' own facts.
        accounts: The ids of all accounts with a result, in the order of the database.
        compute: Computes the results of a batch.
        until: The day before which lie all days of use that they rest on; None: any may count.
    """
    (name, form), now = kind, workspace.clock()
    with workspace.store.read() as connection:
        token = read_free_token(connection, now)
        kept = read_kept(connection, name, basis)
        stale = set(accounts) - kept.contents.keys()
        if kept.known_at is not None:
            stale |= read_changed_accounts(connection, kept.known_at, until) & set(accounts)
    fresh, at_hand = dict[str, bytes](), dict[str, T]()
    for batch in split_wanted(accounts, stale):
        computed = compute(batch)
        fresh.update((key, form.encode(result)) for key, result in computed.items())
        at_hand.update(computed if len(accounts) <= MAX_AT_HAND else {})
    results = {
        key: fresh[key] if key in fresh else kept.contents[key]
        for key in accounts
        if key in fresh or (key in kept.contents and key not in stale)
    }
    gone = kept.contents.keys() - set(accounts)
    update = KeptUpdate(name, basis, kept.state, now, fresh, gone)
    return Refreshed(WrittenResults(form, results, at_hand), update, kept.known_at, token)


def keep_results(workspace: Workspace, refreshed: Refreshed[Any]) -> None:
    """Keep what is new between runs."""
    save_between_runs(workspace.store, refreshed.update, refreshed.token, workspace.clock())


class KeptAnswers:
    """Answers that rest on what they are made of alone."""

    def __init__(self, workspace: Workspace, kind: str, basis: str) -> None:
        """Read the kept answers of a kind on a basis."""
        self._workspace, self._kind, self._basis = workspace, kind, basis
        now = workspace.clock()
        with workspace.store.read() as connection:
            self._token = read_free_token(connection, now)
            self._kept = read_kept(connection, kind, basis)
        self._now = now

    @property
    def packed(self) -> Mapping[str, bytes]:
        """The kept answers, as they are stored."""
        return self._kept.contents

    def get(self, key: str) -> str | None:
        """Return a kept answer; None if there is none."""
        packed = self.packed.get(key)
        return None if packed is None else unpack_kept(packed).decode()

    def replace(self, answers: Mapping[str, str]) -> None:
        """Keep these answers, and no others."""
        self.replace_packed({key: pack_text(text) for key, text in answers.items()})

    def replace_packed(self, answers: Mapping[str, bytes]) -> None:
        """Keep these answers, and no others: as they are stored."""
        update = self.build_update(answers)
        save_between_runs(self._workspace.store, update, self._token, self._workspace.clock())

    def build_update(self, answers: Mapping[str, bytes]) -> KeptUpdate:
        """Build what a run is to keep: these answers, and no others."""
        before = self.packed
        fresh = {key: text for key, text in answers.items() if before.get(key) != text}
        gone = before.keys() - answers.keys()
        return KeptUpdate(self._kind, self._basis, self._kept.state, self._now, fresh, gone)


def hash_parts(parts: Any) -> str:
    """Digest what a result rests on, and the code for it."""
    return hashlib.sha256(orjson.dumps([_digest_code(), parts], default=_to_plain)).hexdigest()


def _to_plain(value: Any) -> Any:
    """Convert what JSON does not know for a digest."""
    return asdict(value) if isinstance(value, Struct) else str(value)


def hash_each(parts: Iterable[Any]) -> str:
    """Digest parts one by one.

    The text of all would take much memory.
    """
    digest = hashlib.sha256()
    for part in parts:
        text = orjson.dumps(part, default=_to_plain)
        digest.update(f"{len(text)} ".encode())
        digest.update(text)
    return digest.hexdigest()


@cache
def _digest_code() -> str:
    """Digest the code behind results, to tell those of other code."""
    root, digest = Path(__file__).parent.parent, hashlib.sha256()
    for folder in CODE:
        for file in sorted((root / folder).rglob("*.*")):
            if file.suffix in SUFFIXES:
                digest.update(file.relative_to(root).as_posix().encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def build_basis(workspace: Workspace, model: HealthConfig, days: Sequence[date]) -> str:
    """Digest what the results of all accounts at some days rest on.

    It holds the days, the settings, and which sources brought facts by then: where a source is
    new, an account without facts of it has none for another reason.
    """
    settings = workspace.config
    zone, features = str(settings.workspace.timezone), settings.metrics.active_features
    scopes: list[SignalScope] = [build_day_scope(day, zone) for day in days]
    with workspace.store.read() as connection:
        coverage = read_coverage(connection, model, features, scopes)
    parts = [
        days,
        zone,
        settings.workspace.language,
        features,
        get_mrr_policy(workspace).hash,
        [part.digest() for part in model.list_models()],
        model.model_dump_json(),
        model.left_out,
        coverage,
        list(map(digest_plugin_code, model.list_signals())),
    ]
    return hash_parts(parts)


def digest_plugin_code(signal: str) -> str:
    """Digest the module that computes a plugin's signal; empty for ours."""
    build: Any = get_signal(signal).build
    while isinstance(build, partial):
        build = build.func
    if build.__module__.startswith("cs_sync."):
        return ""
    return hashlib.sha256(
        Path(str(sys.modules[build.__module__].__file__)).read_bytes()
    ).hexdigest()

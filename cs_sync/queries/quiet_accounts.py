"""Accounts of which no playbook asks anything, kept until that may be another."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta

from msgspec import Struct, field

from cs_sync.follow_ups import AccountView, Silence
from cs_sync.queries.account_views import AccountViews
from cs_sync.queries.kept_results import KeptAnswers, hash_parts
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.kept_results import KeptUpdate
from cs_sync.store.fast.packed_json import PackedJson

KIND, ALL = "quiet", "all"


class QuietAccount(Struct, frozen=True, array_like=True):
    """What it rests on that nothing is asked, and up to when that holds."""

    made_of: str
    until: datetime | None
    """The instant from which on it is to be asked again; None: not because of the hour."""
    until_use: date | None
    """The last day of use of all from which on it is to be asked again."""
    early: Mapping[str, datetime] = field(default_factory=dict)
    """Key → when it happened, of what is not asked as it was before the connection."""


class _QuietBook(Struct, frozen=True, array_like=True):
    """The quiet accounts by id, as found up to a last day of use."""

    usage_until: date | None
    accounts: Mapping[str, QuietAccount]


FORM = PackedJson[_QuietBook](_QuietBook)


class QuietAccounts:
    """The accounts of which nothing was asked: they are not asked again.

    Playbooks of plugins may rest on anything, so with one of them every account is.
    """

    def __init__(self, workspace: Workspace, views: AccountViews) -> None:
        """Read what is kept under the settings of today."""
        self._now, self._views = workspace.clock(), views
        self._kept: KeptAnswers | None = None
        self._book, self._quiet = _QuietBook(None, {}), dict[str, QuietAccount]()
        if not workspace.plugins.playbooks:
            settings = workspace.config
            own = {name: of.model_dump(mode="json") for name, of in settings.playbooks.items()}
            rules = settings.follow_ups.model_dump(mode="json")
            self._kept = KeptAnswers(
                workspace, KIND, hash_parts([own, rules, views.list_shared_parts()])
            )
            if (packed := self._kept.packed.get(ALL)) is not None:
                self._book = FORM.decode(packed)
                self._quiet = self._select_current(self._book)

    def list_others(self) -> Iterator[AccountView]:
        """Yield the views of all customers but the quiet ones."""
        return (self._views[account] for account in self._views if account not in self._quiet)

    def list_all(self) -> Iterator[AccountView]:
        """Yield the views of all customers; none is quiet any more."""
        self._quiet = {}
        return iter(self._views.values())

    def list_early(self) -> dict[str, datetime]:
        """Map key → when it happened, of what was too early."""
        return {key: at for quiet in self._quiet.values() for key, at in quiet.early.items()}

    def build_update(self, silences: Mapping[str, Silence]) -> KeptUpdate | None:
        """Build what a run is to keep: who is quiet.

        Args:
            silences: Account id → that nothing was asked of it today.
        """
        if self._kept is None:
            return None
        last = self._views.usage_until
        fresh = {
            account: self._build_quiet(account, silence)
            for account, silence in silences.items()
            if silence.turns.at is None or silence.turns.at > self._now
        }
        quiet, before = self._quiet | fresh, self._book
        if not fresh and last == before.usage_until and len(quiet) == len(before.accounts):
            return None
        return self._kept.build_update({ALL: FORM.encode(_QuietBook(last, quiet))})

    def _build_quiet(self, account: str, silence: Silence) -> QuietAccount:
        last, turns = self._views.usage_until, silence.turns
        until_use = None if last is None or turns.days is None else last + timedelta(turns.days)
        made_of = self._views.compute_digest(account)
        return QuietAccount(made_of, turns.at, until_use, silence.early)

    def _select_current(self, kept: _QuietBook) -> dict[str, QuietAccount]:
        """Select the accounts of which nothing changed, while no comparison turned."""
        last = self._views.usage_until
        if last is not None and kept.usage_until is not None and last < kept.usage_until:
            return {}  # days of use are gone
        return {
            account: quiet
            for account, quiet in kept.accounts.items()
            if (quiet.until is None or quiet.until > self._now)
            and (quiet.until_use is None or last is None or last < quiet.until_use)
            and account in self._views
            and self._views.compute_digest(account) == quiet.made_of
        }

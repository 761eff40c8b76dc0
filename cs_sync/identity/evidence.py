"""The facts of accounts put in order, and what each record may be matched by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cs_sync.identity.domains import company_domain, email_company_domain
from cs_sync.identity.facts import AccountFact, AliasFact, Ref

SOURCE_ORDER = ("hubspot", "stripe")
"""Whose records found an account first; the other sources follow by name."""
_LAST = datetime.max.replace(tzinfo=UTC)


def source_rank(source: str) -> tuple[int, str]:
    """Sorts sources: the CRM, billing, then the others by name."""
    rank = SOURCE_ORDER.index(source) if source in SOURCE_ORDER else len(SOURCE_ORDER)
    return rank, source


def own_key(fact: AccountFact) -> str | None:
    """The company's own account id on the record; blank is none."""
    return (fact.external_key or "").strip() or None


def founder_order(fact: AccountFact) -> tuple[bool, tuple[int, str], datetime, str]:
    """Sorts records: who carries our own id, then CRM and billing, then the oldest."""
    created = fact.created_at or _LAST
    return own_key(fact) is None, source_rank(fact.ref.source), created, fact.ref.source_id


@dataclass(frozen=True, slots=True)
class Evidence:
    """All account records in founder order, where merged ones live on, and what was overridden."""

    facts: tuple[AccountFact, ...]
    survivors: Mapping[Ref, Ref]
    pins: Mapping[Ref, str]
    sites: Mapping[Ref, frozenset[str]]
    """The company domains that each record states itself."""
    reach: Mapping[Ref, frozenset[str]]
    """Those or, for a record that states none, the company domain of its e-mail address."""

    def free(self, ref: Ref) -> bool:
        """True when the record speaks for itself: neither merged away nor overridden."""
        return ref not in self.survivors and ref not in self.pins

    def matchable(self) -> Iterable[AccountFact]:
        """Records whose domains count: they exist at the source and were not merged away."""
        return (f for f in self.facts if not f.deleted and f.ref not in self.survivors)


def evidence_of(
    facts: Iterable[AccountFact], aliases: Iterable[AliasFact], overrides: Mapping[Ref, str]
) -> Evidence:
    """Put the facts in an order that does not depend on the order they came in."""
    survivors = survivors_of(aliases, "source_account")
    merged = {old: new for old, new in survivors.items() if old not in overrides}
    ordered = tuple(sorted(facts, key=founder_order))
    sites = {fact.ref: _sites_of(fact) for fact in ordered}
    reach = {fact.ref: sites[fact.ref] or _mail_site_of(fact) for fact in ordered}
    return Evidence(ordered, merged, overrides, sites, reach)


def survivors_of(aliases: Iterable[AliasFact], record: str) -> dict[Ref, Ref]:
    """Merged record → the record it was merged into, for one table."""
    return {
        alias.ref: Ref(alias.ref.source, alias.survivor_source_id)
        for alias in aliases
        if alias.record == record and alias.ref.source_id != alias.survivor_source_id
    }


def _sites_of(fact: AccountFact) -> frozenset[str]:
    named = (company_domain(text) for text in (fact.domain, *fact.extra_domains))
    return frozenset(domain for domain in named if domain)


def _mail_site_of(fact: AccountFact) -> frozenset[str]:
    """The address only stands in for a missing domain: the bills of a company that has one of its
    own may well go to its accountant.
    """
    mail = email_company_domain(fact.email)
    return frozenset({mail} if mail else ())

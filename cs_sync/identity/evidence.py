"""The facts of accounts put in order, and what each record may be matched by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cs_sync.identity.domains import DomainRules, domain_of, email_of
from cs_sync.identity.facts import AccountFact, AliasFact, ContactFact, Ref

SOURCE_ORDER = ("hubspot", "stripe")
"""Whose records found an account first; the other sources follow by name."""
_LAST = datetime.max.replace(tzinfo=UTC)


def source_rank(source: str) -> tuple[int, str]:
    """Sorts sources: the CRM, billing, then the others by name."""
    rank = SOURCE_ORDER.index(source) if source in SOURCE_ORDER else len(SOURCE_ORDER)
    return rank, source


def own_key(fact: AccountFact | ContactFact) -> str | None:
    """The company's own id on the record; blank is none."""
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
    taken_over: Mapping[Ref, str]
    """Survivor of a merge without an own id → the one of what was merged into it."""
    renamed: Mapping[str, str]
    """Own ids of accounts that were merged away → the one that the survivor goes by."""
    rules: DomainRules

    def key(self, fact: AccountFact) -> str | None:
        """The own id that the record means now."""
        key = own_key(fact) or self.taken_over.get(fact.ref)
        return self.renamed.get(key, key) if key else None

    def only_shared(self, fact: AccountFact) -> bool:
        """True when all domains that the record shows are nobody's."""
        shown = [domain_of(text) for text in (fact.domain, *fact.extra_domains)]
        mail = email_of(fact.email)
        shown += [domain_of(mail.rpartition("@")[2])] if mail else []
        return any(shown) and not self.reach[fact.ref]

    def free(self, ref: Ref) -> bool:
        """True when the record speaks for itself: neither merged away nor overridden."""
        return ref not in self.survivors and ref not in self.pins

    def matchable(self) -> Iterable[AccountFact]:
        """Records whose domains count: they exist at the source and were not merged away."""
        return (f for f in self.facts if not f.deleted and f.ref not in self.survivors)


def evidence_of(
    facts: Iterable[AccountFact],
    aliases: Iterable[AliasFact],
    overrides: Mapping[Ref, str],
    rules: DomainRules,
) -> Evidence:
    """Put the facts in an order that does not depend on the order they came in."""
    survivors = survivors_of(aliases, "source_account")
    merged = {old: new for old, new in survivors.items() if old not in overrides}
    ordered = tuple(sorted(facts, key=founder_order))
    sites = {fact.ref: _sites_of(fact, rules) for fact in ordered}
    reach = {fact.ref: sites[fact.ref] or _mail_site_of(fact, rules) for fact in ordered}
    return Evidence(ordered, merged, overrides, sites, reach, *merged_keys(ordered, merged), rules)


def survivors_of(aliases: Iterable[AliasFact], record: str) -> dict[Ref, Ref]:
    """Merged record → the record it was merged into, for one table."""
    return {
        alias.ref: Ref(alias.ref.source, alias.survivor_source_id)
        for alias in aliases
        if alias.record == record and alias.ref.source_id != alias.survivor_source_id
    }


def merged_keys(
    facts: Iterable[AccountFact | ContactFact], survivors: Mapping[Ref, Ref]
) -> tuple[dict[Ref, str], dict[str, str]]:
    """Own ids that survivors take over, and merged-away own ids → the one they mean now.

    The merged record may be known with its own id, or no more than by its id at the source: that
    is an own id, too, where the survivor's own id is its id at the source. What a living record
    of the source still goes by is not merged away.
    """
    known = {fact.ref: key for fact in facts if (key := own_key(fact))}
    living = {(ref.source, key) for ref, key in known.items() if ref not in survivors}
    taken_over: dict[Ref, str] = {}
    renamed: dict[str, str] = {}
    for old in sorted(survivors):
        last = _last(old, survivors)
        gone = {known[old]} if old in known else set()
        if known.get(last) == last.source_id:
            gone.add(old.source_id)
        for key in sorted(key for key in gone if (old.source, key) not in living):
            into = known.get(last) or taken_over.setdefault(last, key)
            if key != into:
                renamed.setdefault(key, into)
    return taken_over, renamed


def _last(ref: Ref, survivors: Mapping[Ref, Ref]) -> Ref:
    """The record at the end of a chain of merges; of a circle the first one met again."""
    seen = {ref}
    while (after := survivors.get(ref)) is not None and after not in seen:
        ref = after
        seen.add(ref)
    return ref


def _sites_of(fact: AccountFact, rules: DomainRules) -> frozenset[str]:
    named = (rules.company_domain(text) for text in (fact.domain, *fact.extra_domains))
    return frozenset(domain for domain in named if domain)


def _mail_site_of(fact: AccountFact, rules: DomainRules) -> frozenset[str]:
    """The address only stands in for a missing domain: the bills of a company that has one of its
    own may well go to its accountant.
    """
    mail = rules.email_company_domain(fact.email)
    return frozenset({mail} if mail else ())

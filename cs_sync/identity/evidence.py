"""The facts of accounts put in order, and what each record may be matched by."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cs_sync.identity.answers import Answers, answers_of
from cs_sync.identity.disjoint_sets import DisjointSets, Node
from cs_sync.identity.domains import DomainRules, domain_of, email_of
from cs_sync.identity.facts import AccountFact, AliasFact, ContactFact, Facts, Ref

SOURCE_ORDER = ("hubspot", "stripe")
"""Whose records found an account first; the other sources follow by name."""
_LAST = datetime.max.replace(tzinfo=UTC)


def source_rank(source: str, connector: str | None = None) -> tuple[int, str]:
    """Sorts sources by what they are instances of: the CRM, billing, then the others by name."""
    kind = connector or source
    rank = SOURCE_ORDER.index(kind) if kind in SOURCE_ORDER else len(SOURCE_ORDER)
    return rank, source


NO_KEYS = frozenset(
    [
        *("null", "(null)", "nil", "none", "nan", "undefined", "unknown", "\\n"),
        *("n/a", "#n/a", "na", "n.a.", "#ref!", "#value!", "-", "--", "–", "—", "?"),
    ]
)
"""What databases, spreadsheets and programs write where there is no id, in small letters."""


def own_key(fact: AccountFact | ContactFact) -> str | None:
    """The company's own id on the record; blank, or a word for "none", is none."""
    key = (fact.external_key or "").strip()
    return key if key and key.lower() not in NO_KEYS else None


def founder_order(fact: AccountFact) -> tuple[bool, tuple[int, str], datetime, str]:
    """Sorts records: who carries our own id, then CRM and billing, then the oldest."""
    created = fact.created_at or _LAST
    return (
        own_key(fact) is None,
        source_rank(fact.ref.source, fact.connector),
        created,
        fact.ref.source_id,
    )


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
    """Own ids that mean another one: of what was merged away, or linked by a person."""
    keyless: frozenset[Ref]
    """Records whose own id another record has, of which a person said that it is not the same."""
    answers: Answers
    rules: DomainRules

    def key(self, fact: AccountFact) -> str | None:
        """The own id that the record means now."""
        if fact.ref in self.keyless:
            return None
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


def evidence_of(facts: Facts, overrides: Mapping[Ref, str], rules: DomainRules) -> Evidence:
    """Put the facts in an order that does not depend on the order they came in."""
    survivors = survivors_of(facts.aliases, "source_account")
    merged = {old: new for old, new in survivors.items() if old not in overrides}
    ordered = tuple(sorted(facts.accounts, key=founder_order))
    sites = {fact.ref: _sites_of(fact, rules) for fact in ordered}
    reach = {fact.ref: sites[fact.ref] or _mail_site_of(fact, rules) for fact in ordered}
    taken_over, renamed = merged_keys(ordered, merged)
    living = {old: _last(old, merged) for old in merged}
    free = [fact.ref for fact in ordered if fact.ref not in merged and fact.ref not in overrides]
    answers = answers_of(facts.answers, free, living)
    keys = {fact.ref: key for fact in ordered if (key := own_key(fact))}
    keys = {ref: renamed.get(key, key) for ref, key in {**taken_over, **keys}.items()}
    keyless = _keyless(keys, answers)
    renamed = _followed(renamed, _linked_keys(keys, answers, keyless))
    return Evidence(
        ordered, merged, overrides, sites, reach, taken_over, renamed, keyless, answers, rules
    )


def _keyless(keys: Mapping[Ref, str], answers: Answers) -> frozenset[Ref]:
    """Of records with one own id that are not the same, all but the one that was named first."""
    first: dict[tuple[int, str], tuple[int, Ref]] = {}
    sides = [(side, ref) for ref, found in answers.sides.items() if ref in keys for side in found]
    for (number, side), ref in sorted(sides):
        first.setdefault((number, keys[ref]), (side, ref))
    return frozenset(
        ref for (number, side), ref in sides if first[number, keys[ref]] != (side, ref)
    )


def _linked_keys(
    keys: Mapping[Ref, str], answers: Answers, keyless: frozenset[Ref]
) -> dict[str, str]:
    """Own ids of records that a person linked → the one of the record that was named first."""
    sets = DisjointSets()
    order: dict[str, int] = {}
    for _, refs in answers.links:
        named = [keys[ref] for ref in refs if ref in keys and ref not in keyless]
        for key in named:
            order.setdefault(key, len(order))
        sets.join(("key", key) for key in named)
    groups: dict[Node, list[str]] = defaultdict(list)
    for key in order:
        groups[sets.find(("key", key))].append(key)
    return {key: group[0] for group in groups.values() for key in group[1:]}


def _followed(renamed: Mapping[str, str], further: Mapping[str, str]) -> dict[str, str]:
    return {old: further.get(new, new) for old, new in {**further, **renamed}.items()}


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

"""Account records in order, and the evidence to match each by."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from msgspec import Struct

from cs_sync.identity.answers import AnswerIndex, index_answers
from cs_sync.identity.disjoint_sets import DisjointSets, Node
from cs_sync.identity.domains import DomainRules, normalise_domain, normalise_email
from cs_sync.identity.facts import AccountFact, AliasFact, ContactFact, IdentityFacts, RecordRef

_LAST = datetime.max.replace(tzinfo=UTC)


NO_KEYS = frozenset(
    [
        *("null", "(null)", "nil", "none", "nan", "undefined", "unknown", "\\n"),
        *("n/a", "#n/a", "na", "n.a.", "#ref!", "#value!", "-", "--", "–", "—", "?"),
    ]
)
"""What databases, spreadsheets and programs write where there is no id, in small letters."""


def read_own_id(fact: AccountFact | ContactFact) -> str | None:
    """Return our own id on the record; None for blanks."""
    key = (fact.external_key or "").strip()
    return key if key and key.lower() not in NO_KEYS else None


def rank_founder(fact: AccountFact) -> tuple[bool, int, str, datetime, str]:
    """Return the sort key: own id, source's precedence, oldest."""
    created = fact.created_at or _LAST
    return (
        read_own_id(fact) is None,
        fact.precedence,
        fact.ref.source,
        created,
        fact.ref.source_id,
    )


class MatchEvidence(Struct, frozen=True):
    """All account records in founder order, with merges and overrides."""

    facts: tuple[AccountFact, ...]
    survivors: Mapping[RecordRef, RecordRef]
    pins: Mapping[RecordRef, str]
    sites: Mapping[RecordRef, frozenset[str]]
    """The company domains that each record states itself, or what was merged into it stated."""
    reach: Mapping[RecordRef, frozenset[str]]
    """Those or, for a record that states none, the company domain of its e-mail address."""
    taken_over: Mapping[RecordRef, str]
    """Survivor of a merge without an own id → the one of what was merged into it."""
    renamed: Mapping[str, str]
    """Own ids that mean another one: of what was merged away, or linked by a person."""
    keyless: frozenset[RecordRef]
    """Records whose own id another record has, of which a person said that it is not the same."""
    answers: AnswerIndex
    rules: DomainRules

    def key(self, fact: AccountFact) -> str | None:
        """Return the current own id of the record."""
        if fact.ref in self.keyless:
            return None
        key = read_own_id(fact) or self.taken_over.get(fact.ref)
        return self.renamed.get(key, key) if key else None

    def has_only_shared_domains(self, fact: AccountFact) -> bool:
        """Return whether the record's domains are all shared ones.

        It has one at least, and no company owns any.
        """
        shown = [normalise_domain(text) for text in (fact.domain, *fact.extra_domains)]
        mail = normalise_email(fact.email)
        shown += [normalise_domain(mail.rpartition("@")[2])] if mail else []
        return any(shown) and not self.reach[fact.ref]

    def is_independent(self, ref: RecordRef) -> bool:
        """Return whether the record is neither merged nor overridden."""
        return ref not in self.survivors and ref not in self.pins

    def list_matchable(self) -> Iterable[AccountFact]:
        """List the records with valid domains.

        Present at the source and not merged.
        """
        return (f for f in self.facts if not f.deleted and f.ref not in self.survivors)


def build_evidence(
    facts: IdentityFacts, overrides: Mapping[RecordRef, str], rules: DomainRules
) -> MatchEvidence:
    """Build the evidence, independent of the order of the facts.

    Args:
        facts: The records of all sources and the answers.
        overrides: Record → the account id named by a plugin.
        rules: The rules for company domains.
    """
    survivors = map_survivors(facts.aliases, "source_account")
    merged = {old: new for old, new in survivors.items() if old not in overrides}
    ordered = tuple(sorted(facts.accounts, key=rank_founder))
    sites = _map_sites(ordered, merged, rules)
    reach = {fact.ref: sites[fact.ref] or _find_mail_domain(fact, rules) for fact in ordered}
    taken_over, renamed = resolve_merged_keys(ordered, merged)
    living = {old: follow_merges(old, merged) for old in merged}
    free = [fact.ref for fact in ordered if fact.ref not in merged and fact.ref not in overrides]
    answers = index_answers(facts.answers, free, living)
    keys = {fact.ref: key for fact in ordered if (key := read_own_id(fact))}
    keys = {ref: renamed.get(key, key) for ref, key in {**taken_over, **keys}.items()}
    keyless = _find_keyless(keys, answers)
    renamed = _follow_renames(renamed, _map_linked_keys(keys, answers, keyless))
    return MatchEvidence(
        ordered, merged, overrides, sites, reach, taken_over, renamed, keyless, answers, rules
    )


def _find_keyless(keys: Mapping[RecordRef, str], answers: AnswerIndex) -> frozenset[RecordRef]:
    """Find split records with one own id, except the first named."""
    first: dict[tuple[int, str], tuple[int, RecordRef]] = {}
    sides = [
        (side, ref) for ref, ref_sides in answers.sides.items() if ref in keys for side in ref_sides
    ]
    for (number, side), ref in sorted(sides):
        first.setdefault((number, keys[ref]), (side, ref))
    return frozenset(
        ref for (number, side), ref in sides if first[number, keys[ref]] != (side, ref)
    )


def _map_linked_keys(
    keys: Mapping[RecordRef, str], answers: AnswerIndex, keyless: frozenset[RecordRef]
) -> dict[str, str]:
    """Map own ids of records that a person linked to one.

    The first record's.
    """
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


def _follow_renames(renamed: Mapping[str, str], further: Mapping[str, str]) -> dict[str, str]:
    return {old: further.get(new, new) for old, new in {**further, **renamed}.items()}


def map_survivors(aliases: Iterable[AliasFact], record: str) -> dict[RecordRef, RecordRef]:
    """Map each merged record of a table to its survivor.

    Args:
        aliases: The merges of all tables.
        record: The table, such as `source_account`.
    """
    return {
        alias.ref: RecordRef(alias.ref.source, alias.survivor_source_id)
        for alias in aliases
        if alias.record == record and alias.ref.source_id != alias.survivor_source_id
    }


def resolve_merged_keys(
    facts: Iterable[AccountFact | ContactFact], survivors: Mapping[RecordRef, RecordRef]
) -> tuple[dict[RecordRef, str], dict[str, str]]:
    """Resolve the own ids of merged records.

    The merged record may be known with its own id, or only by its id at the source: that is
    an own id, too, if the survivor's own id is its id at the source. Ids still in use by a
    living record of the source are not merged.

    Returns:
        Survivor → the own id it takes over, and merged own id → its current one.
    """
    own_keys = {fact.ref: key for fact in facts if (key := read_own_id(fact))}
    living = {(ref.source, key) for ref, key in own_keys.items() if ref not in survivors}
    taken_over: dict[RecordRef, str] = {}
    renamed: dict[str, str] = {}
    for old in sorted(survivors):
        last = follow_merges(old, survivors)
        merged_keys = {own_keys[old]} if old in own_keys else set()
        if own_keys.get(last) == last.source_id:
            merged_keys.add(old.source_id)
        for key in sorted(key for key in merged_keys if (old.source, key) not in living):
            into = own_keys.get(last) or taken_over.setdefault(last, key)
            if key != into:
                renamed.setdefault(key, into)
    return taken_over, renamed


def follow_merges(ref: RecordRef, survivors: Mapping[RecordRef, RecordRef]) -> RecordRef:
    """Follow a chain of merges to its end.

    A cycle ends at its entry.
    """
    visited = {ref}
    while (after := survivors.get(ref)) is not None and after not in visited:
        ref = after
        visited.add(ref)
    return ref


def _map_sites(
    facts: Iterable[AccountFact], survivors: Mapping[RecordRef, RecordRef], rules: DomainRules
) -> dict[RecordRef, frozenset[str]]:
    """Map each record to its company domains, including those of merged records."""
    sites = {fact.ref: _list_sites(fact, rules) for fact in facts}
    for old in survivors:
        living = follow_merges(old, survivors)
        if living in sites:
            sites[living] |= sites.get(old, frozenset())
    return sites


def _list_sites(fact: AccountFact, rules: DomainRules) -> frozenset[str]:
    named = (rules.to_company_domain(text) for text in (fact.domain, *fact.extra_domains))
    return frozenset(domain for domain in named if domain)


def _find_mail_domain(fact: AccountFact, rules: DomainRules) -> frozenset[str]:
    """Return the company domain of the record's e-mail address.

    The bills of a company with a domain of its own may go to its accountant.
    """
    mail = rules.to_email_company_domain(fact.email)
    return frozenset({mail} if mail else ())

"""Identity resolution: facts of all sources in, one graph of accounts and people out.

Rules for accounts, strongest first: a `cs_sync_match` plugin, merges at the source, a person's
answer, our own account id, an earlier link, a company domain, the company domain of the billing
e-mail. Nothing is guessed. A domain of two accounts links nothing and becomes a question; so do
one e-mail address on two accounts, a possibly renamed own id, and people who moved together.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from cs_sync.identity.account_groups import group_accounts
from cs_sync.identity.account_ids import IdentifiedGroups, assign_ids, map_final_ids
from cs_sync.identity.account_links import link_accounts, map_domain_accounts
from cs_sync.identity.accounts import build_account
from cs_sync.identity.contacts import resolve_contacts
from cs_sync.identity.domains import DEFAULT_RULES, DomainRules
from cs_sync.identity.evidence import MatchEvidence, build_evidence
from cs_sync.identity.facts import (
    IdentityFacts,
    KnownAccount,
    KnownIdentity,
    KnownLink,
    RecordRef,
)
from cs_sync.identity.lone_records import find_lone_records
from cs_sync.identity.moved_people import find_moved_people
from cs_sync.identity.questions import build_account_questions
from cs_sync.identity.resolution import Resolution, ResolvedLink


def resolve_identities(
    facts: IdentityFacts,
    stored: KnownIdentity | None = None,
    overrides: Mapping[RecordRef, str] | None = None,
    rules: DomainRules = DEFAULT_RULES,
) -> Resolution:
    """Resolve the records into accounts and people.

    The result does not depend on the order of the facts, and resolving it again changes
    nothing. The cost is near-linear in the number of records.

    Args:
        facts: All records, deleted ones marked.
        stored: The earlier decisions, as stored.
        overrides: Record → the account id named by a plugin.
        rules: The rules for company domains.
    """
    stored = stored or KnownIdentity()
    evidence, groups, links = _resolve_accounts(facts, stored, overrides or {}, rules)
    domains = map_domain_accounts(evidence, groups)
    conflicts = build_account_questions(evidence, groups, domains, find_moved_people(facts))
    people, people_links, merged, open_people = resolve_contacts(
        facts, stored, groups.account_of, domains, rules
    )
    accounts = [build_account(name, members, evidence) for name, members in groups.members.items()]
    return Resolution(
        accounts=tuple(sorted(accounts, key=lambda account: account.id)),
        account_links=tuple(links),
        merged_accounts=dict(sorted(groups.merged.items())),
        contacts=tuple(people),
        contact_links=tuple(people_links),
        merged_contacts=dict(sorted(merged.items())),
        conflicts=(*conflicts, *open_people),
        nobodys=frozenset(
            fact.ref for fact in evidence.facts if evidence.has_only_shared_domains(fact)
        ),
    )


AccountResolution = tuple[MatchEvidence, IdentifiedGroups, list[ResolvedLink]]
_ROUNDS = 5
"""Rounds until nothing changes; two are enough for nearly everything."""
_LATER = datetime.max.replace(tzinfo=UTC)


def _resolve_accounts(
    facts: IdentityFacts,
    stored: KnownIdentity,
    overrides: Mapping[RecordRef, str],
    rules: DomainRules,
) -> AccountResolution:
    """Resolve account records until resolving again changes nothing.

    A record that leaves its account can free another one to join it, which a single round does
    not see. Records that meet no other one are looked at once; there may be no others.
    """
    known, targets = stored, {link.ref: link.target for link in stored.account_links}
    evidence = build_evidence(facts, _map_overrides(facts, known, overrides), rules)
    groups, links = _resolve_once(evidence, known)
    lone = find_lone_records(evidence, groups, stored)
    is_settled = len(lone) == len(evidence.facts) and not evidence.survivors
    for _ in range(_ROUNDS - 1):
        following = {link.ref: link.target for link in links}
        if following == targets or is_settled:
            break
        known, targets = _remember(known, groups, links, evidence), following
        pins = _map_overrides(facts, known, overrides)
        if pins != evidence.pins:
            evidence = build_evidence(facts, pins, rules)
        groups, links = _resolve_again(evidence, known, groups, links, lone)
    stored_ids = {account.id for account in stored.accounts}
    merged = {old: new for old, new in groups.merged.items() if old in stored_ids}
    return evidence, replace(groups, merged=merged), links


def _resolve_again(
    evidence: MatchEvidence,
    known: KnownIdentity,
    groups: IdentifiedGroups,
    links: Sequence[ResolvedLink],
    lone: frozenset[RecordRef],
) -> tuple[IdentifiedGroups, list[ResolvedLink]]:
    """Resolve once more; lone records keep their accounts and links."""
    others = replace(evidence, facts=tuple(f for f in evidence.facts if f.ref not in lone))
    met = [link for link in known.account_links if link.ref not in lone]
    again, new_links = _resolve_once(others, replace(known, account_links=met))
    of_lone = {ref: groups.account_of[ref] for ref in lone}
    alone = {account: groups.members[account] for account in of_lone.values()}
    together = replace(
        again,
        members={**alone, **again.members},
        account_of={**of_lone, **again.account_of},
    )
    kept = [link for link in links if link.ref in lone]
    return together, sorted([*kept, *new_links], key=lambda link: link.ref)


def _remember(
    known: KnownIdentity,
    groups: IdentifiedGroups,
    links: Sequence[ResolvedLink],
    evidence: MatchEvidence,
) -> KnownIdentity:
    """Build what would be known after a round, as if stored."""
    before = {account.id: account for account in known.accounts}
    accounts = [
        replace(account, merged_into=groups.merged.get(account.id)) for account in known.accounts
    ]
    accounts = [
        replace(a, external_key=build_account(a.id, groups.members[a.id], evidence).external_key)
        if a.id in groups.members
        else a
        for a in accounts
    ]
    accounts += [
        KnownAccount(name, _LATER, build_account(name, facts, evidence).external_key, None)
        for name, facts in groups.members.items()
        if name not in before
    ]
    kept = [KnownLink(k.ref, k.target, k.rule, k.reason, k.decided_by) for k in links]
    return replace(known, accounts=accounts, account_links=kept)


def _map_overrides(
    facts: IdentityFacts, stored: KnownIdentity, overrides: Mapping[RecordRef, str]
) -> dict[RecordRef, str]:
    """Map records placed by plugins to their accounts' survivors."""
    final = map_final_ids(stored.accounts)
    present = {fact.ref for fact in facts.accounts}
    return {ref: final.get(to, to) for ref, to in overrides.items() if ref in present}


def _resolve_once(
    evidence: MatchEvidence, stored: KnownIdentity
) -> tuple[IdentifiedGroups, list[ResolvedLink]]:
    """Group account records and assign ids and links.

    Merged ids are followed first.
    """
    final = map_final_ids(stored.accounts)
    before = [
        replace(link, target=final.get(link.target, link.target)) for link in stored.account_links
    ]
    live = [account for account in stored.accounts if final[account.id] == account.id]
    sets = group_accounts(evidence, live, before)
    groups = assign_ids(sets, evidence, stored.accounts, before)
    return groups, link_accounts(evidence, groups, before)

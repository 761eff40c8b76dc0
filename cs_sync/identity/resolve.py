"""Identity from end to end: the facts of all sources in, one graph of accounts and people out.

Rules for accounts, strongest first: what a `cs_sync_match` plugin says, merges at the source, what
a person answered, our own account id, what was linked before, a company domain, the billing
e-mail's company domain.
Nothing is guessed: a domain that leads to two accounts links nothing and becomes a question, as do
one e-mail address on two accounts and an own id that looks renamed.
"""

from collections.abc import Mapping
from dataclasses import replace

from cs_sync.identity.account_groups import group_accounts
from cs_sync.identity.account_ids import NamedGroups, final_ids, name_groups
from cs_sync.identity.account_links import accounts_of_domains, link_accounts
from cs_sync.identity.accounts import describe_account
from cs_sync.identity.contacts import resolve_contacts
from cs_sync.identity.domains import BUILT_IN, DomainRules
from cs_sync.identity.evidence import Evidence, evidence_of
from cs_sync.identity.facts import Facts, Known, Ref
from cs_sync.identity.questions import account_questions
from cs_sync.identity.resolution import Resolution, ResolvedLink


def resolve(
    facts: Facts,
    known: Known | None = None,
    overrides: Mapping[Ref, str] | None = None,
    rules: DomainRules = BUILT_IN,
) -> Resolution:
    """The accounts and people behind the records.

    `facts` are all records (tombstones marked), `known` what an earlier resolution decided, as
    stored, `overrides` maps a record to the account id that a plugin names for it, and `rules` say
    which domains a company can own. The result does not depend on the order of the facts, and
    resolving it again changes nothing. Near-linear in the number of records.
    """
    known = known or Known()
    evidence, groups, links = _grouped(facts, known, overrides or {}, rules)
    domains = accounts_of_domains(evidence, groups)
    conflicts = account_questions(evidence, groups, links, domains)
    people, people_links, merged, open_people = resolve_contacts(
        facts, known, groups.account_of, domains, rules
    )
    accounts = [
        describe_account(name, members, evidence) for name, members in groups.members.items()
    ]
    return Resolution(
        accounts=tuple(sorted(accounts, key=lambda account: account.id)),
        account_links=tuple(links),
        merged_accounts=dict(sorted(groups.merged.items())),
        contacts=tuple(people),
        contact_links=tuple(people_links),
        merged_contacts=dict(sorted(merged.items())),
        conflicts=(*conflicts, *open_people),
        nobodys=frozenset(fact.ref for fact in evidence.facts if evidence.only_shared(fact)),
    )


def _grouped(
    facts: Facts, known: Known, overrides: Mapping[Ref, str], rules: DomainRules
) -> tuple[Evidence, NamedGroups, list[ResolvedLink]]:
    """Account records in groups with their ids and links; merged ids are followed first."""
    final = final_ids(known.accounts)
    present = {fact.ref for fact in facts.accounts}
    pins = {ref: final.get(to, to) for ref, to in overrides.items() if ref in present}
    evidence = evidence_of(facts, pins, rules)
    before = [
        replace(link, target=final.get(link.target, link.target)) for link in known.account_links
    ]
    live = [account for account in known.accounts if final[account.id] == account.id]
    sets = group_accounts(evidence, live, before)
    groups = name_groups(sets, evidence, known.accounts, before)
    moved = [replace(link, target=groups.merged.get(link.target, link.target)) for link in before]
    return evidence, groups, link_accounts(evidence, groups, moved)

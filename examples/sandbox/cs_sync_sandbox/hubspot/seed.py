"""Fills a portal with the world: companies, contacts, associations, survey answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from cs_sync_sandbox.hubspot.definitions import get_created_name, get_modified_name
from cs_sync_sandbox.hubspot.portal import Portal, Record, Version
from cs_sync_sandbox.hubspot.values import format_instant, parse_instant
from cs_sync_sandbox.world.records import Company, Person, SurveyAnswer, World

COMPANY, CONTACT, FEEDBACK, OWNER = 31_000_000_000, 52_000_000_000, 61_000_000_000, 77_000_000
COMPANY_TO_CONTACT, CONTACT_TO_COMPANY = {2, 280}, {1, 279}
FEEDBACK_TO_CONTACT, CONTACT_TO_FEEDBACK = {98}, {97}


def build_portal(world: World, now: Callable[[], datetime]) -> Portal:
    """Build a portal with what Acme's people had entered.

    By the world's now.
    """
    portal = Portal(now, world.owners)
    companies = {company.key: company for company in world.companies}
    for company in world.companies:
        _add_company(portal, company, world.now)
    for person in world.people:
        _add_contact(portal, person, companies[person.account_key], world.now)
    for answer in world.survey_answers:
        if answer.channel == "hubspot":
            _add_answer(portal, answer)
    for company in world.companies:
        record = portal.objects["companies"][get_company_id(company)]
        contacts = portal.linked("companies", record.id, "contacts")
        record.properties["num_associated_contacts"] = str(len(contacts))
    return portal


def get_company_id(company: Company) -> str:
    """Return the HubSpot id of an account's company."""
    return str(COMPANY + company.number)


def _add(
    portal: Portal, kind: str, number: int, values: dict[str, str | None], *times: datetime
) -> Record:
    created, updated = times
    id_ = str(number)
    stamps = {
        get_created_name(kind): format_instant(created),
        get_modified_name(kind): format_instant(updated),
    }
    record = Record(id_, kind, {**values, **stamps, "hs_object_id": id_}, created, updated)
    portal.objects[kind][id_] = record
    return record


def _add_company(portal: Portal, company: Company, now: datetime) -> None:
    lost = [str(COMPANY + number) for number in company.merged_numbers]
    edited = _choose_edit_time(company.created_at, company.number, now)
    contacted = _choose_contact_time(company, now)
    record = _add(
        portal, "companies", COMPANY + company.number,
        {
            "name": company.name, "domain": company.domain,
            "hs_additional_domains": ";".join(company.extra_domains) or None,
            "hubspot_owner_id": str(OWNER + company.owner_number)
            if company.owner_number else None,
            "industry": company.industry, "country": company.region,
            "numberofemployees": str(company.size),
            "lifecyclestage": "customer" if company.signed_up else "lead",
            "account_id": company.key if "hubspot" in company.key_in else None,
            "hs_merged_object_ids": ";".join(lost) or None,
            "notes_last_contacted": format_instant(contacted) if contacted else None,
        },
        company.created_at, max(edited, contacted or edited),
    )  # fmt: skip
    record.history = _build_history(record, company, len(portal.owners))
    record.archived_at = company.archived_at
    for id_ in lost:
        portal.merged_into[("companies", id_)] = record.id


def _add_contact(portal: Portal, person: Person, company: Company, now: datetime) -> None:
    owner = company.owner_number
    record = _add(
        portal, "contacts", CONTACT + person.number,
        {
            "email": person.emails[0] if person.emails else None,
            "hs_additional_emails": ";".join(person.emails[1:]) or None,
            "firstname": person.first, "lastname": person.last, "jobtitle": person.job,
            "associatedcompanyid": get_company_id(company),
            "hubspot_owner_id": str(OWNER + owner) if owner else None,
            "user_id": person.key if person.in_product and person.number % 5 < 3 else None,
        },
        person.created_at, _choose_edit_time(person.created_at, person.number, now),
    )  # fmt: skip
    portal.link("contacts", record.id, "companies", get_company_id(company), CONTACT_TO_COMPANY)
    portal.link("companies", get_company_id(company), "contacts", record.id, COMPANY_TO_CONTACT)


def _add_answer(portal: Portal, answer: SurveyAnswer) -> None:
    contact = str(CONTACT + int(answer.person_key.removeprefix("u-")))
    record = _add(
        portal, "feedback_submissions", FEEDBACK + answer.number,
        {
            "hs_survey_type": answer.kind.upper(), "hs_survey_name": answer.survey,
            "hs_survey_id": {"nps": "11", "csat": "12", "ces": "13"}[answer.kind],
            "hs_survey_channel": "EMAIL", "hs_value": str(answer.score),
            "hs_response_group": _group(answer), "hs_content": answer.comment,
            "hs_submission_timestamp": format_instant(answer.answered_at), "hs_contact_id": contact,
        },
        answer.answered_at, answer.answered_at,
    )  # fmt: skip
    portal.link("feedback_submissions", record.id, "contacts", contact, FEEDBACK_TO_CONTACT)
    portal.link("contacts", contact, "feedback_submissions", record.id, CONTACT_TO_FEEDBACK)


def _group(answer: SurveyAnswer) -> str | None:
    if answer.kind != "nps":
        return None
    if answer.score >= 9:
        return "Promoter"
    return "Passive" if answer.score >= 7 else "Detractor"


def _choose_contact_time(company: Company, now: datetime) -> datetime | None:
    """Choose the last call, e-mail or meeting.

    Who has no manager was never contacted.
    """
    if not company.signed_up or company.owner_number is None:
        return None
    days = Random(f"contact:{company.number}").expovariate(1 / 40)
    return max(company.created_at, now - timedelta(days=days))


def _build_history(record: Record, company: Company, owners: int) -> dict[str, list[Version]]:
    """Build what the properties of a company were before.

    All were set when it was created. Who signed up was a lead for up to two weeks, companies grew,
    one in four was handed over, and everybody was contacted before the last time.
    """
    created, values = company.created_at, record.properties
    middle = created + (record.updated_at - created) / 2
    history = {name: [Version(created, value)] for name, value in values.items() if value}

    def change(name: str, before: str | None, at: datetime) -> None:
        now = values.get(name)
        if now and before and before != now:
            history[name] = [Version(created, before), Version(at, now)]

    change("lifecyclestage", "lead", min(created + timedelta(days=14), record.updated_at))
    change("numberofemployees", str(max(1, company.size * 2 // 3)), middle)
    if company.owner_number and company.number % 4 == 0:
        change("hubspot_owner_id", str(OWNER + company.owner_number % owners + 1), middle)
    if values.get("notes_last_contacted"):
        moments = [parse_instant(values["notes_last_contacted"] or "")]
        random = Random(f"contacts:{company.number}")
        while (earlier := moments[0] - timedelta(days=random.expovariate(1 / 40))) > created:
            moments.insert(0, earlier)
        history["notes_last_contacted"] = [Version(at, format_instant(at)) for at in moments]
    return history


def _choose_edit_time(created: datetime, number: int, now: datetime) -> datetime:
    """Return when somebody last edited a record, always the same."""
    return created + (now - created) * ((number * 37) % 100) / 100

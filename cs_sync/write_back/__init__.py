"""Scores and follow-ups into the CRM: plan, intent, call, receipt."""

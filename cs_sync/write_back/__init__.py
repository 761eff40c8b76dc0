"""Write-back of scores and follow-ups to the CRM: plan, intent, call, receipt."""

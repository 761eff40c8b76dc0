"""What only answers: nothing here changes the store or the CRM on purpose."""

"""What role R works out: calendars and balances. Pure: facts in, facts out."""

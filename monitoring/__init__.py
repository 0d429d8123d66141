"""What happened: events, incidents, findings, cases and reports."""

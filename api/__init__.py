"""The doors: HTTP, command line and the web workspace."""

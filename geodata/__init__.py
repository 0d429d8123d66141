"""Where things are: projection, the contact line, zones, sectors and the locator."""

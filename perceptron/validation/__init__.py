"""IS IT TRUE: the gate's proof and the locator's truth. Only their two commands import it."""

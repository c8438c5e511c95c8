"""How often the locator and the map are right, in simulated worlds whose answers are known."""

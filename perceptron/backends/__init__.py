"""WHO trains it: one file for each backend, found through one registry."""

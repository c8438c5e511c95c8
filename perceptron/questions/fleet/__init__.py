"""A fleet: one command line as jobs on many machines, and their rows brought together."""

"""Counts: the instructions of each benchmark on both revisions, under valgrind."""

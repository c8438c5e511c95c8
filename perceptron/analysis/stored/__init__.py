"""Whole runs and whole folders of results, judged; records/readers read them."""

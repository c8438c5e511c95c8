"""WHAT IT MEANS: pure functions on records."""

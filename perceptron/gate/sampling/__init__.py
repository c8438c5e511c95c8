"""Readings: processes started, arms asked, blocks scheduled within the budget."""

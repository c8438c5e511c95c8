"""Measurements: programs started on the sides, and blocks scheduled within the budget."""
